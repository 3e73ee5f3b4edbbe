"""The register: it sells, counts, prices, renames and archives."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from tests.simulation.ledger import StockHistory
from tests.simulation.world import World


def one_of(world: World, index: int) -> str:
    """The product behind an index."""
    return world.products[index % len(world.products)]


def name_of(world: World, product_id: str) -> str:
    return str(world.cova.state.products[product_id].name)


def register_sells(world: World, product: int, quantity: int) -> bool:
    each = one_of(world, product)
    world.register.sell(each, quantity)
    world.note_stock(each)
    world.say(f"the register sells {quantity} of {name_of(world, each)}")
    return True


def register_counts(world: World, product: int, quantity: int) -> bool:
    each = one_of(world, product)
    world.register.set_stock(each, quantity)
    world.note_stock(each)
    world.say(f"the register counts {quantity} of {name_of(world, each)}")
    return True


def register_prices(world: World, product: int, cents: int) -> bool:
    each = one_of(world, product)
    world.register.set_price(each, Decimal(cents).scaleb(-2))
    world.say(f"{name_of(world, each)} now costs {Decimal(cents).scaleb(-2)}")
    return True


def register_renames(world: World, product: int, number: int) -> bool:
    each = one_of(world, product)
    world.register.rename(each, f"Renamed {number}")
    world.say(f"product {each[:8]} is now called Renamed {number}")
    return True


def register_puts_on_sale(world: World, product: int, starts_in: int, minutes: int) -> bool:
    each = one_of(world, product)
    regular = world.cova.state.products[each].regular_price(world.cova.account.location_ids[0])
    if regular is None or regular <= 1:
        return False
    start = world.cova.clock.now() + timedelta(minutes=starts_in)
    end = start + timedelta(minutes=minutes)
    price = (regular * Decimal("0.8")).quantize(Decimal("0.01"))
    world.register.put_on_sale(each, price, start, end)
    world.say(f"{name_of(world, each)} is on sale from {start:%H:%M} to {end:%H:%M}")
    return True


def register_ends_sale(world: World, product: int) -> bool:
    each = one_of(world, product)
    world.register.end_sale(each)
    world.say(f"{name_of(world, each)} is on sale no longer")
    return True


def register_archives(world: World, product: int) -> bool:
    each = one_of(world, product)
    found = world.cova.state.products[each]
    if found.is_archived:
        world.register.restore(each)
    else:
        world.register.archive(each)
    world.note_menu(each)
    world.say(f"{name_of(world, each)} is {'archived' if found.is_archived else 'back'}")
    return True


def register_pauses(world: World, product: int, lifecycle: str) -> bool:
    each = one_of(world, product)
    if world.cova.state.products[each].is_archived:
        return False
    world.register.set_lifecycle(each, lifecycle)
    world.note_menu(each)
    world.say(f"{name_of(world, each)} is now {lifecycle}")
    return True


def register_adds_product(world: World, quantity: int) -> bool:
    number = len(world.cova.state.products)
    each = world.register.add_product(name=f"New arrival {number}", price=12, stock=quantity)
    world.stock[each] = StockHistory([(world.now, world.register_stock(each))])
    world.on_menu[each] = StockHistory([(world.now, Decimal(1))])
    world.products.append(each)
    world.say(f"New arrival {number} comes in, {quantity} pieces")
    return True

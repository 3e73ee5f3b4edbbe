"""The register: it sells, counts, prices, renames and archives."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from tests.simulation.ledger import StockHistory
from tests.simulation.place import Place


def one_of(place: Place, index: int) -> str:
    """The product behind an index."""
    return place.products[index % len(place.products)]


def name_of(place: Place, product_id: str) -> str:
    return str(place.cova.state.products[product_id].name)


def register_sells(place: Place, product: int, quantity: int) -> bool:
    each = one_of(place, product)
    place.register.sell(each, quantity, location_id=place.location_id)
    place.note_stock(each)
    place.say(f"the register sells {quantity} of {name_of(place, each)}")
    return True


def register_counts(place: Place, product: int, quantity: int) -> bool:
    each = one_of(place, product)
    place.register.set_stock(each, quantity, location_id=place.location_id)
    place.note_stock(each)
    place.say(f"the register counts {quantity} of {name_of(place, each)}")
    return True


def register_prices(place: Place, product: int, cents: int) -> bool:
    each = one_of(place, product)
    place.register.set_price(each, Decimal(cents).scaleb(-2))
    place.say(f"{name_of(place, each)} now costs {Decimal(cents).scaleb(-2)}")
    return True


def register_renames(place: Place, product: int, number: int) -> bool:
    each = one_of(place, product)
    place.register.rename(each, f"Renamed {number}")
    place.say(f"product {each[:8]} is now called Renamed {number}")
    return True


def register_puts_on_sale(place: Place, product: int, starts_in: int, minutes: int) -> bool:
    each = one_of(place, product)
    regular = place.cova.state.products[each].regular_price(place.location_id)
    if regular is None or regular <= 1:
        return False
    start = place.cova.clock.now() + timedelta(minutes=starts_in)
    end = start + timedelta(minutes=minutes)
    price = (regular * Decimal("0.8")).quantize(Decimal("0.01"))
    place.register.put_on_sale(each, price, start, end)
    place.say(f"{name_of(place, each)} is on sale from {start:%H:%M} to {end:%H:%M}")
    return True


def register_ends_sale(place: Place, product: int) -> bool:
    each = one_of(place, product)
    place.register.end_sale(each)
    place.say(f"{name_of(place, each)} is on sale no longer")
    return True


def register_archives(place: Place, product: int) -> bool:
    each = one_of(place, product)
    found = place.cova.state.products[each]
    if found.is_archived:
        place.register.restore(each)
    else:
        place.register.archive(each)
    place.note_menu(each)
    place.say(f"{name_of(place, each)} is {'archived' if found.is_archived else 'back'}")
    return True


def register_pauses(place: Place, product: int, lifecycle: str) -> bool:
    each = one_of(place, product)
    if place.cova.state.products[each].is_archived:
        return False
    place.register.set_lifecycle(each, lifecycle)
    place.note_menu(each)
    place.say(f"{name_of(place, each)} is now {lifecycle}")
    return True


def register_adds_product(place: Place, quantity: int) -> bool:
    number = len(place.cova.state.products)
    each = place.register.add_product(
        name=f"New arrival {number}", price=12, stock=quantity, location_id=place.location_id
    )
    for sibling in place.siblings():
        sibling.stock[each] = StockHistory([(place.now, sibling.register_stock(each))])
        sibling.on_menu[each] = StockHistory([(place.now, Decimal(1))])
        sibling.products.append(each)
    place.say(f"New arrival {number} comes in, {quantity} pieces")
    return True

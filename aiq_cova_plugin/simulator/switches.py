"""Every reading of the vendor's interface that is not certain, as a switch.

A client is tested against both settings of each. The defaults are the readings that
`cova-api.md` calls likely.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints


@dataclass(kw_only=True)
class Switches:
    """The open questions about COVA, one attribute each; change them while the server runs.

    The text below each attribute says what it decides and which section of `cova-api.md` leaves
    it open.
    """

    # -- catalogue feed (section 4) --
    default_top: int = 100
    """Section 4.3: how many products come when `Top` is left out."""
    max_top: int = 500
    """Section 4.3: the largest page; undocumented, 500 is what clients use."""
    top_above_max: Literal["error_400", "clamp", "error_500"] = "error_400"
    """Section 12: what a larger `Top` gets."""
    order_of_products: Literal["stable", "on_change", "every_call"] = "stable"
    """Section 4.3: whether pages shift: never, when a product changes, or on each call."""
    in_stock_only_limits: Literal["products", "availability"] = "products"
    """Section 4.2: whether `InStockOnly` drops products or only empty availability rows."""
    selling_room_only_works: bool = True
    """Section 4.2: whether `SellingRoomOnly` drops the rows of back rooms."""
    all_lifecycles_includes_archived: bool = True
    """Section 4.2: whether `IncludeAllLifecycles` shows archived products as well."""
    updated_by_stock: bool = True
    """Section 12: whether a change of stock makes a product "updated"."""
    updated_by_price: bool = True
    """Section 12: whether a changed price or sale price makes a product "updated"."""
    updated_by_specification: bool = True
    """Section 12: whether a changed specification makes a product "updated"."""
    updated_by_sale_window: bool = False
    """Section 12: whether a sale that starts or ends by time makes a product "updated"."""
    updates_report_archived: bool = True
    """Section 12: whether UpdatedAsOf reports a product that was archived since."""
    sale_price_keys: Literal["portal", "platform", "plain", "amount"] = "portal"
    """Section 4.8: how the elements of `SalePrices` are spelled."""
    unknown_location_status: int = 500
    """Section 5: the status for a location that is not the company's."""
    wrong_company_status: int = 403
    """Section 2.3: the status for somebody else's company id: 403, 404 or 500."""

    # -- customers (section 8) --
    search_available: bool = True
    """Section 8.1: whether `POST Search` exists; off makes it 404."""
    customer_search_available: bool = True
    """Section 8.2: whether the platform's `CustomerSearch` exists on the gateway."""
    search_fields: tuple[str, ...] = ("Phone", "Contact")
    """Section 8.1: the accepted `Field` tokens."""
    search_operations: tuple[str, ...] = ("Equals", "Contains")
    """Section 8.1: the accepted `Operation` tokens, out of Equals, Contains, StartsWith and any
    other spelling, which then means Equals."""
    unknown_search_token: Literal["error_400", "no_results"] = "error_400"
    """Section 8.1: what a token that is not accepted gets."""
    search_normalises_phone: bool = False
    """Section 8.2: whether phones are compared by their digits; nothing says so."""
    address_resources_available: bool = True
    """Section 8.5: whether addresses and contact methods have calls of their own."""
    missing_resource_status: int = 404
    """Section 12: 404 or 405 for the calls of 8.5 when they are not there."""
    stale_version_status: int = 409
    """Section 8.5: 409, 412 or 400 for a `Version` that is not current."""
    create_customer_status: int = 201
    """Section 8.4: 201 or 200."""

    # -- taxes (section 7) --
    tax_pricing: Literal["Exclusive", "Inclusive", "absent"] = "Exclusive"
    """Section 7: the main location's entry; "absent" leaves it out, which means Exclusive."""
    second_tax_pricing: Literal["Exclusive", "Inclusive", "absent"] = "Inclusive"
    """Section 7: the same for the second location."""
    tax_rounding: Literal["line", "order"] = "line"
    """Section 12: whether tax is rounded on each line or once per order."""

    # -- orders (section 9) --
    order_mode: Literal["synchronous", "asynchronous"] = "synchronous"
    """Section 9.2: state known with the reply, or a queue that is worked off later."""
    order_delay_seconds: float = 0.0
    """Section 9.2: how long the synchronous reply takes; the vendor says 1 to 30 s."""
    order_step_seconds: float = 2.0
    """Section 9.3: simulated seconds between two states of an asynchronous order; 0 turns it
    off and lets only reads advance it."""
    order_step_reads: int = 0
    """Section 9.3: status reads between two states of an asynchronous order; 0 turns it off."""
    status_unknown_reads: int = 0
    """Section 9.3: how many status reads of a new order answer 404 before it is known."""
    invalid_order: Literal["status", "error_400"] = "status"
    """Section 9.2: whether a bad order is refused at once or accepted and failed."""
    invalid_integrator: Literal["error_400", "status"] = "error_400"
    """Section 9.1: the same question for a wrong IntegratorId."""
    repeated_put: Literal["same_order", "duplicate", "error"] = "same_order"
    """Section 12: what a second PUT of one GUID does: nothing more, a second sale, or 409."""
    repeated_put_edits: bool = False
    """Section 12: whether a second PUT changes the lines of an unpaid order."""
    enum_style: Literal["number", "name"] = "number"
    """Section 11: whether OrderStatus and PaymentStatus are numbers or names."""
    reserve_on_order: bool = False
    """Section 5: whether an open order takes its stock at once or only when completed."""
    check_stock: bool = True
    """Section 5: whether an order for more than there is fails."""
    repeated_payment: Literal["error", "accept"] = "error"
    """Section 12: what a second payment of a paid order gets."""
    cancel_again_status: int = 200
    """Section 9.5: the status when a cancelled order is cancelled once more."""

    # -- conventions (section 10) --
    rate_limit_enforced: bool = True
    """Section 10.1: whether 429 is given at all."""
    rate_limit: int = 1000
    """Section 10.1: calls per service and window."""
    rate_limit_window_seconds: float = 60.0
    """Section 10.1: the window."""
    rate_limit_headers: bool = True
    """Section 10.1: whether the headers are sent; they "may" be present."""
    rate_limit_retry_after: bool = False
    """Section 10.1: whether a 429 has `Retry-After` as well."""
    rate_limit_text: bool = False
    """Section 10.2: whether the 429 is plain text, as the old platform's was."""

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(self).items()
        }

    def update(self, values: dict[str, Any]) -> None:
        """Set several switches; raises ValueError naming the bad one and changes none then."""
        checked = {name: self._checked(name, value) for name, value in values.items()}
        for name, value in checked.items():
            setattr(self, name, value)

    @classmethod
    def choices(cls, name: str) -> tuple[str, ...]:
        """The allowed words of a switch, empty when it is a number, a list or a yes/no."""
        kind = _kinds()[name]
        return get_args(kind) if get_origin(kind) is Literal else ()

    def _checked(self, name: str, value: Any) -> Any:
        kind = _kinds().get(name)
        if kind is None:
            raise ValueError(f"There is no switch named {name}.")
        options = self.choices(name)
        if options:
            if value not in options:
                raise ValueError(f"{name} must be one of {', '.join(options)}.")
            return value
        if kind is bool:
            return _yes_or_no(name, value)
        try:
            if get_origin(kind) is tuple:
                parts = value.split(",") if isinstance(value, str) else value
                return tuple(str(part).strip() for part in parts if str(part).strip())
            return kind(value)
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be {kind.__name__}, not {value!r}.") from None


def _kinds() -> dict[str, Any]:
    return get_type_hints(Switches)


def _yes_or_no(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in {"true", "1", "yes", "on"}:
        return True
    if word in {"false", "0", "no", "off"}:
        return False
    raise ValueError(f"{name} must be true or false.")

"""COVA's operations, one method each.

Sections are those of `docs/cova-api.md`. Every method raises one of the five kinds of
`errors`: NeedsOperator (BadCredentials, NotPermitted, MissingSetting), Retryable
(CovaUnavailable, RateLimited), Rejected (NotFound, VersionConflict), ContractBroken, and
writes also OutcomeUnknown.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from aiq_cova_plugin.clock import Clock, SystemClock
from aiq_cova_plugin.config import looks_like_guid
from aiq_cova_plugin.cova import failures
from aiq_cova_plugin.cova.breaker import Breaker
from aiq_cova_plugin.cova.credentials import CovaCredentials
from aiq_cova_plugin.cova.endpoints import CovaEndpoints
from aiq_cova_plugin.cova.paging import SMALLEST_PAGE_SIZE
from aiq_cova_plugin.cova.rate_limit import PROCESS_BUDGET, CallBudget, Priority
from aiq_cova_plugin.cova.token import MemoryTokenStore, TokenProvider, TokenStore
from aiq_cova_plugin.cova.transport import Answer, Call, Transport
from aiq_cova_plugin.errors import ContractBroken, MissingSetting, OutcomeUnknown
from aiq_cova_plugin.redaction import safe_reason
from aiq_cova_plugin.schemas.company import TaxPricing, load_location, load_tax_pricing
from aiq_cova_plugin.schemas.customers import (
    dump_address,
    dump_new_customer,
    load_address,
    load_customer,
)
from aiq_cova_plugin.schemas.fields import utc_text
from aiq_cova_plugin.schemas.orders import (
    dump_order_payment,
    dump_sales_order,
    load_completed_order,
    load_order_status,
    load_placed_order,
)
from aiq_cova_plugin.schemas.products import load_tax_rate
from aiq_cova_plugin.schemas.records import (
    CompletedOrder,
    Customer,
    CustomerAddress,
    Location,
    NewCustomer,
    OrderPayment,
    PlacedOrder,
    ProductPage,
    SalesOrder,
    SalesOrderPayment,
    SalesOrderStatus,
    TaxRate,
)

log = logging.getLogger(__name__)
T = TypeVar("T")

LONGEST_LOOK_BACK = timedelta(days=30)
"""How far back CompletedOrders goes (section 9.5)."""
_UNAUTHORIZED = frozenset({401})


class CovaClient:
    """COVA for one company and one location."""

    def __init__(
        self,
        *,
        endpoints: CovaEndpoints,
        credentials: CovaCredentials,
        transport: Transport,
        tokens: TokenProvider,
        clock: Clock,
    ) -> None:
        self._endpoints = endpoints
        self._credentials = credentials
        self._transport = transport
        self._tokens = tokens
        self._clock = clock

    @property
    def calls(self) -> int:
        """How many calls were sent, log-ins and repeats included; for run records."""
        return self._transport.calls

    @property
    def server_time(self) -> datetime | None:
        """What COVA's clock said when it last answered (UTC); None when it has not said."""
        return self._transport.server_time

    def close(self) -> None:
        """Let go of the connections."""
        self._transport.close()

    def __enter__(self) -> CovaClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- log-in: section 2 ------------------------------------------------------------

    def log_in(self) -> None:
        """Ask for a new token, to see whether the credentials are right (section 2.1).

        Raises BadCredentials with the settings field in `field`.
        """
        self._tokens.log_in()

    # --- products: section 4 ----------------------------------------------------------

    def product_page(self, *, skip: int, top: int) -> ProductPage:
        """One page of all products of the location (section 4.1, first call)."""
        return self._products(
            "product_page", {}, self._product_question() | {"Skip": skip, "Top": top}
        )

    def product_page_updated_as_of(
        self, *, updated_as_of: datetime, skip: int, top: int
    ) -> ProductPage:
        """One page of the products changed since a time (section 4.1, second call).

        The time goes into the path in UTC with milliseconds, colons percent-encoded.
        """
        return self._products(
            "product_page_updated_as_of",
            {"updated_as_of": utc_text(updated_as_of)},
            self._product_question() | {"Skip": skip, "Top": top},
        )

    def products_by_id(
        self, ids: Iterable[str], *, priority: Priority = "catalogue"
    ) -> ProductPage:
        """These products (section 4.1, third call); those COVA does not know are left out."""
        wanted = list(dict.fromkeys(each.lower() for each in ids))
        if not wanted:
            return ProductPage(products=())
        return self._products(
            "products_by_id",
            {},
            self._product_question() | {"ProductIds": wanted},
            priority=priority,
        )

    # --- company: sections 3 and 7 ----------------------------------------------------

    def locations(self) -> tuple[Location, ...]:
        """All locations of the company (section 3.1)."""
        answer = self._read("locations", "reading the locations", priority="catalogue")
        return self._each(answer, load_location, "locations")

    def location(self) -> Location:
        """Our own location (section 3.1). Raises NotFound when COVA has none of this id."""
        answer = self._read(
            "location",
            "reading the location",
            {"location_id": self._credentials.location_id},
            priority="catalogue",
        )
        return load_location(answer.body)

    def tax_pricing(self) -> TaxPricing:
        """Do our location's prices hold the tax? (section 7) Ask at most daily."""
        answer = self._read("tax_pricing", "reading the tax settings", priority="catalogue")
        return load_tax_pricing(
            self._elements(answer, "tax_pricing"), location_id=self._credentials.location_id
        )

    # --- customers: section 8 ---------------------------------------------------------

    def search_customers(
        self,
        *,
        field: str,
        value: str,
        operation: str,
        on_unreadable: Callable[[str | None], None] | None = None,
    ) -> tuple[Customer, ...]:
        """Customers for whom one criterion holds (section 8.1).

        `on_unreadable` hears of each customer that could not be read, or not with all its
        contacts, by id where COVA sent one.

        The allowed words for `field` and `operation` are not known for sure; COVA refuses an
        unknown one with Rejected.
        """
        criterion = {"Criteria": value, "Field": field, "Operation": operation}
        answer = self._send(
            self._call(
                "search_customers",
                "searching the customer",
                method="POST",
                json={"Criteria": [criterion]},
            )
        )
        return self._customers(answer, on_unreadable)

    def search_customers_by_text(
        self, text: str, *, on_unreadable: Callable[[str | None], None] | None = None
    ) -> tuple[Customer, ...]:
        """Customers with this text in a name, address or contact (section 8.2, fallback).

        `on_unreadable` as in `search_customers`.
        """
        literal = text.replace("'", "''")
        answer = self._read(
            "search_customers_by_text",
            "searching the customer",
            query={"$filter": f"Criteria eq '{literal}'"},
        )
        return self._customers(answer, on_unreadable)

    def customer(self, customer_id: str) -> Customer:
        """One customer with contacts and addresses (section 8.3). Raises NotFound."""
        answer = self._read("customer", "reading the customer", {"customer_id": customer_id})
        return _customer(answer.body)

    def create_customer(self, new: NewCustomer) -> Customer:
        """Create a customer (section 8.4). Search first: COVA does not prevent doubles."""
        answer = self._send(
            self._call(
                "create_customer",
                "creating the customer",
                method="POST",
                is_write=True,
                json=dump_new_customer(new),
            )
        )
        return self._written(answer, _customer, "creating the customer")

    def add_address(self, customer_id: str, address: CustomerAddress) -> CustomerAddress | None:
        """Give a customer one more address (section 8.5); None when COVA does not echo it."""
        body = {
            key: value
            for key, value in dump_address(address).items()
            if key not in {"Id", "Version"}
        }
        answer = self._send(
            self._call(
                "add_address",
                "adding the address",
                {"customer_id": customer_id},
                method="POST",
                is_write=True,
                json=body,
                needs_body=False,
            )
        )
        return _echoed_address(answer)

    def update_address(self, customer_id: str, address: CustomerAddress) -> CustomerAddress | None:
        """Overwrite an address (section 8.5); None when COVA does not echo it.

        `address` carries the id and the version that were read. When it has changed since,
        COVA answers 409 or 412 (VersionConflict), or perhaps 400 (Rejected): read the
        customer again and decide anew.
        """
        if address.id is None or address.version is None:
            raise ValueError("an address is overwritten by its id and the version that was read")
        answer = self._send(
            self._call(
                "update_address",
                "changing the address",
                {"customer_id": customer_id, "address_id": address.id},
                method="PUT",
                is_write=True,
                json=dump_address(address) | {"CustomerId": customer_id},
                needs_body=False,
            )
        )
        return _echoed_address(answer)

    # --- orders: section 9 ------------------------------------------------------------

    def submit_order(self, order: SalesOrder, *, tax_pricing: TaxPricing) -> None:
        """Send an order by the call that fits the location's tax pricing (section 9.2).

        Returning means no more than that COVA took it in: only `order_status` tells what
        became of it. After OutcomeUnknown, ask `order_status` before sending it again.
        """
        if not order.integrator_id:
            raise _no_integrator_id()
        operations: Mapping[str, str] = {
            "Inclusive": "submit_inclusive_order",
            "Exclusive": "submit_exclusive_order",
        }
        self._send(
            self._call(
                operations[tax_pricing],
                "sending the order",
                {"order_id": order.id},
                method="PUT",
                is_write=True,
                json=dump_sales_order(order),
                needs_body=False,
            )
        )

    def order_status(self, order_id: str) -> SalesOrderStatus:
        """Where an order stands (section 9.3). Raises NotFound when COVA has no such order."""
        answer = self._read("order_status", "reading the order's status", {"order_id": order_id})
        status = load_order_status(answer.body, order_id=order_id)
        secrets = self._credentials.secrets
        return replace(
            status,
            order_message=safe_reason(status.order_message, secrets=secrets),
            payment_message=safe_reason(status.payment_message, secrets=secrets),
        )

    def read_order(self, order_id: str) -> PlacedOrder:
        """One order read back (section 9.5). Raises NotFound."""
        answer = self._read(
            "read_order",
            "reading the order",
            {
                "location_id": self._credentials.location_id,
                "integrator_id": self._integrator_id(),
                "order_id": order_id,
            },
        )
        return load_placed_order(answer.body)

    def completed_orders(self, *, since: datetime) -> tuple[CompletedOrder, ...]:
        """Orders completed at our location since a time (section 9.5).

        COVA looks back 30 days at most; an earlier time is moved there. It may send orders of
        other integrators: look for your own ids.
        """
        since = max(since, self._clock.now() - LONGEST_LOOK_BACK)
        answer = self._read(
            "completed_orders",
            "reading completed orders",
            {
                "location_id": self._credentials.location_id,
                "integrator_id": self._integrator_id(),
            },
            query={"DateSince": utc_text(since)},
        )
        return self._each(answer, load_completed_order, "completed_orders")

    def cancel_order(self, order_id: str) -> None:
        """Cancel an order (section 9.5); COVA refuses once a payment was sent."""
        self._send(
            self._call(
                "cancel_order",
                "cancelling the order",
                {"order_id": order_id},
                method="DELETE",
                is_write=True,
                needs_body=False,
            )
        )

    def pay_order(
        self,
        *,
        order_id: str,
        payments: Sequence[SalesOrderPayment],
        tracking_number: str = "N/A",
    ) -> None:
        """Mark an order paid (section 9.4), only at ReadyForPayment.

        The payments must add up to the status's `sale_total` exactly. Afterwards the order
        can neither be cancelled nor changed. After OutcomeUnknown, look at `payment_status`
        before paying again.
        """
        payment = OrderPayment(
            order_id=order_id,
            company_id=self._credentials.company_id,
            payments=tuple(payments),
            tracking_number=tracking_number,
        )
        self._send(
            self._call(
                "pay_order",
                "marking the order paid",
                method="POST",
                is_write=True,
                json=dump_order_payment(payment),
                needs_body=False,
            )
        )

    # --- how it is done ---------------------------------------------------------------

    def _product_question(self) -> dict[str, Any]:
        """Ask for everything and filter ourselves: the filters' meaning is unsure (12)."""
        return {
            "LocationId": self._credentials.location_id,
            "IncludeProductSkusAndUpcs": True,
            "IncludeProductSpecifications": True,
            "IncludeClassifications": True,
            "IncludeProductAssets": True,
            "IncludeAvailability": True,
            "IncludePackageDetails": False,
            "IncludePricing": True,
            "IncludeTaxes": True,
            "InStockOnly": False,
            "IncludeAllLifecycles": True,
            "SellingRoomOnly": False,
        }

    def _products(
        self,
        operation: str,
        values: Mapping[str, str],
        question: dict[str, Any],
        *,
        priority: Priority = "catalogue",
    ) -> ProductPage:
        answer = self._send(
            self._call(
                operation,
                "reading products",
                values,
                method="POST",
                json=question,
                priority=priority,
                # A page can be halved, down to the smallest that `paging` tries.
                can_ask_for_less=question.get("Top", 0) > SMALLEST_PAGE_SIZE,
            )
        )
        body = answer.body
        products = body.get("Products") if isinstance(body, dict) else None
        if not isinstance(products, list):
            raise ContractBroken(
                "COVA's answer holds no list of products.",
                detail=f"operation {operation}",
                field="Products",
                request_id=answer.request_id,
            )
        rates = body.get("TaxRates")
        return ProductPage(
            products=tuple(products),
            tax_rates=tuple(self._tax_rates(rates if isinstance(rates, list) else [])),
            server_time=answer.server_time,
        )

    def _tax_rates(self, elements: list[Any]) -> Iterable[TaxRate]:
        for raw in elements:
            try:
                yield load_tax_rate(raw)
            except ContractBroken as error:
                log.warning(
                    "cova_element_set_aside",
                    extra={"operation": "tax_rates", "key": error.field},
                )

    def _customers(
        self, answer: Answer, on_unreadable: Callable[[str | None], None] | None
    ) -> tuple[Customer, ...]:
        def load(raw: Any) -> Customer:
            try:
                customer, problems = load_customer(raw)
            except ContractBroken:
                _tell_unreadable(raw, on_unreadable)
                raise
            if any(where.startswith("ContactMethods") for where, _ in problems):
                _tell_unreadable(raw, on_unreadable)
            _note_set_aside(problems)
            return customer

        return self._each(answer, load, "search_customers", list_key="Results")

    def _each(
        self,
        answer: Answer,
        load: Callable[[Any], T],
        operation: str,
        *,
        list_key: str | None = None,
    ) -> tuple[T, ...]:
        """Every element that can be read. Raises ContractBroken when none of several can."""
        elements = self._elements(answer, operation, list_key=list_key)
        loaded: list[T] = []
        refused: ContractBroken | None = None
        for raw in elements:
            try:
                loaded.append(load(raw))
            except ContractBroken as error:
                refused = error
                log.warning(
                    "cova_element_set_aside", extra={"operation": operation, "key": error.field}
                )
        if refused is not None and not loaded:
            raise refused
        return tuple(loaded)

    def _elements(
        self, answer: Answer, operation: str, *, list_key: str | None = None
    ) -> list[Any]:
        elements = _unwrapped(answer.body, list_key)
        if elements is None:
            raise ContractBroken(
                "COVA's answer holds no list where one was agreed.",
                detail=f"operation {operation}",
                request_id=answer.request_id,
            )
        return elements

    def _written(self, answer: Answer, load: Callable[[Any], T], doing: str) -> T:
        """What a write brought about. An answer that cannot be read leaves that open."""
        try:
            return load(answer.body)
        except ContractBroken as error:
            raise OutcomeUnknown(
                f"COVA's answer cannot be read ({doing}).",
                detail=error.message,
                fix=failures.LOOK_UP,
                request_id=answer.request_id,
            ) from error

    def _integrator_id(self) -> str:
        if not self._credentials.integrator_id:
            raise _no_integrator_id()
        return self._credentials.integrator_id

    def _read(
        self,
        operation: str,
        doing: str,
        values: Mapping[str, str | int] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        priority: Priority = "orders",
    ) -> Answer:
        return self._send(
            self._call(operation, doing, values, method="GET", query=query, priority=priority)
        )

    def _call(
        self,
        operation: str,
        doing: str,
        values: Mapping[str, str | int] | None = None,
        *,
        method: Literal["GET", "POST", "PUT", "DELETE"],
        query: Mapping[str, str] | None = None,
        json: Any = None,
        is_write: bool = False,
        needs_body: bool = True,
        priority: Priority = "orders",
        can_ask_for_less: bool = False,
    ) -> Call:
        company_id = self._credentials.company_id
        url = self._endpoints.url(operation, {"company_id": company_id, **(values or {})})
        if query:
            # %20 for a space, not +, and the $ of OData's names as it is (section 10.5).
            pairs = (
                f"{quote(key, safe='$')}={quote(text, safe='')}" for key, text in query.items()
            )
            url += "?" + "&".join(pairs)
        return Call(
            doing=doing,
            operation=operation,
            method=method,
            url=url,
            service=self._endpoints.service(operation),
            is_write=is_write,
            priority=priority,
            company_id=company_id,
            json=json,
            needs_body=needs_body,
            can_ask_for_less=can_ask_for_less,
            secrets=self._credentials.secrets,
        )

    def _send(self, call: Call) -> Answer:
        """Send with a token; after a 401 once more with a new one (section 2.3).

        A 401 comes before anything is done, so that a write, too, may be sent again.
        """
        token = self._tokens.token()
        answer = self._transport.send(call, token=token, keep_statuses=_UNAUTHORIZED)
        if answer.status != 401:
            return answer
        log.info("cova_token_refused", extra={"operation": call.operation})
        self._tokens.discard(token)
        return self._transport.send(call, token=self._tokens.token())


def build_client(
    *,
    endpoints: CovaEndpoints,
    credentials: CovaCredentials,
    token_store: TokenStore | None = None,
    clock: Clock | None = None,
    budget: CallBudget | None = None,
    breaker: Breaker | None = None,
    connect_timeout_seconds: float = 5.0,
    read_timeout_seconds: float = 60.0,
    sleep: Callable[[float], None] = time.sleep,
) -> CovaClient:
    """A client with a transport of its own; close it when done.

    Without a `token_store` the token lives and dies with the client, as a connection check
    wants it. Without a `budget` all clients of the process share one. Without a `breaker`
    every call is made, however often the last ones failed.
    """
    clock = clock or SystemClock()
    transport = Transport(
        connect_timeout_seconds=connect_timeout_seconds,
        read_timeout_seconds=read_timeout_seconds,
        budget=budget or PROCESS_BUDGET,
        breaker=breaker,
        sleep=sleep,
    )
    tokens = TokenProvider(
        endpoints,
        credentials,
        token_store or MemoryTokenStore(),
        clock,
        transport=transport,
        sleep=sleep,
    )
    return CovaClient(
        endpoints=endpoints,
        credentials=credentials,
        transport=transport,
        tokens=tokens,
        clock=clock,
    )


def _customer(raw: Any) -> Customer:
    customer, problems = load_customer(raw)
    _note_set_aside(problems)
    return customer


def _note_set_aside(problems: Iterable[tuple[str, str]]) -> None:
    for where, _ in problems:
        log.warning("cova_element_set_aside", extra={"operation": "customer", "key": where})


def _tell_unreadable(raw: Any, on_unreadable: Callable[[str | None], None] | None) -> None:
    found = raw.get("Id") if isinstance(raw, dict) else None
    if on_unreadable is not None:
        on_unreadable(found.lower() if isinstance(found, str) and looks_like_guid(found) else None)


def _echoed_address(answer: Answer) -> CustomerAddress | None:
    """The address in the answer, if there is one: success does not hang on it."""
    body = answer.body
    if not isinstance(body, dict) or "StreetAddress1" not in body:
        return None
    try:
        return load_address(body)
    except ContractBroken:
        return None


def _unwrapped(body: Any, list_key: str | None) -> list[Any] | None:
    """The list in a bare array, in HAL's `_embedded` (section 10.3), or under `list_key`."""
    if isinstance(body, list):
        return body
    if not isinstance(body, dict):
        return None
    embedded = body.get("_embedded")
    if isinstance(embedded, dict):
        found = embedded.get("self")
        if isinstance(found, list):
            return found
        # Where the list has another name, it is the only one there.
        lists = [each for each in embedded.values() if isinstance(each, list)]
        return lists[0] if len(lists) == 1 else None
    found = body.get(list_key) if list_key else None
    return found if isinstance(found, list) else None


def _no_integrator_id() -> MissingSetting:
    return MissingSetting(
        "Orders cannot go to COVA without an IntegratorId.",
        field="integrator_id",
        fix="Set COVA_INTEGRATOR_ID, or the store's own IntegratorId, as COVA issued it.",
    )

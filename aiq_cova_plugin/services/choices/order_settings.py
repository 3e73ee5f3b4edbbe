"""What a store decides about its orders: addresses, status words, fees, how customers are found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiq_cova_plugin.config import looks_like_guid
from aiq_cova_plugin.domain.addresses import BESIDE, OVERWRITE
from aiq_cova_plugin.domain.customer_search import (
    DEFAULT_PLAN,
    MOST_QUESTIONS,
    Question,
    SearchPlan,
    Sends,
    TextSearch,
    is_token,
    plan_from_settings,
    settings_from_plan,
)
from aiq_cova_plugin.domain.push_states import UNKNOWN_WORD
from aiq_cova_plugin.errors import NeedsOperator
from aiq_cova_plugin.host import OrderStatus
from aiq_cova_plugin.mapping.order_status_from_cova import default_host_status
from aiq_cova_plugin.mapping.order_to_cova import fee_key
from aiq_cova_plugin.services import audit
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.stores import load_connection, require_store
from aiq_cova_plugin.store import push_questions, push_times
from aiq_cova_plugin.store.connections import save_connection
from aiq_cova_plugin.store.models import Connection

STATUS_CHOICES = (
    OrderStatus.CONFIRMED,
    OrderStatus.IN_PROGRESS,
    OrderStatus.READY_FOR_PICKUP,
    OrderStatus.OUT_FOR_DELIVERY,
)
"""What a status of COVA's may mean. The ends come from the sale itself and are not chosen."""

DEFAULT, NOTHING = "default", "nothing"
"""The choices besides: what the plugin would do, and telling the shop nothing."""

_DELIVERY = " (delivery)"
_KNOWN_WORDS = ("OrderPlaced", "InProgress", "ReadyForPickup", f"ReadyForPickup{_DELIVERY}")
_LONGEST_WORD = 100
_LONGEST_FEE = 60
_MOST_ROWS = 30


class InvalidOrderSettings(NeedsOperator):
    """The settings cannot be saved like this; `errors` is dict: field → what is wrong."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        field, first = next(iter(errors.items()))
        super().__init__(first, field=field)
        self.errors = dict(errors)


@dataclass(frozen=True)
class StatusRow:
    """One of COVA's words: what it means by itself (None for one nobody knows), and what the
    store chose: `default`, `nothing` or a host status. `was_seen`: an order of the store had it
    and nobody has said what it means."""

    word: str
    default: OrderStatus | None
    chosen: str
    was_seen: bool = False
    is_known: bool = True


@dataclass(frozen=True)
class OrderSettings:
    """A store's order settings as they are stored, with the defaults filled in."""

    address_policy: str
    statuses: list[StatusRow]
    fees: list[tuple[str, str]]
    delivery_fee_product: str
    search: SearchPlan
    checkout_requires_phone: bool

    @property
    def unknown_words(self) -> list[str]:
        """COVA's words that nobody has given a meaning yet."""
        return [row.word for row in self.statuses if row.was_seen and row.chosen == DEFAULT]


@dataclass(frozen=True)
class TypedOrderSettings:
    """What a person typed: texts, unchecked. Rows that are empty altogether are left out.

    `statuses` is dict: COVA's word → choice, `fees` are (name, product), `questions` are
    (field, operation, sends).
    """

    address_policy: str
    statuses: Mapping[str, str]
    fees: Sequence[tuple[str, str]]
    delivery_fee_product: str
    questions: Sequence[tuple[str, str, str]]
    text_search: str


def read_order_settings(ctx: ServiceContext, store_id: str) -> OrderSettings:
    """The store's settings; the defaults for a store that has none. Raises `UnknownStore`."""
    require_store(ctx, store_id)
    row = load_connection(ctx, store_id) or Connection(store_id=store_id)
    with ctx.database.short() as connection:
        seen = push_questions.details_seen(connection, store_id, UNKNOWN_WORD)
    fees = row.fee_products or {}
    return OrderSettings(
        address_policy=BESIDE if row.address_policy == BESIDE else OVERWRITE,
        statuses=_status_rows(row.status_map or {}, seen),
        fees=[(name, str(product)) for name, product in sorted(fees.items())],
        delivery_fee_product=row.delivery_fee_product or "",
        search=plan_from_settings(row.customer_search),
        checkout_requires_phone=bool(ctx.host.checkout_requires_phone(store_id)),
    )


def save_order_settings(
    ctx: ServiceContext, store_id: str, typed: TypedOrderSettings, *, by: str
) -> OrderSettings:
    """Check and save what was typed; open orders are asked about again with the new words.

    Raises `UnknownStore`, and `InvalidOrderSettings` with the error per field: nothing is
    changed then. Fields are named `address_policy`, `status-<word>`, `fee-<position>`,
    `delivery_fee_product`, `question-<position>`, `text_search`.
    """
    before = read_order_settings(ctx, store_id)
    errors: dict[str, str] = {}
    values = {
        "address_policy": _policy(typed.address_policy, errors),
        "status_map": _status_map(typed.statuses, errors),
        "fee_products": _fee_products(typed.fees, errors),
        "delivery_fee_product": _product(typed.delivery_fee_product, "delivery_fee_product", errors)
        or None,
        "customer_search": _customer_search(typed, errors),
    }
    if errors:
        raise InvalidOrderSettings(errors)
    now = ctx.clock.now()
    stored = load_connection(ctx, store_id)
    ctx.database.end_reading()
    with ctx.database.short() as connection:
        save_connection(connection, store_id, values, now=now)
        if stored is not None and values["status_map"] != stored.status_map:
            push_times.poll_now(connection, store_id, now=now)
    after = read_order_settings(ctx, store_id)
    names = [
        name
        for name in ("address_policy", "statuses", "fees", "delivery_fee_product", "search")
        if getattr(before, name) != getattr(after, name)
    ]
    audit.note(ctx, store_id, "order_settings_saved", by=by, changed=names)
    return after


def as_typed(settings: OrderSettings) -> TypedOrderSettings:
    """The stored settings as a form shows them."""
    return TypedOrderSettings(
        address_policy=settings.address_policy,
        statuses={row.word: row.chosen for row in settings.statuses},
        fees=settings.fees,
        delivery_fee_product=settings.delivery_fee_product,
        questions=[
            (each.field, each.operation, each.sends.value) for each in settings.search.questions
        ],
        text_search=settings.search.text_search.value,
    )


# --- status words ----------------------------------------------------------------------------


def _status_rows(stored: Mapping[str, Any], seen: Iterable[str]) -> list[StatusRow]:
    """The words COVA documents, then what the store has chosen besides, then what was seen."""
    chosen = {_key(word): str(value) for word, value in stored.items()}
    words: dict[str, str] = {_key(word): word for word in _KNOWN_WORDS}
    seen_keys = {_key(word) for word in seen}
    for word in (*stored, *seen):
        words.setdefault(_key(word), word)
    rows = []
    for key, word in words.items():
        known = word in _KNOWN_WORDS
        default = default_host_status(
            word.removesuffix(_DELIVERY), delivers=word.endswith(_DELIVERY)
        )
        value = chosen.get(key)
        choice = DEFAULT if value is None else (value or NOTHING)
        if choice not in (DEFAULT, NOTHING, *OrderStatus):
            choice = DEFAULT
        rows.append(
            StatusRow(
                word,
                default if known else None,
                choice,
                was_seen=key in seen_keys and not known,
                is_known=known,
            )
        )
    return rows


def _status_map(typed: Mapping[str, str], errors: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word, choice in typed.items():
        name = " ".join(word.split())
        if not name or choice in ("", DEFAULT):
            continue
        if len(name) > _LONGEST_WORD:
            errors[f"status-{word}"] = "COVA has no status as long as this."
        elif choice == NOTHING:
            found[name] = ""
        elif choice in {each.value for each in OrderStatus}:
            found[name] = choice
        else:
            errors[f"status-{word}"] = f"“{choice}” is no status of the shop."
    return found


def _key(word: str) -> str:
    return "".join(word.split()).casefold()


# --- the rest --------------------------------------------------------------------------------


def _policy(typed: str, errors: dict[str, str]) -> str:
    if typed not in (OVERWRITE, BESIDE):
        errors["address_policy"] = "Choose what happens to an address COVA has already."
    return typed


def _fee_products(typed: Sequence[tuple[str, str]], errors: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    keys: set[str] = set()
    for position, (raw_name, raw_product) in enumerate(typed):
        name, where = " ".join(raw_name.split()), f"fee-{position}"
        if not name and not raw_product.strip():
            continue
        if not name:
            errors[where] = "Type the fee's name exactly as the shop calls it."
        elif len(name) > _LONGEST_FEE:
            errors[where] = f"The name may have {_LONGEST_FEE} characters at most."
        elif fee_key(name) in keys:
            errors[where] = f"“{name}” is in the list twice."
        elif not raw_product.strip():
            errors[where] = f"Type the product COVA sells “{name}” as."
        else:
            product = _product(raw_product, where, errors)
            keys.add(fee_key(name))
            found[name] = product
    if len(found) > _MOST_ROWS:
        errors["fees"] = f"There may be {_MOST_ROWS} fees at most."
    return found


def _product(typed: str, field: str, errors: dict[str, str]) -> str:
    text = typed.strip()
    if text and not looks_like_guid(text):
        errors[field] = (
            "The product's ID must be a GUID such as 11111111-2222-4333-8444-555555555555; "
            "COVA shows it in the product's address. The SKU does not work."
        )
    return text.lower()


def _customer_search(typed: TypedOrderSettings, errors: dict[str, str]) -> dict[str, Any]:
    questions: list[Question] = []
    for position, (field, operation, sends) in enumerate(typed.questions):
        if not field.strip() and not operation.strip():
            continue
        where = f"question-{position}"
        if not (is_token(field.strip()) and is_token(operation.strip())):
            errors[where] = (
                "Field and operation are single words of COVA's, such as Phone and Equals."
            )
        elif sends not in set(Sends):
            errors[where] = "Choose what is sent to COVA."
        else:
            questions.append(Question(field.strip(), operation.strip(), Sends(sends)))
    if len(questions) > MOST_QUESTIONS:
        errors["questions"] = f"There may be {MOST_QUESTIONS} questions at most."
    if typed.text_search not in set(TextSearch):
        errors["text_search"] = "Choose when the text search is asked."
        return {}
    text_search = TextSearch(typed.text_search)
    if not questions and text_search is TextSearch.NEVER:
        errors["text_search"] = (
            "Without a question and without the text search no customer would ever be found."
        )
    questions = list(dict.fromkeys(questions)) or list(DEFAULT_PLAN.questions)
    return settings_from_plan(SearchPlan(tuple(questions), text_search))

"""A pytest suite a host developer subclasses to prove an implementation of `Host` right.

Every test states one promise of the host contract. It needs the host's real database: that
nothing is committed, and that a repetition changes nothing, can only be seen there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from aiq_cova_plugin.domain.differences import compare_fields
from aiq_cova_plugin.host import (
    Category,
    Host,
    LabValue,
    NamesUsers,
    Order,
    OrderNotFound,
    OrderStatus,
    PriceTier,
    ProductChange,
    ReadsProducts,
    TaxRate,
    Weight,
)

_PRODUCT = "0b6f0c52-1111-4a5e-9c1e-5a0e3c7d0001"
_OTHER = "0b6f0c52-1111-4a5e-9c1e-5a0e3c7d0002"
_UNKNOWN = "0b6f0c52-1111-4a5e-9c1e-5a0e3c7d0009"
_NOBODYS_ORDER = "no-such-order"


class HostConformance:
    """Subclass it in a test module, with a name that begins with `Test`.

    Provide the fixtures `app` (a Flask app with its database set up), `db` (its
    Flask-SQLAlchemy), `host` and `store_id`, and override `confirmed_order`.
    """

    @pytest.fixture
    def app(self) -> Flask:
        raise NotImplementedError("provide a fixture `app`")

    @pytest.fixture
    def db(self) -> Any:
        raise NotImplementedError("provide a fixture `db`")

    @pytest.fixture
    def host(self) -> Host:
        raise NotImplementedError("provide a fixture `host`")

    @pytest.fixture
    def store_id(self) -> str:
        raise NotImplementedError("provide a fixture `store_id`")

    def confirmed_order(self, store_id: str) -> str:
        """Store a confirmed order with at least one line and commit it; its id."""
        raise NotImplementedError("override `confirmed_order`")

    # --- stores and categories -----------------------------------------------------------

    def test_host_has_every_member_of_the_protocol(self, host: Host) -> None:
        assert isinstance(host, Host)

    def test_stores_have_text_ids_and_real_zones_and_codes(self, app: Flask, host: Host) -> None:
        with app.app_context():
            stores = host.stores()

        assert stores
        assert {type(store.id) for store in stores} == {str}
        assert len({store.id for store in stores}) == len(stores)
        for store in stores:
            ZoneInfo(store.timezone)
            assert len(store.country) == 2
            assert store.country.isupper()
            assert len(store.currency) == 3
            assert store.currency.isupper()

    def test_categories_have_text_ids(self, app: Flask, host: Host, store_id: str) -> None:
        with app.app_context():
            categories = host.categories(store_id)

        assert {type(each.id) for each in categories} <= {str}
        assert len({each.id for each in categories}) == len(categories)

    def test_phone_at_checkout_is_a_plain_yes_or_no(
        self, app: Flask, host: Host, store_id: str
    ) -> None:
        with app.app_context():
            assert isinstance(host.checkout_requires_phone(store_id), bool)

    def test_nobody_may_do_anything_without_logging_in(
        self, app: Flask, host: Host, store_id: str
    ) -> None:
        with app.test_request_context("/"):
            allowed = [
                each for each in ("view", "sync", "configure", "orders") if host.can(each, store_id)
            ]

        assert allowed == []

    def test_an_action_nobody_has_heard_of_is_denied(
        self, app: Flask, host: Host, store_id: str
    ) -> None:
        with app.test_request_context("/"):
            assert not host.can("an-action-of-a-later-version", store_id)

    # --- products ------------------------------------------------------------------------

    def test_every_field_of_a_product_is_accepted(
        self, app: Flask, db: Any, host: Host, store_id: str
    ) -> None:
        with app.app_context():
            category = next(iter(host.categories(store_id)), None)
            change = ProductChange(_PRODUCT, "create", every_field(category))

            results = self._apply(db, host, store_id, [change])

        assert [(each.cova_product_id, each.ok, each.reason) for each in results] == [
            (_PRODUCT, True, None)
        ]

    def test_one_result_comes_back_per_change_in_any_case(
        self, app: Flask, db: Any, host: Host, store_id: str
    ) -> None:
        with app.app_context():
            changes = [_create(_PRODUCT), _create(_OTHER)]

            results = self._apply(db, host, store_id, changes)

            assert host.apply_products(store_id, []) in ([], ())
        assert {each.cova_product_id for each in results} == {_PRODUCT, _OTHER}

    def test_the_same_changes_again_succeed_and_change_nothing(
        self, app: Flask, db: Any, host: Host, store_id: str
    ) -> None:
        """A batch is repeated when the plugin could not commit it the first time."""
        with app.app_context():
            for action in ("create", "update", "hide", "hide", "restore", "restore"):
                enabled = action != "hide"
                change = ProductChange(_PRODUCT, action, {**_plain_fields(), "enabled": enabled})
                (result,) = self._apply(db, host, store_id, [change])
                assert result.ok, (action, result.reason)
            (again,) = self._apply(db, host, store_id, [_create(_PRODUCT)])

        assert again.ok

    def test_one_bad_product_never_fails_the_batch(
        self, app: Flask, db: Any, host: Host, store_id: str
    ) -> None:
        bad = ProductChange(
            _OTHER, "create", {**_plain_fields(), "category_id": "no-such-category"}
        )
        with app.app_context():
            results = self._apply(db, host, store_id, [bad, _create(_PRODUCT)])

        outcome = {each.cova_product_id: each for each in results}
        assert outcome[_PRODUCT].ok
        # A host may have its own idea of an unknown category; if it refuses, it says why.
        assert outcome[_OTHER].ok or outcome[_OTHER].reason

    def test_products_are_never_committed_by_the_host(
        self, app: Flask, db: Any, host: Host, store_id: str
    ) -> None:
        """The plugin commits a batch and its own record of it together."""
        with app.app_context():
            commits = _count_commits(db)
            host.apply_products(store_id, [_create(_PRODUCT)])
            db.session.rollback()

        assert commits == []

    # --- orders --------------------------------------------------------------------------

    def test_an_order_comes_as_it_was_confirmed(
        self, app: Flask, host: Host, store_id: str
    ) -> None:
        with app.app_context():
            order_id = self.confirmed_order(store_id)

            order = host.get_order(store_id, order_id)

        assert isinstance(order, Order)
        assert (order.id, order.store_id) == (order_id, store_id)
        assert order.number
        assert order.confirmed_at is not None
        assert order.confirmed_at.tzinfo is not None
        assert order.lines
        for line in order.lines:
            assert isinstance(line.quantity, Decimal)
            assert isinstance(line.line_total, Decimal)
            assert line.cova_product_id
        assert isinstance(order.notes, str)

    def test_an_unknown_order_is_said_to_be_unknown(
        self, app: Flask, host: Host, store_id: str
    ) -> None:
        with app.app_context(), pytest.raises(OrderNotFound):
            host.get_order(store_id, _NOBODYS_ORDER)

    def test_confirmed_orders_are_found_by_time(
        self, app: Flask, host: Host, store_id: str
    ) -> None:
        """The sweep finds by this the orders whose signal was missed."""
        with app.app_context():
            order_id = self.confirmed_order(store_id)
            now = datetime.now(UTC)

            recent = host.confirmed_orders(store_id, now - timedelta(hours=1))
            later = host.confirmed_orders(store_id, now + timedelta(hours=1))

        assert order_id in recent
        assert order_id not in later

    def test_every_status_is_accepted_and_repeated_without_harm(
        self, app: Flask, db: Any, host: Host, store_id: str
    ) -> None:
        with app.app_context():
            order_id = self.confirmed_order(store_id)
            for status in (
                OrderStatus.IN_PROGRESS,
                OrderStatus.READY_FOR_PICKUP,
                OrderStatus.READY_FOR_PICKUP,
                OrderStatus.COMPLETED,
                OrderStatus.COMPLETED,
            ):
                host.set_order_status(store_id, order_id, status, note=None)
                db.session.commit()

    def test_a_status_is_never_committed_by_the_host(
        self, app: Flask, db: Any, host: Host, store_id: str
    ) -> None:
        with app.app_context():
            order_id = self.confirmed_order(store_id)
            commits = _count_commits(db)

            host.set_order_status(store_id, order_id, OrderStatus.CANCELLED, note="by COVA")
            db.session.rollback()

        assert commits == []

    # --- what a host may offer besides ---------------------------------------------------

    def test_what_was_written_is_read_back(
        self, app: Flask, db: Any, host: Host, store_id: str
    ) -> None:
        """Optional: with `current_products` the pages compare COVA with the shop itself.

        Every value comes back equal to what was written; a field the host cannot tell may be
        left out. What only looks different (10 and 10.00, an empty text and None) is equal.
        """
        reader = _reader_of(host)
        with app.app_context():
            fields = every_field(next(iter(host.categories(store_id)), None))
            self._apply(db, host, store_id, [ProductChange(_PRODUCT, "create", fields)])

            found = reader.current_products(store_id, [_PRODUCT])[_PRODUCT]

        assert found, "a product the shop has has at least one field"
        told = [each for each in compare_fields(fields, found, following=()) if each.name in found]
        wrong = [(each.name, each.cova, each.shop) for each in told if each.verdict != "same"]
        assert wrong == [], f"read back otherwise than written (field, written, read): {wrong}"

    def test_reading_back_follows_the_last_change(
        self, app: Flask, db: Any, host: Host, store_id: str
    ) -> None:
        reader = _reader_of(host)
        with app.app_context():
            self._apply(db, host, store_id, [_create(_PRODUCT)])
            before = reader.current_products(store_id, [_PRODUCT])[_PRODUCT]
            change = {"quantity": Decimal(0), "enabled": False}
            self._apply(db, host, store_id, [ProductChange(_PRODUCT, "hide", change)])

            after = reader.current_products(store_id, [_PRODUCT])[_PRODUCT]

        compared = compare_fields(change, after, following=())
        stale = [each.name for each in compared if each.verdict == "differs"]
        assert stale == [], f"read back as before the last change: {stale}"
        assert after.get("name") == before.get("name")

    def test_only_products_the_shop_has_are_read_back(
        self, app: Flask, db: Any, host: Host, store_id: str
    ) -> None:
        reader = _reader_of(host)
        with app.app_context():
            self._apply(db, host, store_id, [_create(_PRODUCT)])

            found = reader.current_products(store_id, [_PRODUCT, _UNKNOWN])
            nothing = reader.current_products(store_id, [])

        assert set(found) == {_PRODUCT}
        assert not nothing

    def test_reading_back_changes_and_commits_nothing(
        self, app: Flask, db: Any, host: Host, store_id: str
    ) -> None:
        reader = _reader_of(host)
        with app.app_context():
            self._apply(db, host, store_id, [_create(_PRODUCT)])
            commits = _count_commits(db)

            reader.current_products(store_id, [_PRODUCT])

            assert not db.session.dirty
            assert not db.session.new
            db.session.rollback()
        assert commits == []

    def test_nobody_is_named_without_logging_in(self, app: Flask, host: Host) -> None:
        """Optional: with `current_user` the audit trail says who did it."""
        namer = _namer_of(host)
        with app.test_request_context("/"):
            assert namer.current_user() == ""

    def _apply(
        self, db: Any, host: Host, store_id: str, changes: Sequence[ProductChange]
    ) -> Sequence[Any]:
        results = host.apply_products(store_id, changes)
        db.session.commit()
        return results


def _reader_of(host: Host) -> ReadsProducts:
    """The host as one that reads its products back; skips the test when it does not offer it."""
    if not isinstance(host, ReadsProducts):
        pytest.skip("This host does not offer current_products, which is optional.")
    return host


def _namer_of(host: Host) -> NamesUsers:
    """The host as one that names its users; skips the test when it does not offer it."""
    if not isinstance(host, NamesUsers):
        pytest.skip("This host does not offer current_user, which is optional.")
    return host


def every_field(category: Category | None) -> dict[str, Any]:
    """A value for every product field of the contract; invented."""
    fields: dict[str, Any] = {
        **_plain_fields(),
        "description": "<p>Invented for a test.</p>",
        "brand": "Example Farms",
        "subtype": "Whole Flower",
        "cannabis_type": "HYBRID",
        "strain": "Example Haze",
        "sku": "TEST0001",
        "upc": "00012345678905",
        "sale_price": Decimal("27.50"),
        "price_tiers": [PriceTier(Decimal(3), Decimal("80.00"))],
        "weight": Weight(Decimal("3.5"), "g"),
        "labs": [
            LabValue("THC", Decimal("24.5"), Decimal("26.1"), "%", ""),
            LabValue("Limonene", None, None, "mg/g", "<LOQ"),
        ],
        "coa_url": "https://labs.example/coa/1.pdf",
        "image_urls": ["https://img.example/1.jpg"],
        "tags": ["relaxed"],
        "enabled": True,
        "tax_rates": [TaxRate("State tax", Decimal("0.07"))],
    }
    if category is not None:
        fields["category_id"] = category.id
    return fields


def _plain_fields() -> dict[str, Any]:
    return {
        "name": "Example Haze 3.5g",
        "price": Decimal("32.00"),
        "sale_price": None,
        "quantity": Decimal(12),
    }


def _create(product_id: str) -> ProductChange:
    return ProductChange(product_id, "create", _plain_fields())


def _count_commits(db: Any) -> list[str]:
    """A list that gets an entry for every commit of the host's session from now on."""
    from sqlalchemy import event

    commits: list[str] = []
    event.listen(db.session(), "after_commit", lambda _session: commits.append("commit"))
    return commits

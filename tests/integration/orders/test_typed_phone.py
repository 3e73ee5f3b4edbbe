"""An order of a shop without a phone field is rescued by a number typed for that order alone."""

from __future__ import annotations

import logging

import pytest

from aiq_cova_plugin.errors import IllegalMove, MissingPhone
from aiq_cova_plugin.services.connection.rotate_secrets import rotate_secrets
from aiq_cova_plugin.services.rescue.enter_phone import enter_phone

from tests.integration.orders.kit import ADA_DIGITS, Bench, customer, dump_of


def _enter(bench: Bench, number: str) -> None:
    with bench.shop.app.app_context():
        enter_phone(bench.ctx, bench.row(), number, by="Robin")


@pytest.mark.parametrize("phone", [None, "ask her", "12345"])
def test_the_number_finds_the_customer_and_is_gone_when_the_order_ends(
    both: Bench, phone: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    known = both.sim.register.add_customer(first_name="Ada", phones=["(303) 555-0142"])
    caplog.set_level(logging.DEBUG)
    both.place(customer=customer(phone=phone))
    both.push()
    assert both.row().kind == "MissingPhone"

    _enter(both, "303 555 0142")
    both.push()

    row = both.row()
    assert row.state == "in_pos"
    assert both.assert_sent_once(row)["customer_id"] == known
    assert ADA_DIGITS not in dump_of(both.database_url)
    assert ADA_DIGITS not in caplog.text
    both.sim.register.complete(row.cova_order_id)
    both.poll()
    assert both.row().phone_encrypted is None


def test_a_new_customer_is_created_with_the_number(bench: Bench) -> None:
    bench.place(customer=customer(phone=None))
    bench.push()

    _enter(bench, "+1 (303) 555-0142")
    bench.push()

    assert bench.row().state == "in_pos"
    bench.assert_sent_once(bench.row())


def test_a_number_on_the_shops_own_order_counts_more(bench: Bench) -> None:
    bench.place(customer=customer(phone=None))
    bench.push()
    _enter(bench, "303 555 0199")
    bench.change_order(customer=customer())

    bench.push()

    bench.assert_sent_once(bench.row())
    assert bench.customers_with("3035550199") == []


def test_what_cova_repeats_of_the_number_is_kept_from_the_timeline(bench: Bench) -> None:
    bench.sim.faults.add(
        "create_customer",
        action="status",
        status=400,
        body='{"Message": "Phone +13035550142 is not good, 3035550142 neither"}',
    )
    bench.place(customer=customer(phone=None))
    bench.push()

    _enter(bench, "303 555 0142")
    bench.push()

    row = bench.row()
    assert row.state == "needs_attention"
    assert ADA_DIGITS not in bench.story() + row.reason + repr(bench.heard)


def test_no_number_and_no_need_of_one_are_refused(bench: Bench) -> None:
    bench.place(customer=customer(phone=None))
    with pytest.raises(IllegalMove):
        _enter(bench, "303 555 0142")
    bench.push()

    with pytest.raises(MissingPhone):
        _enter(bench, "0142")

    assert bench.row().state == "needs_attention"
    assert bench.row().phone_encrypted is None


def test_it_is_encrypted_anew_with_all_other_secrets(bench: Bench) -> None:
    bench.place(customer=customer(phone=None))
    bench.push()
    _enter(bench, "303 555 0142")
    before = bench.row().phone_encrypted

    with bench.shop.app.app_context():
        rotate_secrets(bench.ctx, by="Robin")
    bench.push()

    assert bench.row().phone_encrypted != before
    assert bench.row().state == "in_pos"

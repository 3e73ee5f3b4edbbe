"""The order's values moved to the domain and are still the host's."""

from __future__ import annotations

import pytest

from aiq_cova_plugin import host
from aiq_cova_plugin.domain import orders
from aiq_cova_plugin.host import protocol


@pytest.mark.parametrize("name", ["Address", "Customer", "Delivery", "Order", "OrderLine"])
def test_the_host_offers_the_same_class(name):
    assert getattr(host, name) is getattr(orders, name) is getattr(protocol, name)


def test_every_promised_name_is_there():
    assert all(hasattr(host, name) for name in host.__all__)
    assert all(hasattr(protocol, name) for name in protocol.__all__)

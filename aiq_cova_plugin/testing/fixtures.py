"""pytest fixtures for a host's own tests: a running simulator and a configuration for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet

from aiq_cova_plugin.simulator import Simulator


@pytest.fixture(scope="session")
def cova_simulator() -> Iterator[Simulator]:
    """COVA on a free loopback port, with 60 products; one for the whole test session."""
    with Simulator(port=0, products=60, seed=1) as simulator:
        yield simulator


@pytest.fixture
def cova_config(cova_simulator: Simulator) -> dict[str, Any]:
    """`COVA_…` keys for an app that talks to the simulator and starts nothing by itself."""
    return {
        "COVA_API_URL": cova_simulator.url,
        "COVA_TOKEN_URL": cova_simulator.token_url,
        "COVA_INTEGRATOR_ID": cova_simulator.integrator_id,
        "COVA_SECRET_KEYS": Fernet.generate_key().decode(),
        "COVA_SCHEDULER": "none",
    }


@pytest.fixture
def cova_store_settings(cova_simulator: Simulator) -> dict[str, Any]:
    """What `CovaPlugin.connect_store` needs to connect a store to the simulator."""
    return {
        "company_id": cova_simulator.company_id,
        "location_id": cova_simulator.location_id,
        "username": cova_simulator.username,
        "password": cova_simulator.password,
        "client_id": cova_simulator.client_id,
        "client_secret": cova_simulator.client_secret,
        "delivery_fee_product": cova_simulator.delivery_fee_product_id,
        "enabled": True,
        "sync_orders": True,
    }

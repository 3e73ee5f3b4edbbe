"""Here every database begins without any table: making them is what these tests are about."""

from __future__ import annotations

import pytest


@pytest.fixture
def sqlite_url(empty_sqlite_url: str) -> str:
    return empty_sqlite_url


@pytest.fixture
def postgres_url(empty_postgres_url: str) -> str:
    return empty_postgres_url

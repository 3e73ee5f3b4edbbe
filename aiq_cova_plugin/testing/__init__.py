"""The conformance kit: prove your own `Host` right, and test against a running simulator.

    # conftest.py
    pytest_plugins = ["aiq_cova_plugin.testing.fixtures"]

    # test_host.py
    from aiq_cova_plugin.testing import HostConformance

    class TestOurHost(HostConformance):
        @pytest.fixture
        def app(self): ...
        @pytest.fixture
        def db(self): ...
        @pytest.fixture
        def host(self): ...
        @pytest.fixture
        def store_id(self): ...
        def confirmed_order(self, store_id): ...

`docs/integration.md` walks through it.
"""

from aiq_cova_plugin.testing.host_conformance import HostConformance

__all__ = ["HostConformance"]

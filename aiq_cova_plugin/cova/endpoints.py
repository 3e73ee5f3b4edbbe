"""Where COVA's calls are found: one table, every line of which can be overridden.

Hosts, services and versions are what cova-api.md section 1 knows; section 12 asks for them to
be configuration.
"""

from __future__ import annotations

import ipaddress
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from aiq_cova_plugin.errors import ConfigurationError

DEFAULT_API_URL = "https://api.covasoft.net"
DEFAULT_TOKEN_URL = "https://accounts.iqmetrix.net/v1/oauth2/token"  # noqa: S105 - an address

_PRODUCTS = "/dataplatform/v1/companies/{company_id}/DetailedProductData"
_CRM = "/crm/v1/Companies({company_id})"
_INTAKE = "/covaorderintake/v1/companies/{company_id}/entities/{location_id}"

DEFAULT_PATHS: Mapping[str, str] = MappingProxyType(
    {
        # section 4.1
        "product_page": _PRODUCTS,
        "product_page_updated_as_of": _PRODUCTS + "/UpdatedAsOf/{updated_as_of}",
        "products_by_id": _PRODUCTS + "/ByProductIdList",
        # section 3.1
        "locations": "/entitymanager/v1/Companies({company_id})/Locations",
        "location": "/entitymanager/v1/Companies({company_id})/Locations({location_id})",
        # section 7
        "tax_pricing": "/taxes/v1/Companies({company_id})/TaxPricingConfiguration",
        # section 8
        "search_customers": _CRM + "/Search",
        "search_customers_by_text": _CRM + "/CustomerSearch",
        "customer": _CRM + "/CustomerFull({customer_id})",
        "create_customer": _CRM + "/CustomerFull",
        "add_address": _CRM + "/Customers({customer_id})/Addresses",
        "update_address": _CRM + "/Customers({customer_id})/Addresses({address_id})",
        # section 9
        "submit_exclusive_order": "/covaorderintake/v1/TEPCovaOrder({order_id})",
        "submit_inclusive_order": "/covaorderintake/v1/TIPCovaOrder({order_id})",
        "order_status": "/covaorderintake/v2/Companies({company_id})/CovaOrder({order_id})/Status",
        "pay_order": "/covaorderintake/v1/CovaOrderPayment",
        "cancel_order": "/pointofsale/Companies({company_id})/Sales({order_id})",
        "read_order": _INTAKE + "/integrators/{integrator_id}/Orders/{order_id}",
        "completed_orders": _INTAKE + "/integrators/{integrator_id}/CompletedOrders",
    }
)
"""Name of the operation → path template below the API's address."""


@dataclass(frozen=True)
class CovaEndpoints:
    """The two addresses and the paths; `paths` overrides single lines of `DEFAULT_PATHS`.

    Raises ConfigurationError for an address that is not https (plain http is for loopback
    only), for an unknown operation, and for a template with other placeholders.
    """

    api_url: str = DEFAULT_API_URL
    token_url: str = DEFAULT_TOKEN_URL
    paths: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_safe_url(self.api_url, key="COVA_API_URL")
        require_safe_url(self.token_url, key="COVA_TOKEN_URL")
        for operation, template in self.paths.items():
            default = DEFAULT_PATHS.get(operation)
            if default is None:
                raise ConfigurationError(
                    f"COVA_PATHS: there is no COVA operation named {operation}.", field="COVA_PATHS"
                )
            if not template.startswith("/") or not _names(template) <= _names(default):
                raise ConfigurationError(
                    f"COVA_PATHS: the path of {operation} must begin with / and may use only "
                    f"{', '.join(sorted(_names(default))) or 'no placeholders'}.",
                    field="COVA_PATHS",
                )

    def url(self, operation: str, values: Mapping[str, str | int]) -> str:
        """The address of an operation, its values percent-encoded."""
        escaped = {name: quote(str(value), safe="") for name, value in values.items()}
        path = self._template(operation).format_map(escaped)
        return self.api_url.rstrip("/") + path

    def service(self, operation: str) -> str:
        """The service an operation belongs to: rate limits count per service (10.1)."""
        return self._template(operation).split("/")[1].lower()

    def _template(self, operation: str) -> str:
        return self.paths.get(operation, DEFAULT_PATHS[operation])


def require_safe_url(url: str, *, key: str) -> None:
    """Raise ConfigurationError unless secrets may travel to this address."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as exc:
        raise ConfigurationError(f"{key} is not a web address.", field=key) from exc
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigurationError(f"{key} must be a web address beginning with https://.", field=key)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{key} must hold no user name, question mark or hash sign.", field=key
        )
    if parts.scheme == "http" and not _is_loopback(host):
        raise ConfigurationError(
            f"{key} must begin with https://: credentials and shoppers' data travel to it. "
            "Plain http is allowed for this machine only.",
            field=key,
        )


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _names(template: str) -> set[str]:
    try:
        return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError:
        return {template}

"""The host contract: the `Host` protocol and the values that cross the border."""

from aiq_cova_plugin.domain.phones import normalise_phone
from aiq_cova_plugin.domain.values import (
    PRODUCT_FIELDS,
    LabValue,
    OrderStatus,
    PriceTier,
    TaxRate,
    Weight,
)
from aiq_cova_plugin.host.protocol import (
    Address,
    ApplyResult,
    Category,
    Customer,
    Delivery,
    Fee,
    Host,
    InsufficientStock,
    NamesUsers,
    Order,
    OrderLine,
    OrderNotFound,
    ProductChange,
    ReadsProducts,
    Store,
)

__all__ = [
    "PRODUCT_FIELDS",
    "Address",
    "ApplyResult",
    "Category",
    "Customer",
    "Delivery",
    "Fee",
    "Host",
    "InsufficientStock",
    "LabValue",
    "NamesUsers",
    "Order",
    "OrderLine",
    "OrderNotFound",
    "OrderStatus",
    "PriceTier",
    "ProductChange",
    "ReadsProducts",
    "Store",
    "TaxRate",
    "Weight",
    "normalise_phone",
]

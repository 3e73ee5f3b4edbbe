"""The host contract: the `Host` protocol and the values that cross the border."""

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
    Host,
    InsufficientStock,
    Order,
    OrderLine,
    OrderNotFound,
    ProductChange,
    Store,
)

__all__ = [
    "PRODUCT_FIELDS",
    "Address",
    "ApplyResult",
    "Category",
    "Customer",
    "Delivery",
    "Host",
    "InsufficientStock",
    "LabValue",
    "Order",
    "OrderLine",
    "OrderNotFound",
    "OrderStatus",
    "PriceTier",
    "ProductChange",
    "Store",
    "TaxRate",
    "Weight",
]

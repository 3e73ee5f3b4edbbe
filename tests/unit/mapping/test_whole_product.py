"""One product of which COVA says everything, in the store's own words, field by field."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from aiq_cova_plugin.domain.catalogue import Presence, ProductSnapshot, SaleWindow
from aiq_cova_plugin.domain.values import LabValue, PriceTier, TaxRate, Weight
from aiq_cova_plugin.mapping.coa_from_cova import coa_from_cova
from aiq_cova_plugin.mapping.product_from_cova import product_from_cova
from aiq_cova_plugin.mapping.specification_names import names_from_settings
from aiq_cova_plugin.mapping.weight_from_cova import weight_from_cova
from aiq_cova_plugin.schemas import records

from tests.unit.mapping.products import ELSEWHERE, HERE, PRODUCT_ID, price, spec

D = Decimal
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
CERTIFICATE = "https://labs.example/1.pdf"
OWN_NAMES = {
    "menu_name": "Name for the web",
    "menu_category": "Shelf",
    "product_type": "Kind",
    "subtype": "Sort",
    "brand": "Maker",
    "strain": "Effect",
    "strain_name": "Plant",
    "weight": "Inside",
    "coa": "Certificate",
    "tags": "Words",
    "Beta Myrcene": "Myrcene",
}
EVERYTHING = records.Product(
    product_id=f" {PRODUCT_ID.upper()} ",
    name="HAZE 3.5 G",
    master_product_name="Haze",
    catalog_sku=" HZ-35 ",
    measurement_type=" Count ",
    life_cycle="Active",
    classification_path="Flower > Hybrid > Jars",
    classification_name="Jars",
    long_description="<b>Piney.</b>",
    hero_shot_uri="https://pictures.example/haze.png",
    manufacturer="Other Maker",
    upcs=("none", " 012345678905 "),
    specifications=(
        spec("Name for the web", "Haze"),
        spec("Shelf", "Buds"),
        spec("Kind", "Dried"),
        spec("Sort", "Small buds"),
        spec("Maker", "Example Farms"),
        spec("Effect", "Indica"),
        spec("Plant", "Blue Haze"),
        spec("Inside", "3.5", "g"),
        spec("Certificate", CERTIFICATE),
        spec("Words", "Pine,  pine, Calm"),
        spec("Myrcene", "1.2", "%"),
    ),
    availability=(
        records.Availability(HERE, 1, None, D(7), True),
        records.Availability(ELSEWHERE, 2, None, D(5), True),
    ),
    prices=(
        price("32", sale_prices=(records.SalePrice(D(28), NOON, None),)),
        price("99", location_id=ELSEWHERE),
        price("9", tier_id=1, tier_quantity=D(3), at_tier_price=D(90)),
    ),
    applicable_tax_rates=("FAR", "GST"),
)
TAXES = {
    # A tax of another location stands before one of ours.
    "far": records.TaxRate("far", "Far", None, "Percentage", D("0.2"), 0, (ELSEWHERE,)),
    "gst": records.TaxRate("gst", "GST", None, "", D(10), 1, (HERE,)),
}


def test_every_field_comes_from_where_the_store_says():
    snapshot = product_from_cova(
        EVERYTHING,
        location_id=HERE,
        tax_rates=TAXES,
        spec_names=names_from_settings(
            {meaning: {"names": [name]} for meaning, name in OWN_NAMES.items()}
        ),
    )

    assert snapshot == ProductSnapshot(
        cova_product_id=PRODUCT_ID,
        presence=Presence.ACTIVE,
        name="Haze",
        description=(
            f'<b>Piney.</b><p><a href="{CERTIFICATE}" rel="noopener noreferrer nofollow">'
            "Certificate of analysis for Haze</a></p>"
        ),
        brand="Example Farms",
        subtype="Small buds",
        cannabis_type="INDICA",
        strain="Blue Haze",
        sku="HZ-35",
        upc="012345678905",
        regular_price=D("32.00"),
        price_tiers=(PriceTier(D(3), D("90.00")),),
        sale_windows=(SaleWindow(D("28.00"), NOON, None),),
        stock=D(7),
        weight=Weight(D("3.5"), "g"),
        labs=(LabValue("Beta Myrcene", D("1.2"), None, "%", ""),),
        coa_url=CERTIFICATE,
        image_urls=("https://pictures.example/haze.png",),
        tags=("Pine", "Calm"),
        tax_rates=(TaxRate("GST", D(10)),),
        classification_path="Flower > Hybrid > Jars",
        menu_category="Buds",
        measurement_type="Count",
        product_type="Dried",
    )


def test_weight_and_certificate_say_which_specification_they_come_from():
    weight, certificate = spec("Size", "3.5 g"), spec("COA", CERTIFICATE)
    cova_product = records.Product(
        PRODUCT_ID, specifications=(spec("Net Weight", " "), weight, certificate)
    )

    assert weight_from_cova(cova_product).spec is weight
    assert coa_from_cova(cova_product).spec is certificate


def test_what_cova_was_asked_and_has_nothing_of_is_named():
    cova_product = records.Product(PRODUCT_ID, specifications=(spec("Brand", " "),))

    snapshot = product_from_cova(cova_product, location_id=HERE, tax_rates={})

    assert snapshot.brand is None
    assert "brand" in snapshot.said_empty

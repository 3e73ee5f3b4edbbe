"""Every product field, from what COVA says and what it does not."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from aiq_cova_plugin.domain.catalogue import Presence
from aiq_cova_plugin.domain.categories import builtin_category
from aiq_cova_plugin.domain.snapshot_codec import snapshot_from_json, snapshot_to_json
from aiq_cova_plugin.domain.values import TaxRate, Weight
from aiq_cova_plugin.mapping.product_from_cova import product_from_cova
from aiq_cova_plugin.mapping.strain_from_cova import cannabis_type_of
from aiq_cova_plugin.schemas import records
from aiq_cova_plugin.schemas.products import load_product, load_tax_rate

from tests.unit.domain.snapshots import SILENT
from tests.unit.mapping.products import (
    ELSEWHERE,
    HERE,
    PRODUCT_ID,
    product,
    snapshot_of,
    with_specs,
)

D = Decimal

RECORDED = Path(__file__).parents[3].parent / "shared" / "recordings" / "detailed_product_data.json"


def test_a_silent_product_says_nothing():
    assert snapshot_of(product()) == SILENT


def test_the_id_is_lower_case():
    cova_product = records.Product(product_id=PRODUCT_ID.upper(), life_cycle="Active")

    assert snapshot_of(cova_product).cova_product_id == PRODUCT_ID


@pytest.mark.parametrize(
    ("values", "presence"),
    [
        ({"life_cycle": "Active"}, Presence.ACTIVE),
        ({"life_cycle": " ACTIVE "}, Presence.ACTIVE),
        ({"life_cycle": "Active", "is_archived": False, "is_non_stock": False}, Presence.ACTIVE),
        ({"life_cycle": "Coming Soon"}, Presence.NOT_ACTIVE),
        ({"life_cycle": "Inactive"}, Presence.NOT_ACTIVE),
        ({"life_cycle": "Discontinued"}, Presence.NOT_ACTIVE),
        ({"life_cycle": "Something New"}, Presence.NOT_ACTIVE),
        ({"life_cycle": None}, Presence.NOT_ACTIVE),
        ({"life_cycle": ""}, Presence.NOT_ACTIVE),
        ({"life_cycle": "Archived"}, Presence.ARCHIVED),
        ({"life_cycle": "Active", "is_archived": True}, Presence.ARCHIVED),
        ({"life_cycle": None, "is_archived": True}, Presence.ARCHIVED),
        ({"life_cycle": "Active", "is_non_stock": True}, Presence.NON_STOCK),
        ({"is_archived": True, "is_non_stock": True}, Presence.ARCHIVED),
    ],
)
def test_only_an_active_stock_product_may_be_shown(values, presence):
    assert snapshot_of(product(**values)).presence is presence


def test_a_missing_life_cycle_is_told():
    assert [each.field for each in snapshot_of(product(life_cycle=None)).issues] == ["enabled"]


@pytest.mark.parametrize(
    ("values", "specs", "name"),
    [
        ({"name": " Haze 3.5g "}, [], "Haze 3.5g"),
        ({"name": "Haze"}, [("Online Menu Name", "Menu Haze")], "Menu Haze"),
        ({"name": "Haze"}, [("Online Menu Name", "  ")], "Haze"),
        ({"name": "", "master_product_name": "Master"}, [], "Master"),
        ({"name": "<b>Haze</b>"}, [], "<b>Haze</b>"),
        ({"name": ""}, [], None),
    ],
)
def test_the_online_menu_name_wins_over_the_name(values, specs, name):
    cova_product = product(specifications=with_specs(*specs).specifications, **values)

    assert snapshot_of(cova_product).name == name


@pytest.mark.parametrize(
    ("manufacturer", "specs", "brand"),
    [
        ("Maker", [], "Maker"),
        ("Maker", [("Brand", "A")], "A"),
        (None, [("Online Menu Brand", "C"), ("Brands", "B"), ("Brand", "A")], "A"),
        (None, [("Online Menu Brand", "C"), ("Brands", "B")], "B"),
        (None, [("Online Menu Brand", "C"), ("Brand", " ")], "C"),
        ("", [("Brand", "")], None),
    ],
)
def test_the_brand_is_a_specification_else_the_manufacturer(manufacturer, specs, brand):
    cova_product = product(
        specifications=with_specs(*specs).specifications, manufacturer=manufacturer
    )

    assert snapshot_of(cova_product).brand == brand


@pytest.mark.parametrize(
    ("text", "cannabis_type"),
    [
        ("Indica", "INDICA"),
        (" SATIVA ", "SATIVA"),
        ("hybrid", "HYBRID"),
        ("Indica Dominant", "HYBRID_INDICA"),
        ("Indica-Dominant Hybrid", "HYBRID_INDICA"),
        ("Hybrid (Indica)", "HYBRID_INDICA"),
        ("HYBRID_SATIVA", "HYBRID_SATIVA"),
        ("Sativa Leaning", "HYBRID_SATIVA"),
        ("Sativa/Indica", "HYBRID"),
        ("Balanced Hybrid", "HYBRID"),
        ("Blend", None),
        ("CBD", "CBD"),
        ("High-CBD", "CBD"),
        ("N/A", "NA"),
        ("NA", "NA"),
        ("none", "NA"),
        ("I", "INDICA"),
        ("S", "SATIVA"),
        ("H", "HYBRID"),
        ("Purple Indica", None),
        ("Blue Dream", None),
        ("", None),
    ],
)
def test_a_text_of_type_words_is_the_hosts_word(text, cannabis_type):
    assert cannabis_type_of(text) == cannabis_type


@pytest.mark.parametrize(
    ("path", "specs", "cannabis_type", "strain"),
    [
        ("Flower", [("Strain", "Indica")], "INDICA", None),
        ("Flower > Sativa", [("Strain", "Indica")], "INDICA", None),
        ("Flower > Sativa", [], "SATIVA", None),
        ("Flower > Sativa", [("Strain", "Blue Dream")], "SATIVA", "Blue Dream"),
        ("Flower", [("Strain", "Blue Dream"), ("Flower Type", "Hybrid")], "HYBRID", "Blue Dream"),
        ("Flower", [("Strain", "Hybrid"), ("Strain Name", "Hybrid")], "HYBRID", "Hybrid"),
        ("Flower", [("Online Menu Category", "Flower - Indica")], "INDICA", None),
        ("Sativa Sodas", [], None, None),
        ("Flower", [("Strain", "")], None, None),
        ("Accessories", [("Strain", "N/A")], "NA", None),
    ],
)
def test_strain_holds_the_type_and_sometimes_the_name(path, specs, cannabis_type, strain):
    cova_product = product(
        specifications=with_specs(*specs).specifications, classification_path=path
    )
    snapshot = snapshot_of(cova_product)

    assert (snapshot.cannabis_type, snapshot.strain) == (cannabis_type, strain)


@pytest.mark.parametrize(
    ("path", "specs", "subtype"),
    [
        ("Flower", [], None),
        ("Flower > Indica", [], None),
        ("Pre-Rolls > Singles", [], "Singles"),
        ("Pre-Rolls > Singles > Sativa", [], "Singles"),
        ("Pre-Rolls > Singles", [("Sub Type", "Pre Rolls - Single")], "Pre Rolls - Single"),
        ("", [], None),
    ],
)
def test_the_subtype_is_the_deepest_class_below_the_top(path, specs, subtype):
    cova_product = product(
        specifications=with_specs(*specs).specifications, classification_path=path
    )

    assert snapshot_of(cova_product).subtype == subtype


@pytest.mark.parametrize(
    ("upcs", "upc"),
    [
        (None, None),
        ((), None),
        (("00628242900003",), "00628242900003"),
        (("", "n/a", " 012345678905 ", "2"), "012345678905"),
        (("٠١٢٣٤٥٦٧٨٩٠٥",), None),
        (("123456789012345",), None),
        (("12345",), None),
    ],
)
def test_the_upc_is_the_first_readable_one_with_its_zeros(upcs, upc):
    assert snapshot_of(product(upcs=upcs)).upc == upc


@pytest.mark.parametrize(
    ("specs", "weight", "issues"),
    [
        ([], None, 0),
        ([("Net Weight", "3.5", "g")], Weight(D("3.5"), "g"), 0),
        ([("Size", "1", "oz"), ("Net Weight", "3,5", "g")], Weight(D("3.5"), "g"), 0),
        ([("Net Weight", "", "g"), ("Size", "3.5g")], Weight(D("3.5"), "g"), 0),
        ([("Net Weight", "0", "g"), ("Size", "7", "g")], Weight(D(7), "g"), 0),
        ([("Net Weight", "100", "MG")], Weight(D(100), "mg"), 0),
        ([("Size", "355 ml")], Weight(D(355), "ml"), 0),
        ([("Net Weight", "3.5")], None, 1),
        ([("Net Weight", "3.5 g", "oz")], None, 1),
        ([("Net Weight", "1-2", "g")], None, 1),
        ([("Net Weight", "-1", "g")], None, 1),
        ([("Size", "Large"), ("Net Weight", "0", "g")], None, 1),
        # What the law counts is not what the scales say.
        ([("Equivalent To", "7", "g")], None, 0),
        ([("Size", "Large"), ("Equivalent To", "7", "g")], None, 1),
    ],
)
def test_the_weight_is_net_weight_then_size(specs, weight, issues):
    snapshot = snapshot_of(with_specs(*specs))

    assert snapshot.weight == weight
    assert len(snapshot.issues) == issues


@pytest.mark.parametrize(
    ("specs", "tags"),
    [
        ([], None),
        ([("Tags", "")], ()),
        ([("Tags", " , \n")], ()),
        ([("Tags", "new, Sale\nnew ,SALE,  top   shelf ")], ("new", "Sale", "top shelf")),
        ([("tags", "a"), ("Tags", "b")], ("a", "b")),
    ],
)
def test_tags_are_split_by_comma_and_line(specs, tags):
    assert snapshot_of(with_specs(*specs)).tags == tags


def asset(uri, kind="Image", is_hidden=False):
    return records.Asset(id=None, uri=uri, type=kind, is_hidden=is_hidden)


A, B = "https://img.example/a.jpg", "https://img.example/b.jpg"


@pytest.mark.parametrize(
    ("hero", "assets", "urls"),
    [
        (None, None, None),
        (None, (), None),
        ("", (), None),
        (None, (asset("https://x.example/m.mp4", "Video"),), None),
        (A, None, (A,)),
        (None, (asset(A), asset(B)), (A, B)),
        (B, (asset(A), asset(B)), (B, A)),
        (None, (asset(A), asset(A)), (A,)),
        (None, (asset(A, is_hidden=True), asset(B, "image")), (B,)),
        (A, (asset(A, is_hidden=True),), ()),
        (None, (asset("javascript:alert(1)"), asset("//x"), asset("")), ()),
    ],
)
def test_pictures_are_the_hero_first_and_never_hidden_ones(hero, assets, urls):
    assert snapshot_of(product(hero_shot_uri=hero, assets=assets)).image_urls == urls


def row(quantity, *, location=HERE, selling=True):
    return records.Availability(
        location_id=location,
        room_id=1,
        package_id=None,
        in_stock_quantity=None if quantity is None else D(quantity),
        is_selling_room=selling,
    )


@pytest.mark.parametrize(
    ("rows", "stock", "issues"),
    [
        (None, None, 0),
        ((), D(0), 0),
        ((row("12"),), D(12), 0),
        ((row("0"),), D(0), 0),
        ((row("3.5"), row("1.25")), D("4.75"), 0),
        ((row("5"), row("7", selling=False)), D(5), 0),
        ((row("7", selling=False), row("5")), D(5), 0),
        ((row("7", location=ELSEWHERE), row("5")), D(5), 0),
        ((row("1E+9"),), D(10) ** 9, 0),
        ((row("5"), row("7", location=ELSEWHERE)), D(5), 0),
        ((row("7", location=ELSEWHERE),), D(0), 0),
        ((row("7", selling=False),), D(0), 0),
        ((row("-3"),), D(0), 0),
        ((row("10"), row("-3")), D(7), 0),
        # What is unclear is not counted, and alone it is not zero.
        ((row("5"), row("7", selling=None)), D(5), 1),
        ((row("7", selling=None),), None, 1),
        ((row(None),), None, 1),
        ((row(None), row("2")), D(2), 1),
        ((row("NaN"), row("2")), D(2), 1),
        ((row("1E+30"),), None, 1),
        ((row("7", location=None),), None, 1),
        ((row(None, location=ELSEWHERE), row(None, selling=False)), D(0), 0),
    ],
)
def test_stock_is_what_stands_in_the_locations_selling_rooms(rows, stock, issues):
    snapshot = snapshot_of(product(availability=rows))

    assert snapshot.stock == stock
    assert len(snapshot.issues) == issues


def tax(
    rate="0.05", *, name="GST", display_name=None, kind="Percentage", layer=0, locations=(HERE,)
):
    return records.TaxRate(
        "t", name, display_name, kind, None if rate is None else D(rate), layer, locations
    )


@pytest.mark.parametrize(
    ("ids", "known", "rates", "issues"),
    [
        (None, {"a": tax()}, None, 0),
        ((), {"a": tax()}, (), 0),
        (("a",), {"a": tax()}, (TaxRate("GST", D("0.05")),), 0),
        (("A",), {"a": tax()}, (TaxRate("GST", D("0.05")),), 0),
        (("a",), {"a": tax(display_name="Goods tax")}, (TaxRate("Goods tax", D("0.05")),), 0),
        (("a",), {"a": tax(display_name=" ")}, (TaxRate("GST", D("0.05")),), 0),
        (("a",), {"a": tax("0")}, (TaxRate("GST", D(0)),), 0),
        (("a",), {"a": tax(locations=())}, (TaxRate("GST", D("0.05")),), 0),
        (("a",), {"a": tax(locations=(ELSEWHERE,))}, (), 0),
        (
            ("a", "b"),
            {"a": tax(name="Second", layer=1), "b": tax(name="First", layer=None)},
            (TaxRate("First", D("0.05")), TaxRate("Second", D("0.05"))),
            0,
        ),
        (("a", "b"), {"a": tax()}, None, 1),
        (("a",), {}, None, 1),
        (("a",), {"a": tax(None)}, None, 1),
        (("a",), {"a": tax("NaN")}, None, 1),
        (("a",), {"a": tax("-0.05")}, None, 1),
        (("a",), {"a": tax("500")}, None, 1),
        (("a",), {"a": tax("10.5")}, None, 1),
        (("a",), {"a": tax(kind="FixedAmount")}, None, 1),
    ],
)
def test_taxes_are_all_known_or_left_alone(ids, known, rates, issues):
    snapshot = snapshot_of(product(applicable_tax_rates=ids), tax_rates=known)

    assert snapshot.tax_rates == rates
    assert len(snapshot.issues) == issues


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({}, ""),
        ({"classification_path": "Flower >Indica"}, "Flower > Indica"),
        ({"classification_path": "", "classification_name": "Flower"}, "Flower"),
    ],
)
def test_the_classification_is_its_path_else_its_name(values, path):
    assert snapshot_of(product(**values)).classification_path == path


def test_hostile_texts_do_no_harm():
    nasty = "<script>alert('x')</script>\x00\u202e" * 50
    names = ("Brand", "Strain", "Net Weight", "Tags", "COA", "THC", "Online Menu Category")
    cova_product = product(
        name=nasty,
        long_description=nasty,
        hero_shot_uri=nasty,
        upcs=(nasty,),
        classification_path=nasty,
        specifications=with_specs(*((each, nasty) for each in names)).specifications,
    )

    snapshot = snapshot_of(cova_product)

    assert snapshot.coa_url is None
    assert snapshot.upc is None
    assert snapshot.image_urls == ()
    assert "<script" not in (snapshot.description or "")
    assert snapshot_from_json(snapshot_to_json(snapshot)) == snapshot


@pytest.mark.skipif(
    not RECORDED.exists(), reason="[no recordings] the recorded answer is not on this machine"
)
def test_the_recorded_answer_goes_through():
    answer = json.loads(RECORDED.read_text("utf-8"), parse_float=D)
    tax_rates = {each.id: each for each in map(load_tax_rate, answer["TaxRates"])}

    for raw in answer["Products"]:
        snapshot = product_from_cova(
            load_product(raw).product, location_id=HERE, tax_rates=tax_rates
        )

        assert snapshot.issues == ()
        assert snapshot.presence is Presence.ACTIVE
        assert snapshot.name == raw["Name"]
        assert snapshot.brand in {"QWEST", "QWEST RESERVE"}
        assert snapshot.cannabis_type in {"INDICA", "SATIVA"}
        assert snapshot.upc == raw["Upcs"][0]["UPC"]
        assert snapshot.regular_price == D(1000)
        assert snapshot.weight is not None
        assert snapshot.weight.unit == "g"
        assert snapshot.tax_rates == (TaxRate("GST", D("0.05")), TaxRate("PST", D("0.07")))
        assert builtin_category(snapshot.classification_path) == "flower"
        assert snapshot_from_json(json.loads(json.dumps(snapshot_to_json(snapshot)))) == snapshot

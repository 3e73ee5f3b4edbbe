"""Invented words the catalogue is made of: kinds of products, brands, strains, lab names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Size:
    """One way a kind is sold: label in the name, net weight in grams, price range in dollars."""

    label: str
    grams: str
    low: int
    high: int


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A leaf of the classification tree with what products in it look like.

    `share` is its weight in the mix; `potency` says whether labels speak in per cent or mg.
    """

    path: str
    share: int
    sizes: tuple[Size, ...]
    noun: str
    potency: Literal["percent", "mg", "none"] = "none"
    equivalence: str = ""
    measurement: Literal["SingleUnit", "Mass"] = "SingleUnit"

    @property
    def is_cannabis(self) -> bool:
        """Whether it is batch tracked, has lab values and pays the excise."""
        return self.potency != "none"


def _sizes(*rows: tuple[str, str, int, int]) -> tuple[Size, ...]:
    return tuple(Size(label=row[0], grams=row[1], low=row[2], high=row[3]) for row in rows)


_FLOWER = _sizes(("1g", "1", 8, 14), ("3.5g", "3.5", 24, 45), ("7g", "7", 45, 80))
_BULK = _sizes(("by the gram", "1", 7, 13))

KINDS: tuple[Kind, ...] = (
    Kind(path="Flower > Indica", share=9, sizes=_FLOWER, noun="", potency="percent"),
    Kind(path="Flower > Sativa", share=9, sizes=_FLOWER, noun="", potency="percent"),
    Kind(path="Flower > Hybrid", share=9, sizes=_FLOWER, noun="", potency="percent"),
    Kind(
        path="Flower > Bulk",
        share=4,
        sizes=_BULK,
        noun="loose flower",
        potency="percent",
        measurement="Mass",
    ),
    Kind(
        path="Pre-Rolls > Singles",
        share=6,
        sizes=_sizes(("0.5g", "0.5", 5, 9), ("1g", "1", 8, 14)),
        noun="pre-roll",
        potency="percent",
    ),
    Kind(
        path="Pre-Rolls > Multi-Packs",
        share=5,
        sizes=_sizes(("5x0.5g", "2.5", 18, 30), ("10x0.35g", "3.5", 28, 42)),
        noun="pre-rolls",
        potency="percent",
    ),
    Kind(
        path="Vapes > Cartridges",
        share=8,
        sizes=_sizes(("0.5g", "0.5", 22, 38), ("1g", "1", 36, 60)),
        noun="510 cartridge",
        potency="percent",
        equivalence="4",
    ),
    Kind(
        path="Vapes > Disposables",
        share=4,
        sizes=_sizes(
            ("0.3g", "0.3", 20, 32),
        ),
        noun="disposable pen",
        potency="percent",
        equivalence="4",
    ),
    Kind(
        path="Edibles > Gummies",
        share=8,
        sizes=_sizes(("2 pieces", "9", 5, 9), ("10 pieces", "45", 16, 26)),
        noun="gummies",
        potency="mg",
        equivalence="0.07",
    ),
    Kind(
        path="Edibles > Chocolates",
        share=5,
        sizes=_sizes(
            ("1 bar", "10", 6, 12),
        ),
        noun="chocolate",
        potency="mg",
        equivalence="0.07",
    ),
    Kind(
        path="Beverages",
        share=5,
        sizes=_sizes(("355ml", "355", 5, 9), ("4x355ml", "1420", 18, 30)),
        noun="sparkling water",
        potency="mg",
        equivalence="0.014",
    ),
    Kind(
        path="Concentrates > Live Resin",
        share=4,
        sizes=_sizes(
            ("1g", "1", 40, 70),
        ),
        noun="live resin",
        potency="percent",
        equivalence="4",
    ),
    Kind(
        path="Concentrates > Hash",
        share=3,
        sizes=_sizes(("1g", "1", 28, 44), ("2g", "2", 48, 70)),
        noun="pressed hash",
        potency="percent",
        equivalence="4",
    ),
    Kind(
        path="Tinctures",
        share=3,
        sizes=_sizes(
            ("30ml", "30", 32, 60),
        ),
        noun="oil drops",
        potency="mg",
        equivalence="0.07",
    ),
    Kind(
        path="Topicals",
        share=3,
        sizes=_sizes(
            ("50g", "50", 24, 42),
        ),
        noun="balm",
        potency="mg",
        equivalence="0.07",
    ),
    Kind(
        path="Capsules",
        share=3,
        sizes=_sizes(("15 count", "6", 16, 26), ("60 count", "24", 48, 72)),
        noun="softgels",
        potency="mg",
        equivalence="0.07",
    ),
    Kind(
        path="Seeds",
        share=2,
        sizes=_sizes(
            ("5 seeds", "1", 38, 70),
        ),
        noun="seeds",
    ),
    Kind(
        path="Accessories > Papers",
        share=3,
        sizes=_sizes(
            ("32 leaves", "5", 2, 5),
        ),
        noun="",
    ),
    Kind(
        path="Accessories > Glass",
        share=3,
        sizes=_sizes(
            ("20cm", "240", 28, 110),
        ),
        noun="",
    ),
    Kind(
        path="Accessories > Grinders",
        share=2,
        sizes=_sizes(
            ("55mm", "80", 12, 36),
        ),
        noun="",
    ),
    Kind(
        path="Merchandise",
        share=2,
        sizes=_sizes(("M", "180", 22, 48), ("L", "190", 22, 48)),
        noun="",
    ),
)

DELIVERY_KIND = Kind(path="Services", share=0, sizes=_sizes(("", "0", 5, 5)), noun="")

BRANDS = (
    "Fern & Lantern",
    "Harbour Moss",
    "Quiet Comet",
    "Tall Otter",
    "Bramble Works",
    "Ninth Meadow",
    "Saltbox Botanics",
    "Pale Heron",
    "Copper Thimble",
    "Low Tide Gardens",
    "Ember & Oat",
    "Slow Kite",
    "O'Fennel & Daughters",
    "Mossgräs",
)
STRAIN_FIRST = (
    "Velvet",
    "Copper",
    "Northern",
    "Midnight",
    "Paper",
    "Silver",
    "Honeyed",
    "Quiet",
    "Crooked",
    "Winter",
    "Salted",
    "Wandering",
    "Amber",
    "Hollow",
    "Lucky",
    "Distant",
)
STRAIN_SECOND = (
    "Lantern",
    "Orchard",
    "Marmalade",
    "Thistle",
    "Foghorn",
    "Pancake",
    "Cathedral",
    "Otter",
    "Tangerine",
    "Meadow",
    "Bicycle",
    "Sherbet",
    "Compass",
    "Nightjar",
    "Biscuit",
    "Harbour",
)
ACCESSORY_NAMES = {
    "Accessories > Papers": ("hemp papers", "rice papers", "filter tips", "cone set"),
    "Accessories > Glass": ("beaker", "spoon pipe", "bubbler", "dry pipe"),
    "Accessories > Grinders": ("four-part grinder", "two-part grinder"),
    "Merchandise": ("shirt", "beanie", "tote bag", "enamel mug"),
}
SUPPLIERS = (
    (5001, "Northgate Distribution"),
    (5002, "Cedar Line Wholesale"),
    (5003, "Basin Supply Co-op"),
)
#: The twenty names of the lab values that are read from number fields (section 4.6).
LAB_NAMES = (
    "3-Carene",
    "Alpha Pinene",
    "Beta Caryophyllene",
    "Beta Eudesmol",
    "Beta Myrcene",
    "Beta Pinene",
    "Bisabolol",
    "Caryophyllene Oxide",
    "Guaiol",
    "Humulene",
    "Limonene",
    "Linalool",
    "Ocimene",
    "Terpinolene",
    "Terpinene",
    "Trans-Nerolidol",
    "THCa",
    "CBDa",
    "CBN",
    "CBG",
)
#: What people type into number fields (section 4.6: values are always text).
MESSY_VALUES = ("<LOQ", "ND", "24,5", "18-22 %", "", "n/a", " 19.4 ", "1.2 mg/g", "22.1%")
FLAVOURS = ("citrus peel", "wet cedar", "black pepper", "ripe mango", "cold tea", "toasted oats")

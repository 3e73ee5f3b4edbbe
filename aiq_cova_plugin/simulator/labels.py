"""The specification fields on a seeded product, tidy and untidy (section 4.6)."""

from __future__ import annotations

import random

from .products import Specification
from .vocabulary import LAB_NAMES, MESSY_VALUES, Kind, Size

_REPORTING = {
    "Flower": "Packaged: Dried Cannabis",
    "Pre-Rolls": "Packaged: Dried Cannabis",
    "Vapes": "Packaged: Extracts - Inhaled",
    "Concentrates": "Packaged: Extracts - Inhaled",
    "Edibles": "Packaged: Edibles - Solids",
    "Beverages": "Packaged: Edibles - Non-solids",
    "Topicals": "Packaged: Topicals",
}
LAB_GROUP = "Lab results"


def specifications_for(
    kind: Kind, size: Size, rng: random.Random, *, brand: str, strain: str, index: int
) -> list[Specification]:
    """The fields of one product; `index` decides which rare cases it gets.

    Every fourth cannabis product has all twenty lab names, others a handful; every seventh has
    one value that is no number, every thirteenth one field twice.
    """
    top = kind.path.split(" > ")[0]
    fields = [Specification(("Brand", "Brands", "Brand")[index % 3], brand, "SingleSelect")]
    if not kind.is_cannabis:
        fields.append(Specification("Tags", "demo, new" if index % 2 else "", "TextMultipleLine"))
        return fields
    fields += [
        Specification("Retail Marijuana Product Type - Canada", top, "SingleSelect"),
        Specification("Net Weight", size.grams, "Float", "g"),
        Specification("Equivalent To", kind.equivalence or size.grams, "Float", "g"),
        Specification(
            "Strain" if index % 4 else "Flower Type",
            kind.path.split(" > ")[-1] if top == "Flower" else rng.choice(("Indica", "Hybrid")),
            "SingleSelect",
        ),
        Specification("Strain Name", strain, group="Additional Details"),
        Specification(
            "Terpenes",
            "Limonene, , Beta Myrcene," if index % 5 == 0 else "Limonene, Linalool",
            group="Additional Details",
        ),
        Specification(
            "COA Link" if index % 2 else "COA", f"https://labs.example/coa/{4000 + index}.pdf"
        ),
    ]
    if top in _REPORTING:
        fields.append(
            Specification("Health Canada Reporting Category", _REPORTING[top], "SingleSelect")
        )
    fields += _potency(kind, rng, index)
    fields += _lab_values(rng, index)
    if index % 9 == 0:
        fields.append(Specification("Online Menu Name", f"{strain} (menu)", group="Online menu"))
        fields.append(Specification("Online Menu Category", top, "SingleSelect", "", "Online menu"))
    if index % 7 == 0:
        _spoil_one(fields, MESSY_VALUES[index // 7 % len(MESSY_VALUES)])
    if index % 13 == 0:
        fields.append(next(field for field in fields if field.type == "Float"))
    return fields


def _potency(kind: Kind, rng: random.Random, index: int) -> list[Specification]:
    if kind.potency == "mg":
        thc, cbd = rng.choice(("2.5", "5", "10")), rng.choice(("0", "5", "10"))
        return [
            Specification("THC Potency", thc, "Float", "mg"),
            Specification("CBD Potency", cbd, "Float", "mg"),
        ]
    low = rng.randrange(120, 240) if kind.path.startswith(("Flower", "Pre")) else 700
    if index % 8 == 1:
        return [
            Specification("THC Composition", _tenths(low), "Float", "%"),
            Specification("CBD Composition", "0.3", "Float", "%"),
        ]
    return [
        Specification("THC Min", _tenths(low), "Float", "%"),
        Specification("THC Max", _tenths(low + rng.randrange(10, 60)), "Float", "%"),
        Specification("CBD Min", "0", "Float", "%"),
        Specification("CBD Max", _tenths(rng.randrange(1, 10)), "Float", "%"),
    ]


def _lab_values(rng: random.Random, index: int) -> list[Specification]:
    names = LAB_NAMES if index % 4 == 1 else tuple(rng.sample(LAB_NAMES, 5))
    unit = "mg/g" if index % 6 == 2 else "%"
    return [
        Specification(
            name,
            f"{rng.randrange(1, 900) / 1000:.3f}".rstrip("0"),
            "Float",
            unit,
            LAB_GROUP,
        )
        for name in names
    ]


def _spoil_one(fields: list[Specification], value: str) -> None:
    for position in range(len(fields) - 1, -1, -1):
        if fields[position].type == "Float":
            fields[position] = fields[position]._replace(value=value)
            return


def _tenths(value: int) -> str:
    return f"{value // 10}.{value % 10}"

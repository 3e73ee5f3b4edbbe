"""Pictures of products, drawn as SVG so that a demo shop looks good without any download."""

from __future__ import annotations

import hashlib
from html import escape

_LEAF = (
    "M0 -120 C30 -60 34 -20 14 20 C70 -30 120 -34 150 -20 C130 30 80 50 26 46 "
    "C60 66 70 96 66 120 C36 116 14 90 0 62 C-14 90 -36 116 -66 120 C-70 96 -60 66 -26 46 "
    "C-80 50 -130 30 -150 -20 C-120 -34 -70 -30 -14 20 C-34 -20 -30 -60 0 -120 Z"
)
_SHAPES = {
    "Flower": f'<path d="{_LEAF}"/><path d="M0 40 V170" stroke-width="10" class="line"/>',
    "Pre-Rolls": (
        '<path d="M-120 60 L90 -110 Q122 -122 118 -84 L-96 92 Z"/>'
        '<path d="M-120 60 L-160 94 L-138 122 L-96 92 Z" class="soft"/>'
    ),
    "Vapes": (
        '<rect x="-36" y="-60" width="72" height="210" rx="24"/>'
        '<rect x="-22" y="-150" width="44" height="84" rx="14" class="soft"/>'
        '<circle cx="0" cy="60" r="12" class="hole"/>'
    ),
    "Edibles": (
        '<rect x="-130" y="-60" width="110" height="110" rx="34"/>'
        '<rect x="20" y="-20" width="110" height="110" rx="34" class="soft"/>'
        '<rect x="-60" y="60" width="96" height="96" rx="30"/>'
    ),
    "Beverages": (
        '<path d="M-80 -130 H80 L66 140 Q60 156 40 156 H-40 Q-60 156 -66 140 Z"/>'
        '<path d="M-74 -30 H74 L66 110 H-66 Z" class="soft"/>'
    ),
    "Concentrates": (
        '<path d="M-110 0 H110 V100 Q110 140 60 140 H-60 Q-110 140 -110 100 Z"/>'
        '<rect x="-124" y="-60" width="248" height="70" rx="16" class="soft"/>'
    ),
    "Tinctures": (
        '<path d="M-60 -20 Q-60 -50 -30 -60 V-90 H30 V-60 Q60 -50 60 -20 V130 Q60 150 40 150 '
        'H-40 Q-60 150 -60 130 Z"/><rect x="-20" y="-160" width="40" height="64" rx="18" '
        'class="soft"/>'
    ),
    "Topicals": (
        '<ellipse cx="0" cy="80" rx="130" ry="60"/>'
        '<rect x="-130" y="-10" width="260" height="90"/>'
        '<ellipse cx="0" cy="-10" rx="130" ry="50" class="soft"/>'
    ),
    "Capsules": (
        '<g transform="rotate(-35)"><rect x="-140" y="-46" width="280" height="92" rx="46"/>'
        '<path d="M0 -46 H94 A46 46 0 0 1 94 46 H0 Z" class="soft"/></g>'
    ),
    "Seeds": (
        '<ellipse cx="-60" cy="40" rx="44" ry="66"/>'
        '<ellipse cx="60" cy="30" rx="44" ry="66" class="soft"/>'
        '<ellipse cx="0" cy="-70" rx="44" ry="66"/>'
    ),
    "Accessories": (
        '<circle cx="0" cy="0" r="130"/><circle cx="0" cy="0" r="92" class="soft"/>'
        '<circle cx="0" cy="0" r="30" class="hole"/>'
    ),
    "Merchandise": (
        '<path d="M-60 -120 Q0 -70 60 -120 L150 -70 L116 0 L84 -14 V150 H-84 V-14 L-116 0 '
        'L-150 -70 Z"/>'
    ),
}
_HUES = {
    "Flower": 110,
    "Pre-Rolls": 38,
    "Vapes": 205,
    "Edibles": 345,
    "Beverages": 190,
    "Concentrates": 28,
    "Tinctures": 265,
    "Topicals": 165,
    "Capsules": 300,
    "Seeds": 70,
    "Accessories": 220,
    "Merchandise": 10,
}


def svg(*, name: str, classification_path: str, key: str) -> str:
    """A square picture for one product; `key` varies the colours, the same key always alike."""
    category = classification_path.partition(" > ")[0]
    shape = _SHAPES.get(category, _SHAPES["Accessories"])
    digest = hashlib.sha256(key.encode()).digest()
    hue = (_HUES.get(category, 150) + digest[0] % 36 - 18) % 360
    turn = digest[1] % 21 - 10
    title = escape(name)
    label = escape(name if len(name) <= 44 else name[:43] + "…")
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 600" role="img">
<title>{title}</title>
<defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1">
<stop offset="0" stop-color="hsl({hue} 46% 94%)"/>
<stop offset="1" stop-color="hsl({(hue + 40) % 360} 48% 82%)"/>
</linearGradient></defs>
<style>.s{{fill:hsl({hue} 42% 34%)}}.soft{{fill:hsl({hue} 44% 56%)}}
.hole{{fill:hsl({hue} 46% 92%)}}.line{{stroke:hsl({hue} 42% 34%);stroke-linecap:round}}
text{{font:600 21px system-ui,sans-serif;fill:hsl({hue} 40% 24%);text-anchor:middle}}</style>
<rect width="600" height="600" fill="url(#g)"/>
<circle cx="300" cy="270" r="215" fill="#fff" opacity=".55"/>
<g class="s" transform="translate(300 262) rotate({turn})">{shape}</g>
<text x="300" y="548">{label}</text>
</svg>
"""

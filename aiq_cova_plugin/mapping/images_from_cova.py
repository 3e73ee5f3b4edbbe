"""The pictures of a product (cova-api.md sections 4.5 and 4.10)."""

from __future__ import annotations

from aiq_cova_plugin.mapping.web_links import web_link
from aiq_cova_plugin.schemas import records


def images_from_cova(product: records.Product) -> tuple[str, ...] | None:
    """Addresses of the pictures, the hero shot first, each once.

    Only http(s) ones that are not hidden. None when COVA has no picture of the product at
    all: most retailers keep none there, and an empty list would delete the store's own.
    Empty when COVA has pictures and every one of them is hidden or unusable.
    """
    images = [each for each in product.assets or () if each.type.strip().casefold() == "image"]
    hidden = {each.uri.strip() for each in images if each.is_hidden}
    shown = [each.uri for each in images if not each.is_hidden]
    hero = (product.hero_shot_uri or "").strip()
    if not images and not hero:
        return None
    links = (web_link(each) for each in (hero, *shown) if each.strip() not in hidden)
    return tuple(dict.fromkeys(each for each in links if each is not None))

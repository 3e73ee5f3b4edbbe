"""A product's description as sanitised HTML, with the certificate's link in it."""

from __future__ import annotations

import re
from html import escape, unescape

import nh3

from aiq_cova_plugin.mapping.specification_names import DEFAULT, SpecificationNames, chosen_text
from aiq_cova_plugin.mapping.web_links import web_link
from aiq_cova_plugin.schemas import records

_TAGS = frozenset(
    {"a", "b", "blockquote", "br", "em", "h3", "h4", "i", "li", "ol", "p"}
    | {"strong", "sub", "sup", "u", "ul"}
)
_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>]*)?/?>|<!--")
_LONGEST_TEXT = 50_000


def description_from_cova(
    product: records.Product,
    *,
    coa_url: str | None,
    spec_names: SpecificationNames = DEFAULT,
) -> str | None:
    """The long description, else the short one, with the certificate's link behind it.

    Always passed through a tight allow-list: formatting and http(s) links, no attributes
    but `href`, no pictures, no scripts. Plain text is escaped and becomes paragraphs.
    None when COVA gave neither a text nor a certificate: an empty text is no reason to
    wipe what staff wrote (user-pains.md, number 8).

    `coa_url` must have come from `coa_from_cova`.
    """
    html = _body(product)
    link = web_link(coa_url)
    if link is not None:
        certificate = _sanitised(_certificate(link, _name(product, spec_names)))
        if f'href="{link.replace("&", "&amp;")}"' not in html:
            html += certificate
    return html or None


def _body(product: records.Product) -> str:
    for text in (product.long_description, product.short_description):
        html = _sanitised(_as_html((text or "")[:_LONGEST_TEXT]))
        if _has_words(html):
            return html
    return ""


def _as_html(text: str) -> str:
    if _TAG.search(text):
        return text.strip()
    # Entities in a text without tags: it was HTML once and would else show as "&amp;".
    plain = unescape(text).replace("\r\n", "\n").replace("\r", "\n")
    paragraphs = (each.strip() for each in re.split(r"\n\s*\n", plain))
    return "".join(
        f"<p>{escape(each, quote=False).replace(chr(10), '<br>')}</p>"
        for each in paragraphs
        if each
    )


def _certificate(link: str, name: str) -> str:
    # The name is part of the link's text, since screen readers list links without their context.
    about = f" for {name}" if name else ""
    text = escape(f"Certificate of analysis{about}", quote=False)
    return f'<p><a href="{escape(link)}">{text}</a></p>'


def _name(product: records.Product, spec_names: SpecificationNames) -> str:
    return chosen_text(product, "menu_name", spec_names) or (product.name or "").strip()


def _sanitised(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href"}},
        attribute_filter=_only_web_links,
        url_schemes={"http", "https"},
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
    ).strip()


def _only_web_links(_tag: str, attribute: str, value: str) -> str | None:
    # nh3 asks about the `rel` it has set itself, too.
    return web_link(value) if attribute == "href" else value


def _has_words(html: str) -> bool:
    return unescape(re.sub(r"<[^>]*>", "", html)).strip() != ""

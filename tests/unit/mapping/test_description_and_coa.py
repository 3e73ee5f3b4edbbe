"""Certificates and descriptions: links and HTML from outside, made harmless."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiq_cova_plugin.mapping.coa_from_cova import coa_from_cova
from aiq_cova_plugin.mapping.description_from_cova import description_from_cova
from aiq_cova_plugin.mapping.web_links import web_link

from tests.unit.mapping.products import product, snapshot_of, with_specs

COA = "https://labs.example/coa/1.pdf"
REL = 'rel="noopener noreferrer nofollow"'
BAD_LINKS = [
    "",
    "   ",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    " javascript:alert(1)//https://labs.example",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "ftp://labs.example/1.pdf",
    "//labs.example/1.pdf",
    "/coa/1.pdf",
    "labs.example/1.pdf",
    "www.labs.example",
    "https:",
    "https://",
    "https:///1.pdf",
    "http://user:pass@labs.example/",
    "https://labs.example@evil.example/",
    'https://labs.example/"onmouseover="alert(1)',
    "https://labs.example/<script>",
    "https://labs.example/a b",
    "https://labs.example\\@evil.example",
    "https://labs.example/\u202egpj.exe",
    "https://labs.example/\x00",
    "https://[::1/",
    "https://labs.example:port/",
    "https://labs.example/" + "x" * 2000,
    "see https://labs.example/1.pdf",
]


@pytest.mark.parametrize("text", [*BAD_LINKS, None])
def test_what_is_no_plain_web_address_is_refused(text):
    assert web_link(text) is None


@pytest.mark.parametrize(
    "text",
    [
        COA,
        "http://labs.example/coa?id=1&lot=A'2",
        "HTTPS://Labs.Example:8443/#page=2",
        "https://labs.example/%20a",
        "https://labör.example/é",
        "https://[::1]/x",
    ],
)
def test_a_web_address_is_kept_as_it_is(text):
    assert web_link(f"  {text}\n") == text


@pytest.mark.parametrize(
    ("specs", "url", "refused"),
    [
        ([], None, []),
        ([("COA Link", COA)], COA, []),
        ([("COA", COA)], COA, []),
        ([(" coa-link ", COA)], COA, []),
        ([("Coa", "https://a.example/1"), ("COA Link", COA)], COA, []),
        ([("COA Link", ""), ("COA", COA)], COA, []),
        ([("COA Link", "javascript:alert(1)"), ("COA", COA)], COA, ["COA Link"]),
        ([("COA Link", "labs.example/1.pdf")], None, ["COA Link"]),
        ([("COA Link", "  ")], None, []),
        ([("COA Links", COA), ("Lab COA", COA)], None, []),
    ],
)
def test_the_certificate_is_the_first_address_of_coa_link_or_coa(specs, url, refused):
    reading = coa_from_cova(with_specs(*specs))

    assert reading.url == url
    assert [each.field for each in reading.issues] == refused


@pytest.mark.parametrize("link", BAD_LINKS)
def test_a_bad_certificate_never_reaches_the_description(link):
    snapshot = snapshot_of(with_specs(("COA", link)))

    assert snapshot.coa_url is None
    assert snapshot.description is None


@pytest.mark.parametrize(
    ("long", "short", "html"),
    [
        (None, None, None),
        ("", "", None),
        ("  \n ", None, None),
        ("<p></p>", "", None),
        ("<p>&nbsp;</p><br>", None, None),
        ("<script>alert(1)</script>", "", None),
        ("<!-- nothing -->", None, None),
        ("Long.", "Short.", "<p>Long.</p>"),
        ("", "Short.", "<p>Short.</p>"),
        (None, "Short.", "<p>Short.</p>"),
        ("<script>x</script>", "Short.", "<p>Short.</p>"),
        ("One.\n\nTwo.\nThree.", None, "<p>One.</p><p>Two.<br>Three.</p>"),
        ("One.\r\n\r\n\r\nTwo.", None, "<p>One.</p><p>Two.</p>"),
        ("THC < 5 & CBD > 3", None, "<p>THC &lt; 5 &amp; CBD &gt; 3</p>"),
        ("Ben &amp; Jerry", None, "<p>Ben &amp; Jerry</p>"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", None, None),
        ("<b>Bold</b> and <i>x</i>", None, "<b>Bold</b> and <i>x</i>"),
        ("<ul><li>a</li></ul>", None, "<ul><li>a</li></ul>"),
        ('<p style="color:red" onclick="x()">Hi</p>', None, "<p>Hi</p>"),
        ("<h1>Hi</h1>", None, "Hi"),
        ('Hi<img src=x onerror="alert(1)">', None, "Hi"),
        ("<iframe src=https://evil.example></iframe>Hi", None, "Hi"),
        ("<svg onload=alert(1)>Hi</svg>", None, "Hi"),
        ("Hi<style>p{}</style>", None, "Hi"),
        ("<b>open", None, "<b>open</b>"),
        ('<a href="javascript:alert(1)">x</a>', None, f"<a {REL}>x</a>"),
        ('<a href="/local">x</a>', None, f"<a {REL}>x</a>"),
        ('<a href="//evil.example">x</a>', None, f"<a {REL}>x</a>"),
        (
            '<a href="https://ok.example/?a=1&amp;b=2" target="_blank">x</a>',
            None,
            f'<a href="https://ok.example/?a=1&amp;b=2" {REL}>x</a>',
        ),
        ("<script", None, "<p>&lt;script</p>"),
    ],
)
def test_texts_become_harmless_html(long, short, html):
    if long == "&lt;script&gt;alert(1)&lt;/script&gt;":
        html = "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"
    cova_product = product(long_description=long, short_description=short)

    assert description_from_cova(cova_product, coa_url=None) == html


def test_the_certificate_is_linked_by_a_text_that_names_the_product():
    cova_product = product(name="Haze <3.5g> & more", long_description="Good.")

    assert description_from_cova(cova_product, coa_url=f"{COA}?a=1&b=2") == (
        f'<p>Good.</p><p><a href="{COA}?a=1&amp;b=2" {REL}>'
        "Certificate of analysis for Haze &lt;3.5g&gt; &amp; more</a></p>"
    )


def test_a_certificate_alone_is_a_description():
    assert description_from_cova(product(), coa_url=COA) == (
        f'<p><a href="{COA}" {REL}>Certificate of analysis</a></p>'
    )


def test_a_certificate_the_text_links_already_is_not_linked_twice():
    cova_product = product(long_description=f'See <a href="{COA}?a=1&amp;b=2">the lab</a>.')

    html = description_from_cova(cova_product, coa_url=f"{COA}?a=1&b=2")

    assert html is not None
    assert html.count("<a ") == 1


def test_a_bad_certificate_handed_in_is_still_refused():
    assert description_from_cova(product(), coa_url="javascript:alert(1)") is None


FRAGMENTS = [
    "<",
    ">",
    '"',
    "'",
    "&",
    "script",
    "<a href=",
    "javascript:",
    "<p>",
    "</",
    "<img ",
    "onerror=",
    "<!--",
    "-->",
    "=",
    " ",
    "\n",
    "x",
    "&lt;",
    "<svg/onload=",
    "https://e.x",
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join) | st.text(max_size=60))
def test_no_text_gets_anything_but_the_allowed_tags_through(text):
    cova_product = product(name=text, long_description=text)

    html = description_from_cova(cova_product, coa_url=COA)

    assert html is not None
    for tag in re.findall(r"<[^>]*>", html):
        assert re.fullmatch(
            r"</?(?:b|blockquote|br|em|h3|h4|i|li|ol|p|strong|sub|sup|u|ul|a)>"
            rf'|<a(?: href="https?://[^"<>]*")? {REL}>',
            tag,
        ), tag

"""Names, reasons, orders and addresses written by an attacker stay text on every page."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.mapping.description_from_cova import description_from_cova
from aiq_cova_plugin.mapping.web_links import web_link
from aiq_cova_plugin.schemas.records import Product

from tests.unit.web.kit import NORTH, Browser, Records, TinyHost, close, tiny_shop

PRODUCT_ID = "11111111-2222-4333-8444-555555555555"
ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg onload=alert(1)>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' autofocus onfocus='alert(1)",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='java&#10;script:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<style>*{background:url(javascript:alert(1))}</style>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "<base href='https://evil.example.com/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example.com'>",
    "<template><script>alert(1)</script></template>",
    "<div hx-get='https://evil.example.com' hx-trigger=load>x</div>",
    "<button formaction=javascript:alert(1)>x</button>",
    "\u202e\u2066<script\u2028>alert(1)</script>",
]
LINKS = [
    "javascript:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "//evil.example.com/x",
    "\\\\evil.example.com\\x",
    "https:/\\evil",
    "https://",
    "http://[::1",
    "https://user:pass word@x/",
    "https://example.com/\r\nSet-Cookie: a=b",
    'https://example.com/"onmouseover="alert(1)',
]
ALLOWED_SCHEMES = ("http://", "https://", "/", "#", "?", "mailto:")


class Inspector(HTMLParser):
    """Reads a page as a browser does, and notes what would run or lead away."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.bad: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name.lower(): value or "" for name, value in attrs}
        if tag == "script" and not given.get("src", "").startswith("/"):
            self.bad.append(f"<script {given}>")
        if tag in {"iframe", "object", "embed", "base", "math", "style", "noscript"}:
            self.bad.append(f"<{tag}>")
        if tag == "meta" and "http-equiv" in given:
            self.bad.append("<meta http-equiv>")
        for name, value in given.items():
            if name.startswith("on") or name in {"style", "srcdoc"}:
                self.bad.append(f"{tag} {name}={value}")
            if name in {"href", "src", "action", "hx-get", "hx-post", "formaction", "data"}:
                is_ours = value.startswith(ALLOWED_SCHEMES) and "evil.example.com" not in value
                if value and not is_ours:
                    self.bad.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def inspected(markup: str) -> Inspector:
    found = Inspector()
    found.feed(markup)
    found.close()
    return found


@pytest.fixture
def shop(tmp_path: Path, sqlite_url: str) -> Iterator[Flask]:
    app = tiny_shop(tmp_path, TinyHost(), database_url=sqlite_url)
    yield app
    close(app)


def hostile_shop(shop: Flask) -> dict[str, str]:
    """Every text COVA or a shopper can write, written by an attacker."""
    records = Records(shop)
    records.connect(username=ATTACKS[4], client_id=ATTACKS[6], check_ok=False,
                    check_message=ATTACKS[1])  # fmt: skip
    records.synced()
    issues = []
    for number, attack in enumerate(ATTACKS):
        records.product(
            f"p-{number}", attack, attack, last_error=attack, category_source="unmapped",
            applied={"quantity": "1", "name": attack, "description": attack},
            menu_category=attack, product_type=attack,
        )  # fmt: skip
        issues.append(FieldIssue(f"p-{number}", attack, attack))
        records.order(
            f"o-{number}", "needs_attention", reason=attack, fix=attack, warning=attack,
            order_number=attack, cova_status=attack, kind="Rejected",
            events=[("queued", attack), ("needs_attention", attack)],
        )  # fmt: skip
    run = records.run(status="failed", message=ATTACKS[0], fix=ATTACKS[1], issues=issues)
    records.order("sneaky-<script>alert(1)</script>", "queued", reason=ATTACKS[0])
    return {"run_id": run, "order_id": "o-1", "product_id": "p-1"}


def test_no_page_runs_what_an_attacker_wrote(shop: Flask) -> None:
    ids, browser, read = hostile_shop(shop), Browser(shop.test_client()), 0

    for rule in shop.url_map.iter_rules():
        if not rule.endpoint.startswith("cova.") or "store_id" not in rule.arguments:
            continue
        if "GET" not in (rule.methods or ()):
            continue
        with shop.test_request_context():
            names = rule.arguments - {"store_id"}
            path = shop.url_for(
                rule.endpoint, store_id=NORTH, **{name: ids.get(name, "x") for name in names}
            )
        for query in ("", f"?state={ATTACKS[4]}&q={ATTACKS[4]}&page={ATTACKS[0]}"):
            for headers in ({}, {"HX-Request": "true", "HX-Target": ATTACKS[4].replace("\n", "")}):
                answer = browser.get(path + query, headers=headers)
                assert answer.status_code < 500, path
                if "html" not in answer.content_type:
                    continue
                found = inspected(answer.text)
                read += 1
                assert found.bad == [], (path, query, found.bad[:3])

    assert read > 20


def test_the_attackers_words_are_shown_as_words(shop: Flask) -> None:
    """Otherwise the test above would pass on empty pages."""
    hostile_shop(shop)

    page = inspected(Browser(shop.test_client()).get(f"/cova/{NORTH}/orders/o-0").text)

    assert "<script>alert(1)</script>" in "".join(page.text)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("wrapped", ["{}", "<p>{}</p>", "<b>x</b>{}<i>y"])
def test_a_description_is_harmless_html(attack: str, wrapped: str) -> None:
    def cleaned(text: str) -> str:
        product = Product(PRODUCT_ID, life_cycle="Active", long_description=text)
        return description_from_cova(product, coa_url=None) or ""

    once = cleaned(wrapped.format(attack))

    assert inspected(once).bad == []
    # What was cleaned stays as it is: nothing hides for a second parser.
    assert inspected(cleaned(once)).bad == []
    assert "<script" not in once.lower()


@pytest.mark.parametrize("link", LINKS)
def test_a_link_is_http_or_nothing(link: str) -> None:
    found = web_link(link)

    assert found is None or (
        found.startswith(("https://", "http://"))
        and not set(found) & set('\r\n\t"<> ')
        and "@" not in found
    )


@pytest.mark.parametrize(
    "order_id", ["a\r\nSet-Cookie: x=y", "a\nb", "a%0d%0aX: y", "a\x00b", "../../etc", "a" * 5000]
)
def test_no_order_id_reaches_a_header(shop: Flask, order_id: str) -> None:
    browser = Browser(shop.test_client())
    if len(order_id) < 60 and "\x00" not in order_id:
        Records(shop).order(order_id, "needs_attention")
    for action in ("retry", "cancel"):
        answer = browser.post(f"/cova/{NORTH}/orders/{order_id}/{action}".replace("\n", "%0A"))

        assert answer.status_code < 500
        assert "x=y" not in str(answer.headers.getlist("Set-Cookie"))
        assert all("\n" not in value for _name, value in answer.headers)


@pytest.mark.parametrize("name", ["next", "return_to", "redirect", "url", "back"])
@pytest.mark.parametrize("target", ["https://evil.example.com/", "//evil.example.com", "/\\evil"])
def test_no_parameter_redirects_elsewhere(shop: Flask, name: str, target: str) -> None:
    Records(shop).order("1", "needs_attention")
    browser = Browser(shop.test_client())
    token = browser.token()

    answer = browser.client.post(
        f"/cova/{NORTH}/orders/1/retry",
        query_string={name: target},
        data={"csrf_token": token, name: target},
        headers={"Referer": target, "X-Forwarded-Host": "evil.example.com"},
    )

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"/cova/{NORTH}/")

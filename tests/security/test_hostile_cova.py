"""What a broken or hostile COVA could send is bounded, and what we send reaches nobody else."""

from __future__ import annotations

import gzip
import json
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from aiq_cova_plugin.config import load_config
from aiq_cova_plugin.cova import transport as transport_module
from aiq_cova_plugin.cova.rate_limit import RateBudget
from aiq_cova_plugin.cova.transport import Call, Transport
from aiq_cova_plugin.errors import ConfigurationError, ContractBroken, CovaPluginError
from aiq_cova_plugin.schemas.json_text import parse_json

LIMIT = 1024 * 1024
TOKEN = "a-token-of-the-shop"


@dataclass
class Server:
    """A server that answers whatever it is told to, and remembers what it was asked."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    status: int = 200
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def running() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append((self.path, dict(self.headers.items())))
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            # The client may have had enough, which is what is tested.
            with suppress(OSError):
                self.wfile.write(told.body)

        def do_PUT(self) -> None:
            self.do_GET()

        def log_message(self, *_arguments: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Server(f"http://127.0.0.1:{httpd.server_address[1]}")
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join(10)


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as found:
        yield found


@pytest.fixture
def client() -> Iterator[Transport]:
    found = Transport(
        max_answer_bytes=LIMIT, backoff_seconds=0, budget=RateBudget(calls_per_minute=10_000)
    )
    yield found
    found.close()


def ask(client: Transport, server: Server, **more: Any) -> Any:
    call = Call(
        doing="reading products",
        operation="product_data",
        method=more.pop("method", "GET"),
        url=f"{server.url}/products",
        service="test",
        is_write=more.pop("is_write", False),
    )
    return client.send(call, token=TOKEN)


def deflated(data: bytes) -> bytes:
    return zlib.compress(data, 9)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [("gzip", gzip.compress), ("deflate", deflated)],
    ids=["gzip", "deflate"],
)
def test_a_decompression_bomb_is_counted_as_what_it_becomes(
    client: Transport, server: Server, encoding: str, packed: Callable[[bytes], bytes]
) -> None:
    server.body = packed(b'["' + b"x" * (48 * LIMIT) + b'"]')
    server.headers = {"Content-Encoding": encoding}
    assert len(server.body) < LIMIT / 10

    tracemalloc.start()
    with pytest.raises(ContractBroken, match="too large"):
        ask(client, server)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # One piece of 64 KiB may unfold; what is behind it is never unpacked.
    assert peak < 40 * LIMIT


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "gzip,deflate", "compress"])
def test_other_packings_are_refused_unread(
    client: Transport, server: Server, encoding: str
) -> None:
    server.body = gzip.compress(gzip.compress(b"{}" + b" " * LIMIT))
    server.headers = {"Content-Encoding": encoding}

    with pytest.raises(ContractBroken):
        ask(client, server)
    assert server.asked[0][1]["Accept-Encoding"] == "gzip, deflate"


def test_a_huge_page_is_refused(client: Transport, server: Server) -> None:
    server.body = json.dumps(["x" * LIMIT]).encode()

    with pytest.raises(ContractBroken, match="too large"):
        ask(client, server)


@pytest.mark.parametrize(
    "document",
    [
        b"[" * 200_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'"\xff\xfe"',
        b"\x00" * 100,
    ],
)
def test_json_beyond_reason_is_a_refusal_and_no_crash(
    client: Transport, server: Server, document: bytes
) -> None:
    server.body = document

    with pytest.raises(CovaPluginError):
        ask(client, server)
    with pytest.raises(ValueError):
        parse_json(document)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_redirect_is_never_followed(
    client: Transport, server: Server, status: int, method: str
) -> None:
    with running() as elsewhere:
        server.status, server.headers = status, {"Location": f"{elsewhere.url}/take"}
        with pytest.raises(CovaPluginError):
            ask(client, server, method=method, is_write=method == "PUT")

        assert elsewhere.asked == []
    assert len(server.asked) == 1


def test_the_token_goes_to_no_other_host(client: Transport, server: Server) -> None:
    ask(client, server)
    assert server.asked[0][1]["Authorization"] == f"Bearer {TOKEN}"

    with running() as elsewhere:
        server.status, server.headers = 302, {"Location": elsewhere.url}
        with pytest.raises(CovaPluginError):
            ask(client, server)
        assert elsewhere.asked == []


def test_a_cookie_is_not_kept(client: Transport, server: Server) -> None:
    server.headers = {"Set-Cookie": "session=tracked; Path=/"}
    ask(client, server)
    ask(client, server)

    assert all("Cookie" not in headers for _path, headers in server.asked)


@pytest.mark.parametrize(
    "url",
    ["http://api.covasoft.net", "http://127.0.0.1.example.com", "http://10.0.0.1", "ftp://x.y"],
)
def test_plain_http_is_refused_at_start_up_and_before_each_call(
    client: Transport, url: str
) -> None:
    for key in ("COVA_API_URL", "COVA_TOKEN_URL"):
        with pytest.raises(ConfigurationError) as caught:
            load_config({key: url}, {})
        assert caught.value.field == key
    call = Call("reading", "x", "GET", f"{url}/x", "test", is_write=False)
    with pytest.raises(ConfigurationError):
        client.send(call, token=TOKEN)


def test_certificates_are_checked(client: Transport) -> None:
    session = client._session

    assert session.verify is True
    assert session.cert is None
    source = transport_module.__file__
    assert source is not None


def test_a_certificate_nobody_vouches_for_is_refused(
    client: Transport, tmp_path: Any, recwarn: pytest.WarningsRecorder
) -> None:
    """A real TLS server with a certificate of its own making."""
    import ssl

    key, certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with running_tls(context) as url:
        call = Call("reading", "x", "GET", f"{url}/x", "test", is_write=False)
        with pytest.raises(CovaPluginError, match="cannot be reached"):
            client.send(call, token=TOKEN)


def self_signed(folder: Any) -> tuple[str, str]:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    key_file, certificate_file = folder / "key.pem", folder / "certificate.pem"
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return str(key_file), str(certificate_file)


@contextmanager
def running_tls(context: Any) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            raise AssertionError("the client has spoken to a stranger")

        def log_message(self, *_arguments: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_arguments: Any) -> None:
            pass  # the client breaks off the handshake, as it should

        def get_request(self) -> Any:
            connection, address = super().get_request()
            return context.wrap_socket(connection, server_side=True), address

    httpd = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{httpd.server_address[1]}"
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join(10)

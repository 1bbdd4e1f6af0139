"""Where webhooks go: to the public internet, whatever a URL, a name or an answer says."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from plugins.webhooks.addresses import refused
from plugins.webhooks.connecting import pool
from plugins.webhooks.posting import Outcome, post
from plugins.webhooks.settings import Settings
from tests.house import House, write_settings
from tests.receiving import Receiver, receiving
from tests.test_webhooks import CREATE, deliveries, endpoint, house, passed_on, receiver

__all__ = ["house", "receiver"]

OPEN = Settings(allow_http=True, allow_addresses=("127.0.0.1/32",), timeout=1)
NOT_PUBLIC = "refused: not a public address, or no address at all"
SHUT = Settings(allow_http=True, timeout=1)

pytestmark = [pytest.mark.plugins("webhooks"), pytest.mark.settings(plugins={"webhooks": {}})]


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/", "ftp://shop.example/", "file:///etc/passwd", "gopher://shop.example/", "javascript:alert(1)",
        "//shop.example/", "shop.example", "", " ", "https://", "https:///path", "https://:443/", "https://user@shop.example/", "https://user:word@shop.example/",
        "https://shop.example@127.0.0.1/", "https://shop.example/#part", "https://shop.example/#", "https://shop.example:25/",
        "https://shop.example:22/", "https://shop.example:0/", "https://shop.example:99999/", "https://shop.example:port/",
        "https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://crm.localhost/", "https://metadata.google.internal/",
        "https://127.0.0.1/", "https://127.1/", "https://0x7f.1/", "https://0x7f000001/", "https://2130706433/", "https://0177.0.0.1/",
        "https://017700000001/", "https://127.0.0.1./", "https://127.0.0.256/", "https://0/", "https://0.0.0.0/", "https://10.0.0.1/",
        "https://172.16.0.1/", "https://192.168.1.1/", "https://100.64.0.1/", "https://169.254.169.254/latest/meta-data/",
        "https://168.63.129.16/", "https://224.0.0.1/", "https://255.255.255.255/", "https://[::1]/", "https://[::]/",
        "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/",
        "https://[2001:0:7f00:1::]/", "https://[fd00:ec2::254]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[ff02::1]/",
        "https://[::127.0.0.1]/", "https://[::1", "https://::1/", "https://①②⑦.⓪.⓪.①/", "https://１２７.0.0.1/", "https://ｌocalhost/",
        "https://shop.example\\@127.0.0.1/", "https://shop.example/\r\nHost: other", "https://shop.example/a b", "https://shop..example/",
        "https://-shop.example/", "https://shop.example%00.evil.example/", "https://sh%6Fp.example/", f"https://shop.example/{'a' * 2000}",
    ],
)  # fmt: skip
async def test_a_url_that_leads_elsewhere_is_refused_when_it_is_written(house: House, url: str):
    data = await house.ask(CREATE, input={"url": url, "names": ["*"]})
    (error,) = data["webhookEndpointCreate"]["userErrors"]
    assert error["field"] == ["input", "url"]
    assert error["code"] == "INVALID"


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example", "https://shop.example/hook?token=a&b=%20", "https://SHOP.example:8443/", "https://shop.example./",
        "https://xn--mgbaal8b0b9b2b.example/", "https://my_shop.example/", "https://8.8.8.8/", "https://[2606:4700:4700::1111]:8443/x",
    ],
)  # fmt: skip
async def test_a_url_of_the_public_internet_is_taken(house: House, url: str):
    await endpoint(house, url)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        *((one, True) for one in (
            "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.31.0.1", "192.168.0.1", "169.254.0.1", "100.127.0.1", "0.0.0.1", "192.0.2.1",
            "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.88.99.1", "168.63.129.16", "::", "::1", "fc00::1", "fe80::1",
            "fe80::1%lo", "fec0::1", "ff0e::1", "::ffff:10.0.0.1", "::8.8.8.8", "64:ff9b::a00:1", "64:ff9b:1::808:808", "2002:808:808::1",
            "2001::1", "2001:db8::1", "localhost", "", "0x7f.1",
        )),
        *((one, False) for one in ("8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")),
    ],
)  # fmt: skip
def test_which_addresses_are_refused(address: str, expected: bool):
    assert refused(address, ()) is expected


def test_the_settings_let_addresses_through():
    networks = [ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8")]
    assert [refused(one, networks) for one in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "10.2.0.1", "127.0.0.1")] == [
        False, False, False, True, True,
    ]  # fmt: skip


@pytest.mark.settings(plugins={"webhooks": {"allow_http": True, "timeout": 2}})
async def test_a_name_that_stands_for_an_inner_address_is_not_connected_to(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    ask = socket.getaddrinfo

    def poisoned(host: Any, *rest: Any, **more: Any) -> Any:
        return ask("127.0.0.1" if host == "shop.example" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", poisoned)
    await endpoint(house, f"http://shop.example:{receiver.port}/", "tag.*")
    await house.make("Tag", name="one")
    await passed_on(house)
    (row,) = await deliveries(house)
    assert (row["state"], row["status"], row["error"]) == ("WAITING", None, NOT_PUBLIC)
    assert receiver.messages == []


async def test_one_inner_address_among_public_ones_is_enough_to_refuse(receiver: Receiver):
    outcome = await posted(f"http://shop.example:{receiver.port}/", SHUT, ["8.8.8.8", "127.0.0.1"])
    assert outcome.error == NOT_PUBLIC
    assert receiver.messages == []


async def test_a_name_is_looked_up_once_and_the_connection_goes_to_what_was_checked(receiver: Receiver):
    answers, asked = iter([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.3"]]), []

    async def changing(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    url = f"http://Rebind.Example.:{receiver.port}/hook?a=b"
    async with pool(OPEN, changing) as connections:
        first = await post(connections, OPEN, url, {"webhook-id": "1"}, b"{}")
    assert first.delivered
    assert asked == ["rebind.example"]
    assert receiver.messages[0].headers["host"] == f"rebind.example:{receiver.port}"
    assert receiver.messages[0].path == "/hook?a=b"
    async with pool(OPEN, changing) as connections:  # the next connection is checked anew
        assert (await post(connections, OPEN, url, {"webhook-id": "1"}, b"{}")).error == NOT_PUBLIC
    assert len(receiver.messages) == 1


async def test_a_name_that_is_not_there_and_one_of_an_inner_address_look_alike(receiver: Receiver):
    first, second = await posted("http://a.example/", SHUT, []), await posted(f"http://b.example:{receiver.port}/", SHUT)
    assert first.error == second.error


async def test_redirects_are_not_followed(receiver: Receiver):
    with receiving() as inner:
        receiver.answer = lambda message: (302, {"location": inner.url}, b"")
        outcome = await posted(receiver.url, OPEN)
        assert outcome.status == 302
        assert "redirects are not followed" in str(outcome.error)
        assert inner.messages == []


async def test_proxies_of_the_environment_are_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    with receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert (await posted(receiver.url, OPEN)).delivered
        assert proxy.messages == []


async def test_of_a_long_answer_little_is_read_and_less_is_kept(receiver: Receiver):
    receiver.answer = lambda message: (500, {}, b"a" * 20_000_000)
    outcome = await posted(receiver.url, OPEN)
    assert (outcome.status, outcome.answer) == (500, "a" * 500)


async def test_an_answer_that_never_ends_is_given_up():
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 No\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with speaking(drip) as url:
        outcome = await posted(url, OPEN)
    assert (outcome.status, outcome.error) == (500, "no answer within 1 s")


async def test_headers_that_never_end_are_given_up():
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(100_000):
            writer.write(b"x-%d: %s\r\n" % (number, b"x" * 1000))
            await writer.drain()

    async with speaking(endless) as url:
        outcome = await posted(url, OPEN)
    assert outcome.status is None
    assert outcome.error in ("what answers does not speak HTTP", "no answer within 1 s")


@pytest.mark.parametrize("banner", [b"SSH-2.0-OpenSSH_9.6 inner\r\n", b"220 inner ESMTP\r\n", b"HTTP/9 inner\r\n\r\n", b"", b"\xff" * 4096])
async def test_what_a_service_of_another_kind_says_is_not_told(banner: bytes):
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)
        await writer.drain()
        writer.close()

    async with speaking(speak) as url:
        outcome = await posted(url, OPEN)
    assert outcome.error in ("what answers does not speak HTTP", "the connection broke")
    assert outcome.answer is None


async def test_by_tls_the_certificate_must_be_that_of_the_name(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    certificate = made_certificate(tmp_path, "shop.example")
    with by_tls(certificate) as (port, names):
        strange = await posted(f"https://shop.example:{port}/", OPEN)
        assert "its certificate is not good" in str(strange.error)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert (await posted(f"https://shop.example:{port}/", OPEN)).delivered
        assert names[-1] == "shop.example"
        assert "its certificate is not good" in str((await posted(f"https://other.example:{port}/", OPEN)).error)
    assert (await posted(f"https://shop.example:{receiver.port}/", OPEN)).error == "no connection by TLS"


@pytest.mark.parametrize(
    "table",
    [
        {"allow_addresses": ["here"]}, {"allow_addresses": ["10.0.0.1/8"]}, {"timeout": 0}, {"timeout": 600}, {"keep_days": 1},
        {"endpoints": 0}, {"retry_hours": 25}, {"no": 1},
    ],
)
def test_settings_that_mean_nothing_stop_the_start(payvand: Any, table: dict[str, Any]):
    write_settings(payvand.folder, payvand.url, ("webhooks",), {"plugins": {"webhooks": table}})
    outcome = payvand("plugins")
    assert outcome.code == 1
    assert "[plugins.webhooks]" in outcome.out
    assert next(iter(table)) in outcome.out


async def posted(url: str, settings: Settings, addresses: Sequence[str] = ("127.0.0.1",)) -> Outcome:
    """What comes of a request, where each name stands for these addresses."""

    async def found(host: str, port: int) -> Sequence[str]:
        return addresses

    async with pool(settings, found) as connections:
        return await post(connections, settings, url, {"webhook-id": "1"}, b"{}")


@asynccontextmanager
async def speaking(speak: Any) -> AsyncIterator[str]:
    """Somebody who listens and says something else than HTTP; the URL."""

    async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):  # who listens may have heard enough
            await speak(reader, writer)

    server = await asyncio.start_server(said, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


@contextmanager
def by_tls(certificate: Path) -> Iterator[tuple[int, list[str | None]]]:
    """A server with that certificate, which says 200: its port, and the names that it was asked for."""
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _, name, __: names.append(name)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as one:
                    heard = b""
                    while not heard.endswith(b"{}"):  # closed with something unread, it would be a reset
                        heard += one.recv(65_536) or b"{}"
                    one.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], names
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def made_certificate(folder: Path, name: str) -> Path:
    """A file with a certificate of this name, signed by itself, and its key."""
    key, day = ec.generate_private_key(ec.SECP256R1()), datetime.timedelta(days=1)
    subject, moment = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(moment - day).not_valid_after(moment + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "certificate.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(certificate.public_bytes(pem) + private)
    return path

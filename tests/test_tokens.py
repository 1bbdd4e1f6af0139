"""Tokens of other providers, against a provider that runs here: which open the house, and what they cost the provider."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.house import House, Houses

VIEWER = {"query": "{ viewer { name role user { id name email } key { id } } }"}
ROLES = {"clerk": {"contact.*": "own", "user.read": "all"}}


@dataclass
class Provider:
    """A provider with its keys; `seen` are the addresses that were asked for."""

    port: int = 0
    keys: dict[str, Any] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        """Its name, which is its address."""
        return f"http://127.0.0.1:{self.port}"

    def add(self, kid: str, key: Any, **more: Any) -> Any:
        """Show a key from now on."""
        algorithm: Any = ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else RSAAlgorithm
        self.keys[kid] = {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more}
        return key

    def answer(self, path: str) -> tuple[int, bytes]:
        """What it says at an address."""
        self.seen.append(path)
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            return 200, json.dumps({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}).encode()
        return 200, json.dumps({"keys": list(self.keys.values())}).encode()


@pytest.fixture(scope="session")
def pair() -> rsa.RSAPrivateKey:
    """A pair of keys, made once, for that takes its time."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def provider(pair: rsa.RSAPrivateKey) -> Iterator[Provider]:
    """A provider that answers, with one key."""
    made = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = made.answer(self.path)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", body.decode())
                body = b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_address[1]
    made.add("one", pair)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()


def claims(provider: Provider, **more: Any) -> dict[str, Any]:
    """What a good token says; None leaves a claim out."""
    now = int(time.time())
    said = {"iss": provider.issuer, "aud": "payvand", "sub": "s-1", "email": "Sara@Example.com", "exp": now + 600, "iat": now, **more}
    return {name: value for name, value in said.items() if value is not None}


def token(provider: Provider, key: Any, kid: Any = "one", algorithm: str = "RS256", head: dict[str, Any] | None = None, **more: Any) -> str:
    """A signed token."""
    return jwt.encode(claims(provider, **more), key, algorithm, {"kid": kid, **(head or {})})


def settings(provider: Provider, **more: Any) -> dict[str, Any]:
    """The tables of settings.toml for a house that believes the provider."""
    return {"roles": ROLES, "oidc": {"acme": {"issuer": provider.issuer, "audience": "payvand", **more}}}


async def asked(house: House, bearer: str) -> httpx.Response:
    """The answer to somebody with this token."""
    return await house.client.post("/graphql", json=VIEWER, headers={"Authorization": f"Bearer {bearer}"})


async def said(house: House, bearer: str) -> str:
    """UNAUTHENTICATED, UNAVAILABLE, or the address of who was let in."""
    answer = await asked(house, bearer)
    if answer.status_code == 200:
        return answer.json()["data"]["viewer"]["user"]["email"]
    code = answer.json()["errors"][0]["extensions"]["code"]
    assert answer.status_code == {"UNAUTHENTICATED": 401, "UNAVAILABLE": 503}[code]
    return code


async def sara(house: House, **more: Any) -> str:
    """The id of the user of most tokens here."""
    return (await house.make("User", name="Sara", email="sara@example.com", **{"role": "clerk", **more})).id


async def test_a_token_opens_as_the_user_with_its_address(houses: Houses, provider: Provider, pair: Any):
    async with houses(**settings(provider)) as house:
        user = await sara(house)
        for _ in range(3):
            answer = await asked(house, token(provider, pair))
            viewer = answer.json()["data"]["viewer"]
            assert (viewer["role"], viewer["user"]["id"], viewer["key"]) == ("clerk", user, None)
        assert provider.seen == ["/.well-known/openid-configuration", "/keys"], "once is enough"
        assert await said(house, token(provider, pair, aud=["other", "payvand"])) == "sara@example.com"
        assert await said(house, token(provider, pair, email_verified=True)) == "sara@example.com"


async def test_what_is_not_as_it_should_be_opens_nothing(houses: Houses, provider: Provider, pair: Any):
    now = int(time.time())
    stranger = rsa.generate_private_key(65537, 2048)
    public = pair.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    good = token(provider, pair)
    head, body, signature = good.split(".")
    async with houses(**settings(provider)) as house:
        await sara(house)
        bad = {
            "another key": token(provider, stranger),
            "alg none": f"{_part({'alg': 'none', 'kid': 'one'})}.{body}.",
            "alg None": f"{_part({'alg': 'None', 'kid': 'one'})}.{body}.{signature}",
            "no alg": f"{_part({'kid': 'one'})}.{body}.{signature}",
            "alg as list": f"{_part({'alg': ['RS256'], 'kid': 'one'})}.{body}.{signature}",
            "HS256 with the public key": _hs256(public, claims(provider)),
            "an algorithm that is not allowed": token(provider, pair, algorithm="RS512"),
            "kid as a path": token(provider, pair, "../../dev/null"),
            "kid as SQL": token(provider, pair, "one' OR 1=1 --"),
            "kid as a number": f"{_part({'alg': 'RS256', 'kid': 1})}.{body}.{signature}",
            "jku": token(provider, stranger, head={"jku": f"{provider.issuer}/evil", "x5u": "http://evil.example"}),
            "jwk": token(provider, stranger, head={"jwk": RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True)}),
            "crit": token(provider, pair, head={"crit": ["exp"]}),
            "no exp": token(provider, pair, exp=None),
            "no aud": token(provider, pair, aud=None),
            "no iss": token(provider, pair, iss=None),
            "expired": token(provider, pair, exp=now - 61),
            "of the future": token(provider, pair, nbf=now + 90),
            "issued in the future": token(provider, pair, iat=now + 90),
            "endless": token(provider, pair, exp=10**30),
            "another audience": token(provider, pair, aud="other"),
            "another issuer": token(provider, pair, iss="https://evil.example"),
            "issuer with a slash": token(provider, pair, iss=f"{provider.issuer}/"),
            "issuer as list": _signed(pair, {**claims(provider), "iss": [provider.issuer]}),
            "not verified": token(provider, pair, email_verified=False),
            "no address": token(provider, pair, email=None),
            "address as list": token(provider, pair, email=["sara@example.com"]),
            "unknown user": token(provider, pair, email="omid@example.com"),
            "another body": f"{head}.{_part({**claims(provider), 'email': 'boss@example.com'})}.{signature}",
            "no signature": f"{head}.{body}.",
            "rubbish": "a.b.c",
            "dots": "..",
            "not base64": f"{head}.{body}.!!!",
            "deep": f"{base64.urlsafe_b64encode(b'[' * 5_000).decode()}.{body}.{signature}",
            "infinite": f"{head}.{base64.urlsafe_b64encode(b'{' + b'1' * 20 + b'}').decode()}.{signature}",
            "long": f"{head}.{'A' * 20_000}.{signature}",
        }
        found = {name: await said(house, one) for name, one in bad.items()}
        assert {name: one for name, one in found.items() if one != "UNAUTHENTICATED"} == {}
        assert await said(house, good) == "sara@example.com"
        assert await said(house, token(provider, pair, exp=now - 30)) == "sara@example.com", "clocks may differ by a minute"
        assert await said(house, token(provider, pair, nbf=now + 30)) == "sara@example.com"
        assert not any("evil" in path for path in provider.seen)


async def test_who_has_left_or_has_no_role_stays_outside(houses: Houses, provider: Provider, pair: Any):
    async with houses(**settings(provider, role="clerk")) as house:
        user, bearer = await sara(house), token(provider, pair)
        assert await said(house, bearer) == "sara@example.com"
        update = "mutation ($id: ID!, $input: UserUpdateInput!) { userUpdate(id: $id, input: $input) { userErrors { message } } }"
        await house.ask(update, id=user, input={"active": False})
        assert await said(house, bearer) == "UNAUTHENTICATED", "at once, though it was known a moment ago"
        await house.ask(update, id=user, input={"active": True, "role": None})
        assert await said(house, bearer) == "UNAUTHENTICATED"
        await house.ask(update, id=user, input={"role": "clerk"})
        assert await said(house, bearer) == "sara@example.com"
        await house.ask("mutation ($id: ID!) { userDelete(id: $id) { userErrors { message } } }", id=user)
        assert await said(house, bearer) == "UNAUTHENTICATED", "nobody who was deleted comes back by himself"


async def test_users_are_made_where_the_settings_give_them_a_role(houses: Houses, provider: Provider, pair: Any):
    async with houses(**settings(provider, role="clerk")) as house:
        bearers = [token(provider, pair, name="Sara Ahmadi", jti=str(number)) for number in range(3)]
        for bearer in bearers:
            viewer = (await asked(house, bearer)).json()["data"]["viewer"]
            assert (viewer["role"], viewer["user"]["name"], viewer["user"]["email"]) == ("clerk", "Sara Ahmadi", "sara@example.com")
        assert await said(house, token(provider, pair, email="no address")) == "UNAUTHENTICATED"
        assert len(await house.sql("SELECT id FROM app_user")) == 1


async def test_a_user_can_be_found_by_the_subject(houses: Houses, provider: Provider, pair: Any):
    async with houses(**settings(provider, claim="sub")) as house:
        user = await sara(house, external_source="acme", external_id="s-1")
        answer = await asked(house, token(provider, pair, email="another@example.com"))
        assert answer.json()["data"]["viewer"]["user"]["id"] == user
        assert await said(house, token(provider, pair, sub="s-2")) == "UNAUTHENTICATED", "the address does not count"


async def test_new_keys_are_fetched_and_made_up_ones_fetch_nothing(houses: Houses, provider: Provider, pair: Any, monkeypatch: Any):
    async with houses(**settings(provider, jwks=f"{provider.issuer}/keys", algorithms=["RS256", "ES256"])) as house:
        await sara(house)
        assert await said(house, token(provider, pair)) == "sara@example.com"
        second = provider.add("two", ec.generate_private_key(ec.SECP256R1()), use="sig", alg="ES256")
        for number in range(20):
            assert await said(house, token(provider, pair, f"made up {number}")) == "UNAUTHENTICATED"
        assert provider.seen == ["/keys"], "not more often than every 30 s"
        monkeypatch.setattr("core.access.jwks.PAUSE", 0.0)
        assert await said(house, token(provider, second, "two", "ES256")) == "sara@example.com"
        assert provider.seen == ["/keys"] * 2
        provider.keys.pop("one")
        provider.add("encrypts", rsa.generate_private_key(65537, 2048), use="enc")
        assert await said(house, token(provider, second, "one", "ES256")) == "UNAUTHENTICATED"
        house.crm.recent.forget()
        assert await said(house, token(provider, pair)) == "UNAUTHENTICATED", "a key that is not shown any more"


async def test_a_key_for_something_else_checks_nothing(houses: Houses, provider: Provider, pair: Any):
    provider.add("one", pair, use="enc")
    provider.add("two", pair, alg="RS512")
    provider.add("three", pair, key_ops=["encrypt"])
    weak = provider.add("weak", rsa.generate_private_key(65537, 1024))
    provider.keys["shared"] = {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}
    provider.keys["broken"] = {"kty": "RSA", "kid": "broken", "n": "!", "e": []}
    async with houses(**settings(provider)) as house:
        await sara(house)
        for kid in ("one", "two", "three", "shared", "broken"):
            assert await said(house, token(provider, pair, kid)) == "UNAUTHENTICATED", kid
        assert await said(house, token(provider, weak, "weak")) == "UNAUTHENTICATED"


async def test_a_provider_that_is_down_matters_only_when_no_key_is_known(houses: Houses, provider: Provider, pair: Any, monkeypatch: Any):
    provider.answers["/keys"] = (500, b"")
    async with houses(**settings(provider)) as house:
        await sara(house)
        assert await said(house, token(provider, pair)) == "UNAVAILABLE"
        assert (await asked(house, token(provider, pair))).headers["retry-after"] == "30"
        asked_before = len(provider.seen)
        assert await said(house, token(provider, pair)) == "UNAVAILABLE"
        assert len(provider.seen) == asked_before
        assert await said(house, token(provider, pair, iss="https://other.example")) == "UNAUTHENTICATED"
        monkeypatch.setattr("core.access.jwks.PAUSE", 0.0)
        provider.answers.clear()
        assert await said(house, token(provider, pair)) == "sara@example.com"
        provider.answers["/keys"] = (500, b"")
        house.crm.recent.forget()
        assert await said(house, token(provider, pair)) == "sara@example.com"
        assert await said(house, token(provider, pair, "unknown")) == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/keys", (200, b"[]")),
        ("/keys", (200, b'{"keys": 1}')),
        ("/keys", (200, b"<html>")),
        ("/keys", (200, b"[" * 100_000)),
        ("/keys", (200, b" " * 300_000)),
        ("/keys", (302, b"/elsewhere")),
        ("/.well-known/openid-configuration", (200, b'{"issuer": "https://evil.example", "jwks_uri": "https://evil.example/keys"}')),
        ("/.well-known/openid-configuration", (200, b"{}")),
        ("/.well-known/openid-configuration", (404, b"")),
    ],
)
async def test_a_provider_that_answers_nonsense_is_as_one_that_is_down(
    houses: Houses, provider: Provider, pair: Any, path: str, answer: Any
):
    provider.answers[path] = answer
    async with houses(**settings(provider)) as house:
        await sara(house)
        assert await said(house, token(provider, pair)) == "UNAVAILABLE"
        assert "/elsewhere" not in provider.seen


async def test_a_token_is_remembered_no_longer_than_it_is_good(houses: Houses, provider: Provider, pair: Any):
    async with houses(**settings(provider, clock_skew=0)) as house:
        await sara(house)
        bearer = token(provider, pair, exp=int(time.time()) + 2)
        assert await said(house, bearer) == "sara@example.com"
        time.sleep(2.1)  # noqa: ASYNC251  # nobody else waits
        assert await said(house, bearer) == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"algorithms": ["HS256"]}, "algorithms: 'HS256' is none of RS256"),
        ({"algorithms": ["RS256", "none"]}, "algorithms: 'none' is none of RS256"),
        ({"algorithms": []}, "algorithms: 'none' is none of RS256"),
        ({"issuer": "http://login.example"}, "issuer must be a URL of https"),
        ({"jwks": "file:///etc/passwd"}, "jwks must be a URL of https"),
        ({"jwks": "http://127.0.0.1.evil.example/"}, "jwks must be a URL of https"),
        ({"audience": ""}, "audience is missing"),
        ({"clock_skew": 301}, "clock_skew is 0 to 300"),
        ({"secret": "x"}, "unknown setting 'secret'"),
    ],
)
def test_settings_that_are_not_safe_stop_the_start(payvand, given, why):
    table = {"issuer": "https://login.example", "audience": "payvand", **given}
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in table.items())
    payvand.settings.write_text(f"{payvand.settings.read_text('utf-8')}\n[oidc.acme]\n{lines}\n", "utf-8")
    found = payvand("serve")
    assert found.code == 1
    assert f"settings.toml [oidc.acme]: {why}" in found.err


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _hs256(secret: bytes, said: dict[str, Any]) -> str:

    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': 'one'})}.{_part(said)}"
    signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _signed(key: Any, said: dict[str, Any]) -> str:
    return jwt.api_jws.encode(json.dumps(said).encode(), key, "RS256", {"kid": "one"})

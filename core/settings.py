"""settings.toml as frozen dataclasses: the only place that reads files or the environment for settings."""

import dataclasses
import ipaddress
import os
import re
import tomllib
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from core.errors import StartError

T = TypeVar("T")


@dataclass(frozen=True)
class Server:
    """Where the server listens, whom it answers, and how it stops.

    origins: of pages on other sites that may ask, `https://app.example`. hosts: names that it answers to, `crm.example` or
    `*.crm.example`; any when empty. proxies: addresses whose X-Forwarded-For and X-Forwarded-Proto are believed.
    grace: seconds that requests have to finish when the server is told to stop. drain: seconds before that in which it answers on, with
    /readyz red, so that a load balancer sees it. metrics: who may see /metrics: `key`, whoever has the permission `server.observe`;
    `open`, everybody; `off`, nobody.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    graphiql: bool = True
    introspection: bool = True
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    grace: float = 30.0
    drain: float = 0.0
    metrics: str = "key"

    def __post_init__(self) -> None:
        for one in self.origins:
            if not _ORIGIN.fullmatch(one):
                raise ValueError(f"origins: '{one}' is not of the form https://app.example, in small letters and without a path")
        for one in self.hosts:
            if not _HOST.fullmatch(one):
                raise ValueError(f"hosts: '{one}' is not of the form crm.example or *.crm.example, in small letters and without a port")
        for one in self.proxies:
            _network(one)
        if self.metrics not in ("off", "open", "key"):
            raise ValueError(f"metrics is off, open or key, not '{self.metrics}'")
        for name in ("grace", "drain"):
            if not 0 <= getattr(self, name) <= 3_600:
                raise ValueError(f"{name} is 0 to 3600 seconds")


@dataclass(frozen=True)
class Log:
    """What is written to stderr: `text` for people or `json` for programs, from this level on."""

    format: str = "text"
    level: str = "INFO"

    def __post_init__(self) -> None:
        if self.format not in ("text", "json"):
            raise ValueError(f"format is text or json, not '{self.format}'")
        if self.level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError(f"level is DEBUG, INFO, WARNING or ERROR, not '{self.level}'")


@dataclass(frozen=True)
class Telemetry:
    """Where traces are sent: the address of an OpenTelemetry collector that speaks OTLP over HTTP; nowhere when empty.

    service: what this server is called there. sample: the share of requests that are traced, from 0 to 1; one whose client says that it
    traces it is traced, too.
    """

    endpoint: str = ""
    service: str = "payvand"
    sample: float = 1.0

    def __post_init__(self) -> None:
        if self.endpoint and not self.endpoint.startswith(("http://", "https://")):
            raise ValueError("endpoint is not of the form http://collector:4318")
        if not 0 <= self.sample <= 1:
            raise ValueError("sample is 0 to 1")


@dataclass(frozen=True)
class Database:
    """Where the records are kept: `sqlite://var/payvand.db` (relative to settings.toml) or `postgresql://user:password@host/name`.

    pool: connections to PostgreSQL for writing, as many for reads by keys, for lists without filters, for other lists, and for
    statistics of plugins; each is opened when it is needed. statement_timeout: seconds until a statement is given up, 0 for never.
    replica: the URL of a PostgreSQL that follows, for queries alone. slow: seconds from which an operation is named in the log, 0 never.
    """

    url: str = "sqlite://var/payvand.db"
    pool: int = 10
    statement_timeout: float = 5.0
    replica: str = ""
    slow: float = 1.0


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Company:
    """The company that uses the CRM, and what it takes for granted. `week_begins` is a day in English: "saturday"."""

    name: str = "Payvand"
    region: str = "IR"
    currency: str = "IRR"
    time_zone: str = "Asia/Tehran"
    week_begins: str = "monday"

    def __post_init__(self) -> None:
        if self.week_begins not in WEEKDAYS:
            raise ValueError(f"week_begins must be one of {', '.join(WEEKDAYS)}, not '{self.week_begins}'")

    @property
    def weekday(self) -> int:
        """The day on which weeks begin, 0 for Monday to 6 for Sunday."""
        return WEEKDAYS.index(self.week_begins)


@dataclass(frozen=True)
class Limits:
    """Bounds of one request, each of which is named in the error that it causes; and of a client in a minute, where 0 is none.

    requests_per_minute and cost_per_minute are for each key, or user; failures_per_minute for each address that sends no valid key.
    """

    depth: int = 12
    aliases: int = 15
    fields: int = 2_000
    root_fields: int = 10
    tokens: int = 10_000
    cost: int = 50_000
    body: int = 1_048_576
    page: int = 100
    default_page: int = 20
    count: int = 10_000
    bulk: int = 100
    groups: int = 1_000
    subscriptions: int = 100
    requests_per_minute: int = 6_000
    cost_per_minute: int = 2_000_000
    failures_per_minute: int = 60


@dataclass(frozen=True)
class GraphQL:
    """Which documents are executed.

    safelist: a JSON file, relative to settings.toml, with the only ones; empty for all.
    """

    safelist: str = ""


@dataclass(frozen=True)
class Sessions:
    """How long a browser stays signed in, in hours: after its last request (`idle`), and at most.

    enabled: whether there is a page at /login at all.
    """

    enabled: bool = True
    idle: float = 12.0
    longest: float = 168.0

    def __post_init__(self) -> None:
        if not 0 < self.idle <= self.longest <= 8_760:
            raise ValueError("idle is more than 0, not more than longest, and that is at most 8760 hours")


@dataclass(frozen=True)
class Provider:
    """Somebody else who says who asks, by JSON Web Tokens: what stands under [oidc.NAME].

    audience: what its tokens must be for. algorithms: those of the signatures, with public keys. jwks: the URL of its keys; else where
    its discovery says. claim: which claim finds the user: `sub` by its externalId (with NAME as the source), any other by its e-mail
    address. role: of users that are made when they first come; empty to refuse those. clock_skew: seconds that clocks may differ.
    """

    issuer: str = ""
    audience: str = ""
    algorithms: tuple[str, ...] = ("RS256",)
    jwks: str = ""
    claim: str = "email"
    role: str = ""
    clock_skew: float = 60.0

    def __post_init__(self) -> None:
        for name in ("issuer", "audience", "claim"):
            if not getattr(self, name):
                raise ValueError(f"{name} is missing")
        for name in ("issuer", "jwks"):
            if getattr(self, name) and not trusted(getattr(self, name)):
                raise ValueError(f"{name} must be a URL of https; http is for this machine only")
        if strange := [one for one in self.algorithms if one not in SIGNATURES] or (not self.algorithms and ["none"]):
            raise ValueError(f"algorithms: '{strange[0]}' is none of {', '.join(SIGNATURES)}")
        if not 0 <= self.clock_skew <= 300:
            raise ValueError("clock_skew is 0 to 300 seconds")


@dataclass(frozen=True)
class Jobs:
    """How jobs are run, and what else works in the background.

    in_server: whether `payvand serve` does it, too; else only `payvand worker` does. grace: seconds in which jobs may finish when the
    process is told to stop; what is not finished goes on elsewhere, or later. keep: days that finished jobs are kept.
    """

    in_server: bool = True
    grace: float = 20.0
    keep: int = 30


@dataclass(frozen=True)
class Settings:
    """All settings. `plugin_tables` and `roles` are read by the plugins and by the permissions."""

    path: Path
    server: Server = field(default_factory=Server)
    log: Log = field(default_factory=Log)
    telemetry: Telemetry = field(default_factory=Telemetry)
    database: Database = field(default_factory=Database)
    company: Company = field(default_factory=Company)
    limits: Limits = field(default_factory=Limits)
    jobs: Jobs = field(default_factory=Jobs)
    sessions: Sessions = field(default_factory=Sessions)
    oidc: Mapping[str, Provider] = field(default_factory=dict)
    graphql: GraphQL = field(default_factory=GraphQL)
    enabled: tuple[str, ...] = ()
    plugin_tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    roles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder that relative paths start from."""
        return self.path.parent


SECTIONS = {
    "server": Server,
    "log": Log,
    "telemetry": Telemetry,
    "database": Database,
    "company": Company,
    "limits": Limits,
    "graphql": GraphQL,
    "sessions": Sessions,
    "jobs": Jobs,
}


# Signatures by a private key alone: with a secret that both know, whoever checks a token could make one.
SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


def trusted(url: str) -> bool:
    """Whether what a URL answers comes from where it says: by https, or from this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _own(host)))
    except ValueError:
        return False


def _own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load(path: Path | None = None) -> Settings:
    """Read the settings from `path`, else from $PAYVAND_SETTINGS, else from ./settings.toml. Raises StartError."""
    path = (path or Path(os.environ.get("PAYVAND_SETTINGS", "settings.toml"))).absolute()
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise StartError(f"there is no {path.name} in {path.parent}; name one with --settings or PAYVAND_SETTINGS") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartError(f"{path.name} is not valid TOML: {error}") from None
    return parse(table, path, os.environ)


def parse(table: Mapping[str, Any], path: Path, environment: Mapping[str, str] = types.MappingProxyType({})) -> Settings:
    """The settings that a table means; PAYVAND_DATABASE_URL wins over its [database] url. Raises StartError."""
    table = {name: dict(value) if isinstance(value, dict) else value for name, value in table.items()}
    plugins = _table(table, "plugins", path)
    roles = _table(table, "roles", path)
    oidc = {name: section(Provider, given, f"{path.name} [oidc.{name}]") for name, given in _table(table, "oidc", path).items()}
    if len({one.issuer for one in oidc.values()}) < len(oidc):
        raise StartError(f"{path.name} [oidc]: two of them have one issuer")
    if unknown := table.keys() - SECTIONS.keys():
        raise StartError(
            f"{path.name}: unknown table [{sorted(unknown)[0]}]; known are {', '.join(sorted({*SECTIONS, 'oidc', 'plugins', 'roles'}))}"
        )
    if "PAYVAND_DATABASE_URL" in environment:
        table.setdefault("database", {})["url"] = environment["PAYVAND_DATABASE_URL"]
    sections = {name: section(kind, table.get(name, {}), f"{path.name} [{name}]") for name, kind in SECTIONS.items()}
    enabled = plugins.pop("enabled", [])
    if not isinstance(enabled, list) or not all(isinstance(name, str) for name in enabled):
        raise StartError(f"{path.name} [plugins]: enabled must be a list of names")
    for name, value in (*plugins.items(), *roles.items()):
        if not isinstance(value, dict):
            raise StartError(f"{path.name}: '{name}' must be a table")
    return Settings(path=path, enabled=tuple(enabled), plugin_tables=plugins, roles=roles, oidc=oidc, **sections)


def section(kind: type[T], values: Any, place: str) -> T:
    """A frozen dataclass filled from a table. Raises StartError for an unknown name or a value of the wrong type."""
    if not isinstance(values, Mapping):
        raise StartError(f"{place} must be a table")
    hints = get_type_hints(kind)
    names = {one.name for one in dataclasses.fields(kind)}  # type: ignore[arg-type]  # a dataclass by contract
    if unknown := values.keys() - names:
        raise StartError(f"{place}: unknown setting '{sorted(unknown)[0]}'; known are {', '.join(sorted(names)) or 'none'}")
    try:
        return kind(**{name: _typed(value, hints[name], f"{place} {name}") for name, value in values.items()})
    except TypeError as error:
        raise StartError(f"{place}: {error}") from None
    except ValueError as error:
        raise StartError(f"{place}: {error}") from None


def _typed(value: Any, kind: Any, place: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_typed(one, get_args(kind)[0], place) for one in value)
    plain = get_origin(kind) or kind
    options = (
        [plain] if isinstance(plain, type) and plain is not types.UnionType else [one for one in get_args(kind) if isinstance(one, type)]
    )
    if options and type(value) not in options:
        raise StartError(f"{place} must be {' or '.join(one.__name__ for one in options)}, not {type(value).__name__}")
    return value


def _network(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f"proxies: '{text}' is neither an address nor a network like 10.0.0.0/8") from None


_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_HOST = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")


def _table(table: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    value = table.pop(name, {})
    if not isinstance(value, dict):
        raise StartError(f"{path.name}: '{name}' must be a table")
    return value

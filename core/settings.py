"""settings.toml as frozen dataclasses: the only place that reads files or the environment for settings."""

import dataclasses
import os
import tomllib
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from core.errors import StartError

T = TypeVar("T")


@dataclass(frozen=True)
class Server:
    """Where the server listens."""

    host: str = "127.0.0.1"
    port: int = 8000
    graphiql: bool = True
    introspection: bool = True


@dataclass(frozen=True)
class Database:
    """Where the records are kept: `sqlite://var/payvand.db` (relative to settings.toml) or `postgresql://user:password@host/name`.

    pool: connections to PostgreSQL for writing, as many for reads by keys, and as many for lists. statement_timeout:
    seconds until a statement is given up, 0 for never. replica: the URL of a PostgreSQL that follows, for queries alone.
    slow: seconds from which an operation is named in the log, 0 for never.
    """

    url: str = "sqlite://var/payvand.db"
    pool: int = 10
    statement_timeout: float = 5.0
    replica: str = ""
    slow: float = 1.0


@dataclass(frozen=True)
class Company:
    """The company that uses the CRM, and what it takes for granted."""

    name: str = "Payvand"
    region: str = "IR"
    currency: str = "IRR"
    time_zone: str = "Asia/Tehran"


@dataclass(frozen=True)
class Limits:
    """Bounds of one request; each is named in the error that it causes."""

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
    database: Database = field(default_factory=Database)
    company: Company = field(default_factory=Company)
    limits: Limits = field(default_factory=Limits)
    jobs: Jobs = field(default_factory=Jobs)
    enabled: tuple[str, ...] = ()
    plugin_tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    roles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder that relative paths start from."""
        return self.path.parent


SECTIONS = {"server": Server, "database": Database, "company": Company, "limits": Limits, "jobs": Jobs}


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
    if unknown := table.keys() - SECTIONS.keys():
        raise StartError(
            f"{path.name}: unknown table [{sorted(unknown)[0]}]; known are {', '.join(sorted({*SECTIONS, 'plugins', 'roles'}))}"
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
    return Settings(path=path, enabled=tuple(enabled), plugin_tables=plugins, roles=roles, **sections)


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


def _table(table: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    value = table.pop(name, {})
    if not isinstance(value, dict):
        raise StartError(f"{path.name}: '{name}' must be a table")
    return value

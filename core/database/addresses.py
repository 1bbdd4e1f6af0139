"""From settings and plugins to the configuration of Tortoise: which tables there are, and where they are kept."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from core.errors import StartError
from core.plugins import Plugins
from core.settings import Settings

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def apps(plugins: Plugins) -> dict[str, dict[str, Any]]:
    """The Tortoise apps: the core first, then each enabled plugin that has tables, under its name."""
    found: dict[str, dict[str, Any]] = {"core": {"models": ["core.models"], "migrations": "migrations", "default_connection": "default"}}
    for plugin in plugins.enabled:
        if plugin.models:
            found[plugin.name] = {"models": [plugin.models], "default_connection": "default"}
            if plugin.migrations:
                found[plugin.name]["migrations"] = plugin.migrations
    return found


def config(settings: Settings, plugins: Plugins) -> dict[str, Any]:
    """The configuration of Tortoise. Raises StartError for a URL that names no database; the message never holds the password."""
    return {"connections": {"default": connection(settings)}, "apps": apps(plugins), "use_tz": True, "timezone": "UTC"}


def connection(settings: Settings) -> dict[str, Any]:
    """The one connection in Tortoise's words: an engine and its credentials. Raises StartError."""
    scheme, separator, rest = settings.database.url.partition("://")
    if separator and scheme == "sqlite":
        return {"engine": "core.database.sqlite", "credentials": {"file_path": str(_file(rest, settings))}}
    if separator and scheme in ("postgresql", "postgres"):
        return {"engine": "core.database.postgres", "credentials": _postgres(settings)}
    raise _wrong(settings, "it must begin with sqlite:// or postgresql://")


def sqlite_file(settings: Settings) -> Path | None:
    """The file of the database, or None when it is PostgreSQL. Raises StartError."""
    scheme, _, rest = settings.database.url.partition("://")
    return _file(rest, settings) if scheme == "sqlite" else None


def display(settings: Settings) -> str:
    """The database in words for people: its kind and place, never its password."""
    if path := sqlite_file(settings):
        return str(path)
    found = connection(settings)["credentials"]
    return f"postgresql://{found['host'] or 'localhost'}:{found['port']}/{found['database']}"


def _file(rest: str, settings: Settings) -> Path:
    if not rest.strip("/") or rest.startswith(":memory:"):
        raise _wrong(settings, "it must name a file, as in sqlite://var/payvand.db")
    if "?" in rest or "#" in rest:
        raise _wrong(settings, "a SQLite URL takes no options")
    if rest.startswith("/"):
        return Path("/" + rest.lstrip("/"))
    return settings.folder / rest


def _postgres(settings: Settings) -> dict[str, Any]:
    try:
        url = urlsplit(settings.database.url)
        port, options = url.port, dict(parse_qsl(url.query, keep_blank_values=True))
        port = int(options.pop("port", port or 5432))
    except ValueError:
        raise _wrong(settings, "it is not of the form postgresql://user:password@host:port/name") from None
    name = unquote(url.path.strip("/"))
    if not name or "/" in name:
        raise _wrong(settings, "it must end in the name of a database")
    host, ssl = options.pop("host", url.hostname), options.pop("sslmode", None)
    if options:
        raise _wrong(settings, f"unknown option '{sorted(options)[0]}'; known are host, port and sslmode")
    if ssl is not None and ssl not in SSL_MODES:
        raise _wrong(settings, f"sslmode is one of {', '.join(SSL_MODES)}")
    milliseconds = str(max(0, round(settings.database.statement_timeout * 1000)))
    return {
        "user": unquote(url.username) if url.username else None,
        "password": unquote(url.password) if url.password else None,
        "host": host or None,
        "port": port,
        "database": name,
        "minsize": 1,
        "maxsize": settings.database.pool,
        "timeout": 10,
        "application_name": "payvand",
        "server_settings": {"statement_timeout": milliseconds, "timezone": "UTC"},
        **({"ssl": ssl} if ssl else {}),
    }


def _wrong(settings: Settings, why: str) -> StartError:
    return StartError(f"{settings.path.name} [database] url: {why}")

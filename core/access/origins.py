"""Where a request comes from, as browsers tell it."""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

PORTS = {"http": 80, "https": 443}


def same_origin(connection: HTTPConnection) -> bool | None:
    """Whether a page of this server asks; None when nobody says so, as programs that are no browsers do not.

    The scheme is not compared: a proxy may have taken TLS off.
    """
    site = connection.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = connection.headers.get("origin")
    if origin is None:
        return True if site == "same-origin" else None
    try:
        given = urlsplit(origin)
        own = urlsplit(f"{given.scheme}://{connection.headers.get('host', '')}")
        port = PORTS.get(given.scheme)
        return bool(given.hostname) and given.hostname == own.hostname and (given.port or port) == (own.port or port)
    except ValueError:
        return False

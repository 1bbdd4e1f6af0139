"""Which media types a client accepts, and which ones we read."""

from functools import lru_cache

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
HTML = "text/html"
EVENTS = "text/event-stream"


@lru_cache(maxsize=128)
def accepted(accept: str | None) -> str | None:
    """The media type of the answer: the one that the client likes best, or None when it takes neither of ours.

    A client that does not care gets application/json, as the GraphQL over HTTP specification wishes for old clients.
    """
    ranges = _ranges(accept or "*/*")
    json, graphql = _quality(ranges, JSON), _quality(ranges, GRAPHQL)
    if not json[0] and not graphql[0]:
        return None
    if json == graphql:
        return GRAPHQL if graphql[1] == _EXACT else JSON
    return max((json, JSON), (graphql, GRAPHQL))[1]


@lru_cache(maxsize=128)
def wants_page(accept: str | None) -> bool:
    """Whether a browser asks: it names text/html, and neither of the types of an answer."""
    ranges = _ranges(accept or "*/*")
    return _quality(ranges, HTML)[1] == _EXACT and all(_quality(ranges, one)[1] < _EXACT for one in (JSON, GRAPHQL))


@lru_cache(maxsize=128)
def wants_events(accept: str | None) -> bool:
    """Whether a client names text/event-stream as something that it takes."""
    weight, exactness = _quality(_ranges(accept or "*/*"), EVENTS)
    return weight > 0 and exactness == _EXACT


@lru_cache(maxsize=128)
def is_json(content_type: str | None) -> bool:
    """Whether a body is JSON in UTF-8 by its Content-Type. All others are refused: browsers send some of them unasked."""
    kind, *parameters = (content_type or "").split(";")
    pairs = (one.partition("=") for one in parameters)
    charsets = [value.strip().strip('"').lower() for name, _, value in pairs if name.strip().lower() == "charset"]
    return kind.strip().lower() == JSON and all(charset in ("utf-8", "utf8") for charset in charsets)


_EXACT = 2


@lru_cache(maxsize=128)
def _ranges(accept: str) -> tuple[tuple[str, float], ...]:
    found = []
    for one in accept[:1000].split(","):
        kind, *parameters = (part.strip().lower() for part in one.split(";"))
        weights = [part[2:] for part in parameters if part.startswith("q=")]
        try:
            found.append((kind, float(weights[0]) if weights else 1.0))
        except ValueError:
            continue  # a range that nobody can read is a range that nobody asked for
    return tuple(found)


def _quality(ranges: tuple[tuple[str, float], ...], kind: str) -> tuple[float, int]:
    """How much a type is liked, and how exactly it is named: 2 by itself, 1 by its family, 0 by */*."""
    names = ("*/*", f"{kind.split('/')[0]}/*", kind)
    named = [(exactness, weight) for exactness, name in enumerate(names) for one, weight in ranges if one == name]
    exactness, weight = max(named, default=(0, 0.0))
    return weight, exactness

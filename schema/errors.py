"""The one place where exceptions become errors of an answer; what clients must not read stays in the log."""

import logging
import re
import secrets
from asyncio import CancelledError
from collections.abc import Iterable, Mapping
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.utils.str_converters import to_camel_case

from core.errors import Conflict, Invalid, Refused
from core.server.outages import outage, too_complex, too_large, too_slow

log = logging.getLogger(__name__)

Entry = dict[str, Any]
LONGEST = 1_000


class Fault(Refused):
    """A request that never was GraphQL: wrong method, media type, size or shape. Carries its HTTP status and headers."""

    def __init__(self, message: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


class Unprocessable(Exception):
    """A document or variables that cannot be executed, with all that is wrong with them."""

    def __init__(self, errors: Iterable[GraphQLError], code: str = "BAD_USER_INPUT") -> None:
        super().__init__(code)
        self.errors = tuple(errors)
        self.code = code


def entries(error: Exception, request_id: str) -> list[Entry]:
    """What a client reads when nothing was executed."""
    if isinstance(error, Unprocessable):
        return [_request_error(one, error.code, request_id) for one in error.errors]
    if isinstance(error, GraphQLSyntaxError):
        return [_request_error(error, "GRAPHQL_PARSE_FAILED", request_id)]
    if isinstance(error, GraphQLError):
        return [_request_error(error, "BAD_USER_INPUT", request_id)]
    return [_entry(error, request_id)]


def field_entry(error: GraphQLError, request_id: str) -> Entry:
    """What a client reads about a field that failed."""
    cause = _cause(error)
    if cause is not None:
        return _entry(cause, request_id, error)
    if " cannot represent " in error.message:  # the value of a field does not fit its type: our fault, and it quotes the value
        return _entry(error, request_id, error)
    return _made(error.message, _code(error, "BAD_USER_INPUT"), request_id, error)


def code_of(error: BaseException) -> str:
    """The code that a client reads of what escapes."""
    if isinstance(error, Refused | Unprocessable):
        return error.code
    if isinstance(error, GraphQLError):
        return "GRAPHQL_PARSE_FAILED" if isinstance(error, GraphQLSyntaxError) else "BAD_USER_INPUT"
    return "UNAVAILABLE" if outage(error) or isinstance(error, CancelledError) else "INTERNAL_SERVER_ERROR"


def status(error: Exception) -> int:
    """The HTTP status of a request that failed before it became GraphQL."""
    if isinstance(error, Refused):
        return error.status
    return 503 if outage(error) else 500


def _request_error(error: GraphQLError, code: str, request_id: str) -> Entry:
    cause = _cause(error)
    if cause is None:
        return _made(error.message, _code(error, code), request_id, error)
    if isinstance(cause, Refused):
        return _made(error.message, cause.code, request_id, error)
    if isinstance(cause, ValueError | TypeError | ArithmeticError):  # how a scalar says that it cannot read a value
        return _made(_ENCOUNTERED.sub(", found", error.message), "BAD_USER_INPUT", request_id, error)
    return _entry(cause, request_id, error)


def _entry(error: Exception, request_id: str, located: GraphQLError | None = None) -> Entry:
    if isinstance(error, Refused):
        fields = _fields(error)
        message = "; ".join(f"{name}: {why}" for name, why in fields.items()) if isinstance(error, Invalid) else str(error)
        return _made(message, error.code, request_id, located, **({"fields": fields} if fields else {}))
    if too_slow(error):
        log.error("request %s: a statement took longer than it may", request_id, exc_info=error)
        return _made("The database takes longer than a statement may; ask for less at once.", "UNAVAILABLE", request_id, located)
    if outage(error):
        log.error("request %s: the database does not serve", request_id, exc_info=error)
        return _made("The database is not available at the moment; try again.", "UNAVAILABLE", request_id, located)
    if too_complex(error):
        log.info("request %s: a statement is more than the database understands", request_id)
        return _made("The filter is nested too deeply for the database; ask for less at once.", "QUERY_TOO_COMPLEX", request_id, located)
    if too_large(error):
        log.info("request %s: a sum is more than the database can add up", request_id)
        return _made("The numbers come to more than the database can add up; filter more.", "QUERY_TOO_COMPLEX", request_id, located)
    incident = secrets.token_hex(8)
    log.error("incident %s in request %s", incident, request_id, exc_info=error)
    return _made("Unexpected error.", "INTERNAL_SERVER_ERROR", request_id, located, incident=incident)


def _made(message: str, code: str, request_id: str, located: GraphQLError | None = None, **more: Any) -> Entry:
    entry: Entry = {"message": message if len(message) <= LONGEST else f"{message[:LONGEST]}…"}
    if located is not None and located.locations:
        entry["locations"] = [{"line": one.line, "column": one.column} for one in located.locations]
    if located is not None and located.path is not None:
        entry["path"] = list(located.path)
    kept = located.extensions if located is not None and not more else None
    return {**entry, "extensions": {**(kept or {}), **more, "code": code, "requestId": request_id}}


def _cause(error: GraphQLError) -> Exception | None:
    """What was raised, unless it was a GraphQLError itself."""
    cause: Exception | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _code(error: GraphQLError, otherwise: str) -> str:
    own = (error.extensions or {}).get("code")
    return own if isinstance(own, str) else otherwise


def _fields(error: Refused) -> dict[str, str]:
    if isinstance(error, Invalid):
        return {_path(name): why for name, why in error.fields.items()}
    if isinstance(error, Conflict) and error.field:
        return {_path(error.field): str(error)}
    return {}


def _path(name: str) -> str:
    return ".".join(to_camel_case(step) for step in name.split("."))


_ENCOUNTERED = re.compile(r", but encountered error '.*'; found", re.DOTALL)

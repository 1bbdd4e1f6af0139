"""Which errors mean that the database cannot serve right now, or not this statement, and not that the server is wrong."""

import errno
import sqlite3

import asyncpg
from tortoise.exceptions import DBConnectionError

_SQLITE = (
    "SQLITE_INTERRUPT", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_NOMEM",
)  # fmt: skip
# Classes and codes of SQLSTATE: connection, transaction rolled back, resources, operator intervention, system, lock, read-only
_SQLITE_LIMITS = ("parser stack overflow", "Expression tree is too large", "too many SQL variables", "at most 64 tables in a join")
_POSTGRES_LIMITS = "54"
_POSTGRES = ("08", "40", "53", "57", "58", "55P03", "25006")


def outage(error: BaseException) -> bool:
    """Whether the database is locked, full, read-only, too slow or unreachable: trying again later may help."""
    return any(_outage(one) for one in _chain(error))


def too_slow(error: BaseException) -> bool:
    """Whether a statement was given up because it took too long: to ask for less will help more than to try again."""
    names = (getattr(one, name, None) for one in _chain(error) for name in ("sqlite_errorname", "sqlstate"))
    return any(name in ("SQLITE_INTERRUPT", "57014") for name in names)


def too_complex(error: BaseException) -> bool:
    """Whether the database understands no statement as large, or as nested, as this one: to ask for less will help."""
    return any(
        (isinstance(one, sqlite3.Error) and any(words in str(one) for words in _SQLITE_LIMITS))
        or str(getattr(one, "sqlstate", None) or "").startswith(_POSTGRES_LIMITS)
        for one in _chain(error)
    )


def too_large(error: BaseException) -> bool:
    """Whether numbers come to more than the database can add up: 64 bits on SQLite. To ask for fewer rows will help."""
    return any(isinstance(one, sqlite3.Error) and "integer overflow" in str(one) for one in _chain(error))


def _outage(error: BaseException) -> bool:
    if isinstance(error, DBConnectionError | ConnectionError | TimeoutError):
        return True
    if isinstance(error, asyncpg.InterfaceError):
        return "clos" in str(error)  # "connection is closed", "pool is closing": the library has no class for it
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
    name, state = getattr(error, "sqlite_errorname", None), getattr(error, "sqlstate", None)
    return (isinstance(name, str) and name.startswith(_SQLITE)) or (isinstance(state, str) and state.startswith(_POSTGRES))


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what it was made from: Tortoise keeps the driver's error as its first argument."""
    chain: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and one not in chain:
            chain.append(one)
            waiting += [one.__cause__, *one.args[:1]]
    return chain

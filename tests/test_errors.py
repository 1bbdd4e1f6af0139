"""What clients read of an error, and what stays in the log."""

import logging
import sqlite3
from collections.abc import Mapping
from typing import Any

import asyncpg
import pytest
from graphql import GraphQLError
from tortoise.exceptions import DBConnectionError, OperationalError

from core.crm import Call
from core.errors import Forbidden, Refused
from core.permissions import SYSTEM
from core.server.outages import outage
from schema.errors import entries
from schema.operations.execution import Engine
from schema.transport.parameters import Parameters
from tests.graph import SCHEMA
from tests.house import House

ID = "request-1"


async def run(house: House, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
    engine, parameters = Engine(house.crm, SCHEMA), Parameters(query, variables or {})
    return (await engine.execute(engine.prepare(parameters), parameters, Call(house.crm, SYSTEM, ID))).body


@pytest.mark.parametrize(
    ("field", "message", "extensions"),
    [
        ("missing", "there is no such order", {"code": "NOT_FOUND"}),
        (
            "wrong",
            "birthDate: lies in the future; lineItems.0.unitPrice: is negative",
            {"code": "BAD_USER_INPUT", "fields": {"birthDate": "lies in the future", "lineItems.0.unitPrice": "is negative"}},
        ),
        ("late", "is taken already", {"code": "CONFLICT", "fields": {"externalId": "is taken already"}}),
        ("away", "The database is not available at the moment; try again.", {"code": "UNAVAILABLE"}),
    ],
)
async def test_a_refusal_has_its_code_and_names_the_fields_as_clients_know_them(shared_house, field, message, extensions):
    body = await run(shared_house, f"{{ {field} order {{ title }} }}")
    location = [{"line": 1, "column": 3}]
    assert body["errors"] == [{"message": message, "locations": location, "path": [field], "extensions": {**extensions, "requestId": ID}}]
    assert body["data"] == {field: None, "order": {"title": "order"}}


@pytest.mark.parametrize("field", ["broken", "misfit"])
async def test_what_nobody_expected_is_masked_and_logged_once_with_its_incident(shared_house, field, caplog):
    with caplog.at_level(logging.ERROR):
        body = await run(shared_house, f"{{ {field} }}")
    (error,) = body["errors"]
    assert error["message"] == "Unexpected error."
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert "secret" not in str(body)
    assert "SELECT" not in str(body)
    (record,) = caplog.records
    assert error["extensions"]["incident"] in record.getMessage()
    assert ID in record.getMessage()
    assert record.exc_info


async def test_mutations_run_one_after_the_other(shared_house):
    body = await run(shared_house, "mutation { a: add(number: 1) b: add(number: 2) c: add(number: 3) }")
    assert body["data"] == {"a": [1], "b": [1, 2], "c": [1, 2, 3]}


def test_codes_of_a_plugin_pass_through():
    class Poor(Refused):
        code = "LOYALTY_INSUFFICIENT_POINTS"

    assert entries(Poor("there are 5 points"), ID) == [
        {"message": "there are 5 points", "extensions": {"code": "LOYALTY_INSUFFICIENT_POINTS", "requestId": ID}}
    ]
    own = GraphQLError("no", extensions={"code": "LOYALTY_CLOSED"})
    assert entries(own, ID) == [{"message": "no", "extensions": {"code": "LOYALTY_CLOSED", "requestId": ID}}]


def test_a_long_message_is_cut():
    assert len(entries(Forbidden("x" * 100_000), ID)[0]["message"]) < 1_100


def _sqlite(name: str) -> OperationalError:
    error = sqlite3.OperationalError("text of the driver")
    error.sqlite_errorname = name
    return OperationalError(error)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (_sqlite("SQLITE_BUSY"), True),
        (_sqlite("SQLITE_FULL"), True),
        (_sqlite("SQLITE_IOERR_WRITE"), True),
        (_sqlite("SQLITE_READONLY_DBMOVED"), True),
        (_sqlite("SQLITE_ERROR"), False),
        (DBConnectionError("x"), True),
        (asyncpg.DiskFullError("x"), True),
        (asyncpg.CannotConnectNowError("x"), True),
        (asyncpg.AdminShutdownError("x"), True),
        (asyncpg.QueryCanceledError("x"), True),
        (asyncpg.DeadlockDetectedError("x"), True),
        (asyncpg.InterfaceError("cannot perform operation: connection is closed"), True),
        (asyncpg.InterfaceError("cannot perform operation: another operation is in progress"), False),
        (OperationalError(asyncpg.UndefinedColumnError("x")), False),
        (ConnectionRefusedError(), True),
        (OSError(28, "No space left on device"), True),
        (FileNotFoundError(), False),
        (TimeoutError(), True),
        (KeyError("x"), False),
    ],
)
def test_an_outage_is_told_from_a_mistake(error, expected):
    assert outage(error) is expected


def test_an_outage_behind_another_error_is_one():
    try:
        try:
            raise asyncpg.ConnectionDoesNotExistError("x")
        except asyncpg.ConnectionDoesNotExistError as error:
            raise RuntimeError("could not save") from error
    except RuntimeError as error:
        assert outage(error)

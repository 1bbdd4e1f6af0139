"""GraphQL: joins the core through the same hooks as every plugin."""

from collections.abc import Mapping

import click
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from core.crm import CRM
from core.hookspecs import hookimpl
from schema.access.keys import KeyMutations
from schema.access.passwords import PasswordMutations
from schema.access.viewer import ViewerQueries
from schema.audit import AuditFields
from schema.build import build
from schema.jobs import PERMISSIONS, JobMutations, JobSubscription
from schema.merging import MergingMutation
from schema.operations.execution import EXPLAIN, Engine
from schema.operations.within import Within
from schema.privacy import PrivacyMutation, PrivacyQuery
from schema.transport.graphiql import Assets
from schema.transport.http import Endpoint


@hookimpl
def routes(crm: CRM) -> list[BaseRoute]:
    """The endpoint /graphql, and the files of GraphiQL below it."""
    within = crm.answering
    assert isinstance(within, Within)
    endpoint = Endpoint(crm, within.engine)
    files = [Mount("/graphql/assets", Assets())] if crm.settings.server.graphiql else []
    return [*files, Route("/graphql", endpoint), WebSocketRoute("/graphql", endpoint)]


@hookimpl
def answering(crm: CRM) -> Within:
    """The engine of the house, for clients and for plugins."""
    return Within(Engine(crm, build(crm)))


@hookimpl
def graphql() -> list[type]:
    """The core's own fields that no table says."""
    return [
        ViewerQueries, KeyMutations, PasswordMutations, AuditFields, PrivacyQuery, PrivacyMutation, MergingMutation, JobMutations,
        JobSubscription,
    ]  # fmt: skip


@hookimpl
def permissions() -> Mapping[str, str]:
    """To see how queries are answered, and to do something about jobs."""
    return {
        **PERMISSIONS,
        EXPLAIN: "To ask with `extensions: {explain: true}` for the statement of a query, and for what the database makes of it.",
    }


@hookimpl
def commands(cli: click.Group) -> None:
    """`payvand schema`."""
    from schema.command import schema  # here, because the server needs neither it nor what it prints with

    cli.add_command(schema)

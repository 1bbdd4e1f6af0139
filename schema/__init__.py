"""GraphQL: joins the core through the same hooks as every plugin."""

import click
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from core.crm import CRM
from core.hookspecs import hookimpl
from schema.build import build
from schema.transport.graphiql import Assets
from schema.transport.http import Endpoint


@hookimpl
def routes(crm: CRM) -> list[BaseRoute]:
    """The endpoint /graphql, and the files of GraphiQL below it."""
    endpoint = Endpoint(crm, build(crm))
    files = [Mount("/graphql/assets", Assets())] if crm.settings.server.graphiql else []
    return [*files, Route("/graphql", endpoint), WebSocketRoute("/graphql", endpoint)]


@hookimpl
def commands(cli: click.Group) -> None:
    """`payvand schema`."""
    from schema.command import schema  # here, because the server needs neither it nor what it prints with

    cli.add_command(schema)

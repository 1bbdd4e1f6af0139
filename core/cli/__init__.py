"""The command `payvand`: its own commands by name, each in a file that is read when it runs, and those of the plugins."""

from contextlib import AbstractAsyncContextManager
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from core import plugins, settings
from core.crm import Call
from core.errors import Refused, StartError
from core.hooks import blaming

# A command is here by its name: where its click command is, and what the list of commands says of it.
COMMANDS = {
    "backup": ("core.cli.backup:backup", "Copy the database while the server runs."),
    "check": ("core.cli.check:check", "Say whether settings, plugins and database fit together."),
    "consumers": ("core.cli.consumers:consumers", "Show who reads the events, and how far each is."),
    "demo": ("core.cli.demo:demo", "Fill an empty house with demo data."),
    "export": ("core.cli.export:export", "Write records to a CSV or JSON lines file."),
    "import": ("core.cli.import_:import_", "Take records from a CSV or JSON lines file."),
    "jobs": ("core.cli.jobs:jobs", "List, retry and cancel jobs."),
    "keys": ("core.cli.keys:keys", "Make, list, rotate and revoke the keys that open the API."),
    "makemigrations": ("core.cli.makemigrations:makemigrations", "Write migrations for what has changed in the models."),
    "migrate": ("core.cli.migrate:migrate", "Bring the tables up to date."),
    "plugins": ("core.cli.plugins_:plugins_", "Show the plugins, their state, and what they add."),
    "privacy": ("core.cli.privacy:privacy", "Export what is known of a contact, or erase the contact."),
    "restore": ("core.cli.restore:restore", "Make the database what a backup says."),
    "serve": ("core.cli.serve:serve", "Answer requests."),
    "users": ("core.cli.users:users", "Make users who can sign in, and give them passwords."),
    "worker": ("core.cli.worker:worker", "Do jobs, and answer nobody."),
}


class Setup:
    """The settings and the plugins of this call, read when a command first asks for them. Reading raises StartError."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    @cached_property
    def settings(self) -> settings.Settings:
        """The settings of --settings, else of PAYVAND_SETTINGS, else of ./settings.toml."""
        return settings.load(self.path)

    @cached_property
    def plugins(self) -> plugins.Plugins:
        """The built-in and the enabled plugins."""
        return plugins.load(self.settings)

    def house(self) -> AbstractAsyncContextManager[Call]:
        """A call of the system itself, for a plugin's command: `async with setup.house() as call`. Raises StartError."""
        return import_module("core.cli.house").house(self)

    @cached_property
    def commands(self) -> dict[str, click.Command]:
        """What the plugins add. Raises StartError when a name is taken."""
        return {name: command for name, (_, command) in self.added.items()}

    @cached_property
    def added(self) -> dict[str, tuple[str, click.Command]]:
        """The commands of the plugins, each with the name of its plugin. Raises StartError."""
        found: dict[str, tuple[str, click.Command]] = {}
        for implementation in self.plugins.each("commands"):
            plugin, group = implementation.plugin, click.Group()
            with blaming(plugin, "in commands()"):
                implementation(cli=group)
            for name, command in group.commands.items():
                if name in COMMANDS:
                    raise StartError(f"plugin '{plugin}': the command '{name}' is one of payvand's own")
                if name in found:
                    raise StartError(f"the command '{name}' is claimed by plugin '{found[name][0]}' and by plugin '{plugin}'")
                found[name] = plugin, command
        return found


class Commands(click.Group):
    """The commands of payvand. A refusal ends in one sentence on stderr and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names: the own ones, then those of the plugins, if the settings can be read."""
        try:
            return [*sorted(COMMANDS), *sorted(_setup(ctx).commands)]
        except StartError:
            return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name. Only a name that is not payvand's own makes it read settings and plugins."""
        if cmd_name not in COMMANDS:
            return _setup(ctx).commands.get(cmd_name)
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        return getattr(import_module(module), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands; where the settings are broken, a line says so in place of the commands of the plugins."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in sorted(COMMANDS.items())])
        try:
            added = _setup(ctx).commands
        except StartError as error:
            formatter.write_paragraph()
            formatter.write_text(f"The commands of the plugins are not known: {error}")
            return
        if added:
            with formatter.section("Commands of the plugins"):
                formatter.write_dl([(name, command.get_short_help_str(100)) for name, command in sorted(added.items())])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (StartError, Refused) as error:
            click.echo(f"payvand: {error}", err=True)
            ctx.exit(1)


def _setup(ctx: click.Context) -> Setup:
    if not isinstance(ctx.obj, Setup):
        ctx.obj = Setup(ctx.params.get("settings"))  # the help is asked for before the group itself runs
    return ctx.obj


@click.group(cls=Commands)
@click.option(
    "--settings",
    type=click.Path(path_type=Path, dir_okay=False),
    is_eager=True,
    help="The settings; else $PAYVAND_SETTINGS, else ./settings.toml.",
)
@click.version_option(package_name="payvand")
@click.pass_context
def main(ctx: click.Context, settings: Path | None) -> None:
    """Payvand, a headless CRM: one server, all else is a plugin."""
    ctx.obj = Setup(settings)

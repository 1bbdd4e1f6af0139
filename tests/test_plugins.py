"""A start that cannot be: one sentence that names the plugin, and nothing else has happened."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

from core.database import make_migrations, migrate
from core.errors import StartError
from core.plugins import load
from core.server.app import rehearse
from tests.engines import Engine, apart
from tests.house import Templates, read_settings, write_settings
from tests.packages import Packages
from tests.shell import ROOT, Shell

HEAD = """
import sys
from dataclasses import dataclass
from datetime import timedelta
import strawberry
from starlette.routing import Mount, Route
from starlette.responses import PlainTextResponse
from core import Call, Job, Resource, hookimpl, permit
from core.models import Contact

def answer(request): return PlainTextResponse("one")
async def work(crm): ...

"""
TABLE = """
from tortoise import fields
from tortoise.models import Model
from core.fields import new_id

class {name}(Model):
    \"\"\"A thing.\"\"\"
    id = fields.UUIDField(primary_key=True, default=new_id)
    contact = fields.ForeignKeyField("core.Contact", related_name=False, description="Whose it is.")
    class Meta(Model.Meta):
        table = "{table}"
"""

ALONE = {
    # what is no hook
    "@hookimpl\ndef resorces(): return []": "plugin 'one': there is no hook 'resorces'; did you mean 'resources'?",
    "@hookimpl\ndef xyz(): return []": "plugin 'one': there is no hook 'xyz'",
    "def resources(): return []": "plugin 'one': the function resources lacks @hookimpl",
    "@hookimpl\ndef routes(cmr): return []": "plugin 'one': routes() has the argument 'cmr'; the arguments of this hook: crm",
    "@hookimpl\ndef resources(crm): return []": "plugin 'one': resources() has the argument 'crm'; the arguments of this hook: none",
    "@hookimpl\ndef before_commit(event): ...": "plugin 'one': before_commit() must be async def",
    "@hookimpl\nasync def resources(): return []": "plugin 'one': resources() must be def, without async",
    "@hookimpl(tryfirst=True)\ndef resources(): return []": "plugin 'one': resources() has a mark of pluggy",
    "@hookimpl(wrapper=True)\ndef resources(): yield": "plugin 'one': resources() has a mark of pluggy",
    # what fails
    "1 / 0": "plugin 'one' fails at import: ZeroDivisionError: division by zero",
    "sys.exit(3)": "plugin 'one' fails at import: SystemExit: 3",
    "import nothing_of_the_kind": "plugin 'one' fails at import: ModuleNotFoundError: No module named 'nothing_of_the_kind'",
    "def (": "plugin 'one' fails at import: SyntaxError: invalid syntax",
    "@hookimpl\ndef resources(): raise KeyError('x')": "plugin 'one' fails in resources(): KeyError: 'x'",
    "@hookimpl\ndef permissions(): sys.exit()": "plugin 'one' fails in permissions(): SystemExit",
    "@hookimpl\ndef routes(): return 1 / 0": "plugin 'one' fails in routes(): ZeroDivisionError: division by zero",
    # what it asks for
    "requires = ('two',)": "plugin 'one' requires the plugin 'two', which is not enabled",
    "requires = 'two'": "plugin 'one': requires must be a tuple of names",
    "requires_core = '>=99'": "plugin 'one' requires payvand >=99, this is ",
    "requires_core = 'soon'": "plugin 'one': requires_core 'soon' is not a version specifier like '>=0.1'",
    "class Settings: ...": "plugin 'one': Settings must be a dataclass",
    "@dataclass(frozen=True)\nclass Settings:\n    needed: int": "settings.toml [plugins.one]: ",
    "@dataclass(frozen=True)\nclass Settings:\n    a: int = 1\n    def __post_init__(self): raise KeyError('a')": (
        "plugin 'one' fails in its Settings"
    ),
    # what it returns
    "@hookimpl\ndef resources(): ...": "plugin 'one': resources() must return a list, not NoneType",
    "@hookimpl\ndef resources(): return [Contact]": "plugin 'one': resources() must return a list of Resource, not of ModelMeta",
    "@hookimpl\ndef resources(): return [Resource(str)]": "plugin 'one': Resource needs a model of Tortoise, not <class 'str'>",
    "@hookimpl\ndef permissions(): return ['one.do']": "plugin 'one': permissions() must return a dict of texts, name and meaning",
    "@hookimpl\ndef activity_kinds(): return {'TALK': 1}": "plugin 'one': activity_kinds() must return a dict of texts",
    "@hookimpl\ndef jobs(): return {}": "plugin 'one': jobs() must return a list, not dict",
    "@hookimpl\ndef jobs(): return ['x']": "plugin 'one': jobs() must return a list of Job, not str",
    "@hookimpl\ndef jobs(): return [Job('x', answer)]": "plugin 'one': the work of job 'x' must be an async function",
    "@hookimpl\ndef jobs(): return [Job('X y', work)]": "plugin 'one': the name of the job 'X y' must be words of letters, digits and _",
    "@hookimpl\ndef jobs(): return [Job('x', work, timeout=5)]": "plugin 'one': the timeout of job 'x' must be a timedelta",
    "@hookimpl\ndef jobs(): return [Job('x', work, retries=-1)]": "plugin 'one': the retries of job 'x' must be a whole number",
    "@hookimpl\ndef jobs(): return [Job('x', work, unique=True)]": "plugin 'one': unique of job 'x' must be 'unfinished' or 'kept'",
    "@hookimpl\ndef jobs(): return [Job('x', work, queue='mail')]": "plugin 'one': the queue of a job must be a Queue, not str",
    "@hookimpl\ndef jobs(): return [Job('x', work, cron='0 0 31 2 *')]": "plugin 'one': the cron of job 'x': '0 0 31 2 *' never comes",
    "@hookimpl\ndef jobs(): return [Job('x', work, time_zone='Nowhere')]": "plugin 'one': job 'x': there is no time zone 'Nowhere'",
    "@hookimpl\ndef jobs(): return [Job('jobs.clean', work)]": (
        "the job 'jobs.clean' is declared by plugin 'core.standard' and by plugin 'one'"
    ),
    "@hookimpl\ndef routes(): return None": "plugin 'one': routes() must return a list, not NoneType",
    "@hookimpl\ndef routes(): return ['/x']": "plugin 'one': routes() must return a list of Starlette's routes, not of str",
    "@hookimpl\ndef graphql(): return {}": "plugin 'one': graphql() must return a list, not dict",
    # what belongs to others
    "@hookimpl\ndef permissions(): return {'contact.read': 'x'}": (
        "plugin 'one': the permission 'contact.read' belongs to the resource Contact"
    ),
    "@hookimpl\ndef activity_kinds(): return {'CALL': 'x'}": (
        "the kind of activity 'CALL' is declared by plugin 'core.standard' and by plugin 'one'"
    ),
    "@hookimpl\ndef routes(): return [Route('/healthz', answer)]": "the route '/healthz' is claimed by the core and by plugin 'one'",
    "@hookimpl\ndef routes(): return [Route('/graphql', answer)]": "the route '/graphql' is claimed by plugin 'schema' and by plugin 'one'",
    "@hookimpl\ndef resources(): return [Resource(Contact)]": "of the resource Contact is claimed by the core and by plugin 'one'",
}

UNGUARDED = "@strawberry.type(name='Query', extend=True)\nclass Part:\n    @strawberry.field\n    def x(self) -> int: return 1"
GRAPHQL = {
    "class Part: ...": "plugin 'one': graphql() returned Part, which is no strawberry type with extend=True",
    "@strawberry.type\nclass Part:\n    x: int": "plugin 'one': graphql() returned Part, which is no strawberry type with extend=True",
    "@strawberry.type(name='Kontact', extend=True)\nclass Part:\n    x: int": "plugin 'one': there is no type Kontact to extend",
    UNGUARDED: ("plugin 'one': Query.x asks for no permission; mark its resolver with @permit"),
    UNGUARDED.replace("field\n", "field\n    @permit('one.x')\n"): (
        "plugin 'one': Query.x asks for 'one.x', which no permissions() declares"
    ),
    "@strawberry.type(name='Contact', extend=True)\nclass Part:\n    city: str": (
        "plugin 'one': the field Contact.city belongs to the core already"
    ),
    "@strawberry.type(name='Contact', extend=True)\nclass Part:\n    town: str = strawberry.field(name='givenName')": (
        "plugin 'one': the field Contact.givenName belongs to the core already"
    ),
    "@strawberry.type(name='Node', extend=True)\nclass Part:\n    x: int": "plugin 'one': the GraphQL schema cannot be made: ",
}

FIELD = "@strawberry.type(name='Contact', extend=True)\nclass Part:\n    shoe: int\n@hookimpl\ndef graphql(): return [Part]"
TYPE = "@strawberry.type\nclass Shoe:\n    size: int\n" + FIELD.replace("shoe: int", "{name}: Shoe")
BOTH = {
    FIELD: "plugin 'two': the field Contact.shoe belongs to plugin 'one' already",
    TYPE: "plugin 'one' and plugin 'two': the GraphQL schema cannot be made: ",
    "@hookimpl\ndef permissions(): return {'shoes.try': 'x'}": "the permission 'shoes.try' is declared by plugin 'one' and by plugin 'two'",
    "@hookimpl\ndef activity_kinds(): return {'FAIR': 'x'}": "the kind of activity 'FAIR' is declared by plugin 'one' and by plugin 'two'",
    "@hookimpl\ndef jobs(): return [Job('tidy', work)]": "the job 'tidy' is declared by plugin 'one' and by plugin 'two'",
    "@hookimpl\ndef routes(): return [Route('/shoes/{{{name}}}', answer)]": (
        "the route '/shoes/{}' is claimed by plugin 'one' and by plugin 'two'"
    ),
    "@hookimpl\ndef routes(): return [Mount('/a', answer) if '{name}' == 'one' else Route('/a/b', answer)]": (
        "the route '/a/b' is claimed by plugin 'one' and by plugin 'two'"
    ),
    "from acme_{name}.models import Thing\n@hookimpl\ndef resources(): return [Resource(Thing)]": (
        "the name 'thing' of the resource Thing is claimed by plugin 'one' and by plugin 'two'"
    ),
    "from acme_{name}.models import {Own}\n@hookimpl\ndef resources(): return [Resource({Own}, reverse={{'contact': 'things'}})]": (
        "plugin 'two': the field Contact.things, of Two.reverse, belongs to plugin 'one' already"
    ),
}


def _sentence(folder: Path, *plugins: str, **tables: object) -> str:
    """What the start says of these plugins: `payvand check` and `payvand serve` say the same."""
    path = write_settings(folder, "sqlite://house.db", plugins, {"plugins": tables})
    settings = read_settings(path)
    with pytest.raises(StartError) as refused:
        apart(rehearse(settings, load(settings)))
    return str(refused.value)


@pytest.mark.parametrize("source", ALONE)
def test_a_plugin_that_is_wrong_in_itself_is_named(source: str, plugin: Packages, tmp_path: Path):
    plugin("one", HEAD + source)
    said = _sentence(tmp_path, "one")
    assert ALONE[source] in said
    assert "\n" not in said


@pytest.mark.parametrize("source", GRAPHQL)
def test_fields_that_do_not_fit_are_named_with_their_plugin(source: str, plugin: Packages, tmp_path: Path):
    plugin("one", f"{HEAD}{source}\n@hookimpl\ndef graphql(): return [Part]\n")
    said = _sentence(tmp_path, "one")
    assert GRAPHQL[source] in said
    assert "\n" not in said


@pytest.mark.parametrize("source", BOTH)
def test_two_plugins_that_claim_the_same_are_both_named(source: str, plugin: Packages, tmp_path: Path):
    for name in ("one", "two"):
        text = source if source in (FIELD,) else source.replace("{name}", name).replace("{Own}", name.title())
        text = text.replace("{{", "{").replace("}}", "}")
        models = TABLE.format(name="Thing", table=f"{name}_thing") + TABLE.format(name=name.title(), table=f"{name}_own")
        plugin(name, HEAD + text, models=models)
    said = _sentence(tmp_path, "one", "two")
    assert BOTH[source] in said
    assert "\n" not in said


@pytest.mark.parametrize("second", ["note_labels", "rule"])
def test_a_hook_is_declared_once(second: str, plugin: Packages, tmp_path: Path):
    for name, hook in (("one", "note_labels"), ("two", second)):
        plugin(name, "", hookspecs=f"from core import hookspec\n@hookspec\ndef {hook}(crm): ...\n")
    first = "plugin 'one'" if second == "note_labels" else "the core"
    assert _sentence(tmp_path, "one", "two") == f"the hook '{second}' is declared by {first} and by plugin 'two'"


def test_hookspecs_without_a_hook_are_named(plugin: Packages, tmp_path: Path):
    plugin("one", "", hookspecs="def labels(): ...\n")
    assert _sentence(tmp_path, "one").startswith("plugin 'one' fails in its hookspecs: ValueError: did not find any")


@pytest.mark.parametrize(
    ("models", "sentence"),
    [
        ("raise RuntimeError('not today.')", "plugin 'one' fails at import: RuntimeError: not today"),
        (
            TABLE.format(name="Thing", table="one_thing").replace("core.Contact", "core.Kontact"),
            "the models of core, one do not fit together: ConfigurationError: No model with name 'Kontact'",
        ),
        (
            TABLE.format(name="Thing", table="one_thing").replace("id = ", "key = "),
            "plugin 'one': the model Thing needs the key `id`, a UUIDField",
        ),
        (
            TABLE.format(name="Thing", table="one_thing").replace(', description="Whose it is."', "") + "    word = fields.TextField()\n",
            "needs a description",
        ),
    ],
)
def test_tables_that_cannot_be_shown_are_named(models: str, sentence: str, plugin: Packages, tmp_path: Path):
    source = "" if "raise" in models else "from acme_one.models import Thing\n@hookimpl\ndef resources(): return [Resource(Thing)]\n"
    plugin("one", HEAD + source, models=models.replace("    word", "    word").replace("    class Meta", "    class Meta"))
    said = _sentence(tmp_path, "one")
    assert sentence in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("parts={'x'}", None),
        ("hidden=frozenset({'nose'})", "plugin 'one': Thing has no column or relation 'nose'"),
        ("owned_by='nose'", "plugin 'one': Thing has no column or relation 'nose'"),
        ("reverse={'nose': 'things'}", "plugin 'one': Thing.reverse names 'nose', which is no relation to a resource"),
        ("reverse={'contact': 'city'}", "plugin 'one': the field Contact.city, of Thing.reverse, belongs to the core already"),
        ("verbs=frozenset({'read', 'sing'})", "plugin 'one': Thing has the verb 'sing'; there are create, delete, read, update"),
        ("plural_name='thing'", "plugin 'one': Thing needs a plural_name that is not 'thing'"),
        ("plural_name='contacts'", "the name 'contacts' of the resource Thing is claimed by the core and by plugin 'one'"),
        ("plural_name='nodes'", "the name 'nodes' of the resource Thing is claimed by the core and by plugin 'one'"),
    ],
)
def test_a_resource_that_cannot_be_is_named(argument: str, sentence: str | None, plugin: Packages, tmp_path: Path):
    source = f"from acme_one.models import Thing\n@hookimpl\ndef resources(): return [Resource(Thing, {argument})]\n"
    plugin("one", HEAD + source, models=TABLE.format(name="Thing", table="one_thing"))
    assert (sentence or "plugin 'one' fails in resources(): TypeError: ") in _sentence(tmp_path, "one")


def test_names_in_the_settings_are_checked(plugin: Packages, tmp_path: Path):
    plugin("one", HEAD + "@dataclass(frozen=True)\nclass Settings:\n    size: int = 1\n    words: tuple[str, ...] = ()\n")
    plugin("plain", "")
    assert re.search(r"there is no plugin 'onn'; did you mean 'one'\?", _sentence(tmp_path, "onn"))
    assert re.search(r"there is no plugin 'xyz'; there are .*one", _sentence(tmp_path, "xyz"))
    assert _sentence(tmp_path, "one", "one") == "settings.toml [plugins]: 'one' is enabled twice"
    assert _sentence(tmp_path, "one", one={"sise": 2}) == "settings.toml [plugins.one]: unknown setting 'sise'; known are size, words"
    assert _sentence(tmp_path, "one", one={"size": "2"}) == "settings.toml [plugins.one] size must be int, not str"
    assert _sentence(tmp_path, "one", one={"words": [1]}) == "settings.toml [plugins.one] words must be str, not int"
    assert _sentence(tmp_path, "plain", plain={"size": 2}) == "settings.toml [plugins.plain]: the plugin 'plain' has no settings"
    assert _sentence(tmp_path, "one", three={"size": 2}) == "settings.toml: [plugins.three] is for a plugin that is not there"


@pytest.mark.parametrize("name", ["core", "schema", "enabled", "2shoes", "Shoes"])
def test_a_name_that_something_else_bears_is_refused(name: str, plugin: Packages, tmp_path: Path):
    plugin(name, "")
    assert "must be small letters, digits and _, and none of the server's own" in _sentence(tmp_path, name)


def test_an_entry_point_that_names_no_module_is_refused(plugin: Packages, tmp_path: Path):
    plugin("new-shoes", "")
    assert _sentence(tmp_path) == "the entry point 'new-shoes' of the package acme-new-shoes names no module: 'acme_new-shoes'"


def test_a_bundled_plugin_and_a_package_do_not_share_a_name(plugin: Packages, tmp_path: Path):
    plugin("metrics", "")
    assert _sentence(tmp_path) == "the plugin name 'metrics' is taken twice: by bundled and by the package acme-metrics"


def test_plugins_that_require_each_other_are_all_named(plugin: Packages, tmp_path: Path):
    for name, other in (("one", "two"), ("two", "three"), ("three", "one")):
        plugin(name, f"requires = ('{other}',)")
    assert _sentence(tmp_path, "one", "two", "three") == "these plugins require each other: one -> two -> three -> one"


def test_a_role_names_only_permissions_that_there_are(plugin: Packages, tmp_path: Path):
    plugin("one", "")
    path = write_settings(tmp_path, "sqlite://house.db", ("one",), {"roles": {"clerk": {"one.sing": "all"}}})
    settings = read_settings(path)
    with pytest.raises(StartError, match=r"\[roles.clerk\]: there is no permission 'one.sing'"):
        apart(rehearse(settings, load(settings)))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("1 / 0", "plugin 'one' fails at import: ZeroDivisionError: division by zero"),
        ("@hookimpl\ndef routes(crm): sys.exit()", "plugin 'one' fails in routes(): SystemExit"),
        ("@hookimpl\ndef commands(cli): cli.command('check')(lambda: None)", "plugin 'one': the command 'check' is one of payvand's own"),
    ],
)
def test_the_commands_say_one_sentence_and_leave_the_data(source: str, sentence: str, plugin: Packages, payvand: Shell, database: Engine):
    payvand("migrate").well()
    plugin("one", HEAD + source)
    write_settings(payvand.folder, payvand.url, ("one",))
    payvand.environment["PYTHONPATH"] = f"{ROOT}:{plugin.folder}"
    before = database.query(payvand.url, "SELECT * FROM tortoise_migrations")
    commands = {"1 / 0": (["serve"], ["migrate"])}.get(
        source, (["no-such-command"],) if "commands" in source else (["serve"], ["check"], ["plugins"])
    )
    for command in commands:
        ended = payvand(*command)
        assert ended.code == 1, command
        assert sentence in ended.out + ended.err
        assert "Traceback" not in ended.out + ended.err
        assert len(ended.err.splitlines()) <= 1
    assert database.query(payvand.url, "SELECT * FROM tortoise_migrations") == before


def test_two_plugins_do_not_share_a_command(plugin: Packages, payvand: Shell):
    for name in ("one", "two"):
        plugin(name, HEAD + "@hookimpl\ndef commands(cli): cli.command('shoes')(lambda: None)")
    write_settings(payvand.folder, payvand.url, ("one", "two"))
    payvand.environment["PYTHONPATH"] = f"{ROOT}:{plugin.folder}"
    ended = payvand("shoes")
    assert (ended.code, ended.err) == (1, "payvand: the command 'shoes' is claimed by plugin 'one' and by plugin 'two'\n")


BROKEN = """
from tortoise import migrations
from tortoise.migrations import operations as ops

class Migration(migrations.Migration):
    dependencies = [("one", "0001_initial")]
    operations = [
        ops.RunSQL("INSERT INTO one_thing (id, contact_id) SELECT id, id FROM contact"),
        ops.RunSQL("UPDATE contact SET name = 'lost'"),
        ops.RunSQL("INSERT INTO there_is_no_such_table VALUES (1)"),
    ]
"""


def test_a_migration_that_fails_halfway_leaves_everything_as_it_was(plugin: Packages, templates: Templates, tmp_path: Path):
    plugin("one", "", models=TABLE.format(name="Thing", table="one_thing"))
    database, url = templates.database, templates.copy(())
    database.query(
        url,
        "INSERT INTO contact (id, name, name_key, external_source, created_at, updated_at, version, lifecycle_stage, email_consent,"
        " sms_consent, call_consent) VALUES ('019a0000-0000-7000-8000-000000000001', 'Mina', 'mina', '', '2026-01-01 00:00:00+00:00',"
        " '2026-01-01 00:00:00+00:00', 1, 'LEAD', false, false, false)",
    )
    settings = read_settings(write_settings(tmp_path, url, ("one",)))
    plugins = load(settings)
    apart(make_migrations(settings, plugins, "one"))
    (plugin.folder / "acme_one" / "migrations" / "0002_broken.py").write_text(dedent(BROKEN))
    with pytest.raises(StartError, match=r"^migration one.0002_broken failed: .*there_is_no_such_table.*; the database is as it was$"):
        apart(migrate(settings, plugins))
    assert [row["name"] for row in database.query(url, "SELECT name FROM contact")] == ["Mina"]
    assert [row["app"] for row in database.query(url, "SELECT DISTINCT app FROM tortoise_migrations")] == ["core"]
    with pytest.raises(Exception, match="one_thing"):
        database.query(url, "SELECT * FROM one_thing")
    database.drop(url)

"""The rules of the house that a machine can check."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import core

ROOT = Path(__file__).parent.parent
PACKAGES = ("core", "schema", "plugins")
MADE = {"__pycache__", "node_modules", "build", "dist", "var"}
LOCKS = ("requirements.lock", "requirements-dev.lock")
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def test_the_core_knows_neither_the_schema_nor_a_plugin():
    found = [name for path in _sources("core") for name in _outside(path, {"schema", "plugins"})]
    assert found == ["core/plugins.py imports plugins"], "only the finder of plugins may name their folder"


def test_the_schema_knows_no_plugin():
    assert [name for path in _sources("schema") for name in _outside(path, {"plugins"})] == []


def test_plugins_stand_on_the_face_of_the_core_alone():
    assert [one for path in _sources("plugins") for one in _strangers(path)] == []


def test_no_modules_import_each_other():
    imports = {_module(path): _imported(path) for package in PACKAGES for path in _sources(package)}
    imports.pop("core")  # the face shows everything, and is loaded before any room behind it
    edges = {name: {other for other in named if other in imports and other != name} for name, named in imports.items()}
    assert _circle(edges) is None


def test_everything_public_says_what_it_is():
    silent = [place for package in PACKAGES for path in _sources(package) for place in _silent(path)]
    assert silent == []


def test_the_face_of_the_core_is_what_it_promises():
    face = _tree(ROOT / "core" / "__init__.py")
    public = {name for node in face.body for name in _bound(node) if not name.startswith("_")}
    assert sorted(public) == sorted(vars(core).get("__all__", ()))


def test_every_hook_is_used_by_a_test():
    hooks = [node.name for node in _tree(ROOT / "core" / "hookspecs.py").body if isinstance(node, ast.FunctionDef)]
    tests = "\n".join(path.read_text("utf-8") for path in _sources("tests"))
    assert [hook for hook in hooks if not re.search(rf"\bdef {hook}\(", tests)] == []


def test_no_file_names_a_place_of_one_machine():
    place = re.compile(r"(?<![\w.<$}])/(home|root|Users|work|opt|tmp|private)/\w")
    found = [f"{path.relative_to(ROOT)}: {match.group()}" for path, text in _texts() for match in place.finditer(text)]
    assert found == []


@pytest.mark.parametrize("lock", LOCKS)
def test_the_locks_name_no_address_and_pin_everything_with_a_hash(lock):
    text = (ROOT / lock).read_text("utf-8")
    pins = re.findall(r"^[a-z0-9][\w.\-\[\]]*==.*?(?=^\S|\Z)", text, re.M | re.S)
    assert "/" not in text
    assert pins
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []
    assert [line for line in text.splitlines() if line[:1] not in ("", " ", "#") and "==" not in line] == []


def test_the_locks_fit_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups = project["dependency-groups"]
    runtime = [*project["project"]["dependencies"], *groups["build"]]
    tools = [one for one in groups["dev"] if isinstance(one, str)]
    assert _unmet(runtime, LOCKS[0]) == []
    assert _unmet([*runtime, *tools], LOCKS[1]) == []
    assert _pins(LOCKS[0]).items() <= _pins(LOCKS[1]).items(), "the tests must run with what the server runs with"


def _sources(package: str) -> list[Path]:
    return [path for path in sorted((ROOT / package).rglob("*.py")) if "migrations" not in path.parts]


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imported(path: Path, everywhere: bool = False) -> set[str]:
    """Every name that a file imports, `from a import b` as both a and a.b; `everywhere` also within functions and for types only."""
    tree = _tree(path)
    nodes = list(ast.walk(tree)) if everywhere else tree.body
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports by dots"
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _outside(path: Path, forbidden: set[str]) -> list[str]:
    return [f"{path.relative_to(ROOT)} imports {name}" for name in sorted(_imported(path, True)) if name.split(".")[0] in forbidden]


def _strangers(path: Path) -> Iterator[str]:
    parts = path.relative_to(ROOT).parts
    if len(parts) < 3:
        return
    own = {"core", f"plugins.{parts[1]}", *(f"plugins.{name}" for name in _required(parts[1]))}
    for node in ast.walk(_tree(path)):
        for name in _modules(node):
            ours = name.split(".")[0] in PACKAGES
            if ours and not _within(name, own - {"core"}) and name not in own and not _within(name, {"core.models", "core.fields"}):
                yield f"{'/'.join(parts)} imports {name}"


def _required(plugin: str) -> list[str]:
    for node in _tree(ROOT / "plugins" / plugin / "__init__.py").body:
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == "requires" for one in node.targets):
            return list(ast.literal_eval(node.value))
    return []


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def _within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _circle(edges: dict[str, set[str]]) -> list[str] | None:
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return None
        found = next((circle for other in sorted(edges[name]) if (circle := visit(other, [*path, name]))), None)
        done.add(name)
        return found

    return next((circle for name in sorted(edges) if (circle := visit(name, []))), None)


def _silent(path: Path) -> Iterator[str]:
    tree = _tree(path)
    place = path.relative_to(ROOT)
    if not ast.get_docstring(tree):
        yield str(place)
    for node in _public(tree.body):
        if not _spoken(node):
            yield f"{place}: {node.name}"
        if isinstance(node, ast.ClassDef):
            yield from (f"{place}: {node.name}.{one.name}" for one in _public(node.body) if one.name != "Meta" and not _spoken(one))


def _public(body: list[ast.stmt]) -> Iterator[Definition]:
    return (node for node in body if isinstance(node, Definition) and not node.name.startswith("_"))


def _spoken(node: Definition) -> bool:
    """Whether it has a docstring, or a decorator with a description, or is described elsewhere: a hook, an override."""
    said = any(
        (isinstance(part, ast.keyword) and part.arg in ("description", "help"))
        or (isinstance(part, ast.Name) and part.id in ("hookimpl", "overload", "override"))
        or (isinstance(part, ast.Attribute) and part.attr == "setter")
        for decorator in node.decorator_list
        for part in ast.walk(decorator)
    )
    return said or ast.get_docstring(node) is not None


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    if isinstance(node, ast.Assign):
        return [one.id for one in node.targets if isinstance(one, ast.Name)]
    return [node.name] if isinstance(node, Definition) else []


def _texts() -> Iterator[tuple[Path, str]]:
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = parts[0].startswith(".") and parts[0] not in (".ci", ".gitignore", ".dockerignore")
        if hidden or MADE.intersection(parts) or not path.is_file():
            continue
        data = path.read_bytes()
        if b"\0" not in data:
            yield path, data.decode("utf-8", "replace")


def _unmet(wanted: list[str], lock: str) -> list[str]:
    pins = _pins(lock)
    return [
        text
        for text, one in ((text, Requirement(text)) for text in wanted)
        if not one.specifier.contains(pins.get(one.name, "0"), prereleases=True)
    ]


def _pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9][\w.\-]*)(?:\[[^\]]*\])?==([^\s;]+)", (ROOT / lock).read_text("utf-8"), re.M))

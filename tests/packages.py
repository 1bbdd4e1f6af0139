"""Plugins that a test writes: packages with an entry point, as if pip had installed them."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent


@dataclass(frozen=True)
class Packages:
    """Writes plugins into a folder from which this process imports. Other processes need it on their PYTHONPATH."""

    folder: Path

    def __call__(self, name: str, source: str, **files: str) -> str:
        """A plugin `name` with `source` as its __init__.py; `files` are its other modules by name. Its module is named acme_<name>."""
        package = self.folder / f"acme_{name}"
        package.mkdir()
        for file, text in {"__init__": source, **files}.items():
            (package / f"{file}.py").write_text(dedent(text), "utf-8")
        metadata = self.folder / f"acme_{name}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[payvand.plugins]\n{name} = acme_{name}\n")
        importlib.invalidate_caches()
        return name


@contextmanager
def packages(folder: Path) -> Iterator[Packages]:
    """A place for plugins that is forgotten afterwards, with all that was imported from it."""
    sys.path.append(str(folder))
    try:
        yield Packages(folder)
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.startswith("acme_")]:
            del sys.modules[name]
        importlib.invalidate_caches()

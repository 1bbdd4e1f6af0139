"""`python -m benchmarks [NAME ...]`: run these benchmarks, or all of them. Each is a module of this folder with a main()."""

import pkgutil
import sys
from importlib import import_module
from pathlib import Path


def main(wanted: list[str]) -> None:
    """Run the benchmarks of these names, else all; an unknown name ends with the list of those that there are."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if not module.name.startswith("_"))
    for name in wanted or names:
        if name not in names:
            sys.exit(f"there is no benchmark '{name}'; there are {', '.join(names)}")
        print(f"== {name}", flush=True)
        import_module(f"benchmarks.{name}").main()


main(sys.argv[1:])

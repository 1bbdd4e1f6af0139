"""`python -m benchmarks [NAME ...]`: run these benchmarks, or all of them. Each is a module of this folder with a main().

Packages are asked for by their own names: `python -m benchmarks.peers` needs more than the project has.
"""

import pkgutil
import sys
from importlib import import_module
from pathlib import Path


def main(wanted: list[str]) -> None:
    """Run the benchmarks of these names, else all; an unknown name ends with the list of those that there are."""
    modules = pkgutil.iter_modules([str(Path(__file__).parent)])
    names = sorted(module.name for module in modules if not (module.ispkg or module.name.startswith("_")))
    for name in wanted or names:
        if name not in names:
            sys.exit(f"there is no benchmark '{name}'; there are {', '.join(names)}")
        print(f"== {name}", flush=True)
        import_module(f"benchmarks.{name}").main()


main(sys.argv[1:])

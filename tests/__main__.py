"""`python -m tests [arguments of pytest]`: the suite on SQLite and on PostgreSQL at once, each in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

ENGINES = ("sqlite", "postgres")
# From here on pytest tells what failed; that is kept back until it is whole, so that two reports never mix.
REPORT = ("FAILURES ", "ERRORS ", "short test summary ", "warnings summary ", "slowest ", "INTERNALERROR")

_screen = Lock()


def run(engine: str, arguments: Sequence[str]) -> int:
    """Run the suite on one engine, tell its progress, then its report. The exit code of pytest."""
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", *arguments]
    environment = {**os.environ, "PAYVAND_TEST_DATABASE": engine, "PYTHONUNBUFFERED": "1"}
    report: list[str] = []
    # The cache of pytest is one file: two runs at once would overwrite each other's.
    with subprocess.Popen(
        [*command, "-p", "no:cacheprovider"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            if report or any(word in line for word in REPORT):
                report.append(line)
            else:
                _print(engine, line)
    verdict = "passed" if process.returncode == 0 else f"FAILED, exit code {process.returncode}"
    _print(engine, *report, f"{verdict}, after {time.monotonic() - began:.0f} s")
    return process.returncode


def main(arguments: Sequence[str]) -> int:
    """Run every engine; 0 when all passed."""
    with ThreadPoolExecutor(len(ENGINES)) as pool:
        codes = list(pool.map(lambda engine: run(engine, arguments), ENGINES))
    return max(codes)


def _print(engine: str, *lines: str) -> None:
    with _screen:
        for line in lines:
            print(f"{engine:>8} | {line.rstrip()}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m tests [arguments of pytest]`: the suite on SQLite and on PostgreSQL at once, each in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

ENGINES = ("sqlite", "postgres")
# From here on pytest tells what failed; that is kept back until both have ended, so that two reports never mix.
REPORT = ("FAILURES ", "ERRORS ", "short test summary ", "warnings summary ", "slowest ", "INTERNALERROR")

_screen = Lock()


def run(engine: str, arguments: Sequence[str]) -> tuple[int, str, list[str]]:
    """Run the suite on one engine and tell its progress. The exit code of pytest, the engine, and what there is to report."""
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
    return process.returncode, engine, [*report, f"{verdict}, after {time.monotonic() - began:.0f} s"]


def main(arguments: Sequence[str]) -> int:
    """Run every engine, then tell their reports, what failed last: that is what is seen of a long log. 0 when all passed, else 1."""
    with ThreadPoolExecutor(len(ENGINES)) as pool:
        runs = sorted(pool.map(lambda engine: run(engine, arguments), ENGINES), key=lambda one: one[0] != 0)
    for _, engine, report in runs:
        _print(engine, *report)
    return int(any(code for code, *_ in runs))  # a process ended by a signal has a code below 0


def _print(engine: str, *lines: str) -> None:
    with _screen:
        for line in lines:
            print(f"{engine:>8} | {line.rstrip()}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

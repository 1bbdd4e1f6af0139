"""Commands as processes of their own, forked from one that has read the code already: that saves most of a second each.

What is forked has imported and done nothing else, so a command finds what it would find by itself.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path

from core.cli import COMMANDS, main

LIBRARIES = ("graphql", "starlette.applications", "strawberry", "uvicorn", "websockets")
FLAGS = (os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT)


def run(arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str], input: str, timeout: float) -> tuple[int, str, str]:
    """The exit code, the output and the complaints of `payvand` with these arguments. Raises TimeoutExpired."""
    with tempfile.TemporaryDirectory() as place:
        streams = [Path(place) / name for name in ("in", "out", "err")]
        for stream in streams:
            stream.write_text(input if stream.name == "in" else "", "utf-8")
        process = _context().Process(target=_command, args=(arguments, folder, dict(environment), streams))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, timeout)
        return process.exitcode, streams[1].read_text("utf-8"), streams[2].read_text("utf-8")


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    # Neither our schema nor our plugins: which of them there are is what some commands are about.
    context.set_forkserver_preload([__name__, *(place.partition(":")[0] for place, _ in COMMANDS.values()), *LIBRARIES])
    return context


def _command(arguments: tuple[str, ...], folder: Path, environment: dict[str, str], streams: list[Path]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, (stream, flags) in enumerate(zip(streams, FLAGS, strict=True)):
        os.dup2(os.open(stream, flags), number)
    sys.stdin = os.fdopen(0, encoding="utf-8")  # a child of multiprocessing has another one
    sys.path[:0] = [str(folder), *environment.get("PYTHONPATH", "").split(os.pathsep)]
    main(list(arguments), prog_name="payvand")

"""The command line and the server as others meet them: processes of their own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests import commands

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    def well(self) -> "Outcome":
        """Itself, when the command succeeded; otherwise the test fails with what it wrote."""
        assert self.code == 0, f"exit code {self.code}\n{self.out}{self.err}"
        return self


@dataclass
class Shell:
    """Runs `payvand ...` in `folder`, whose settings.toml names the database at `url`."""

    folder: Path
    url: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Path:
        """The settings.toml that the commands read."""
        return self.folder / "settings.toml"

    def __call__(self, *arguments: str, input: str = "", timeout: float = 120) -> Outcome:
        """Run one command to its end: forked where code and interpreter are these here, else started anew."""
        if type(self) is Shell and not any(name.startswith("PYTHON") for name in self.environment):
            return Outcome(*commands.run(arguments, self.folder, self._environment(), input, timeout))
        ended = subprocess.run(
            self._command(arguments), input=input, timeout=timeout, capture_output=True, text=True, cwd=self.folder, env=self._environment()
        )
        return Outcome(ended.returncode, ended.stdout, ended.stderr)

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A command that goes on while the block lasts. What it writes is in the file `log` of the folder."""
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen(
                self._command(arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=self.folder,
                env=self._environment(),
                start_new_session=True,
            )
        try:
            yield process
        finally:
            # The whole session, so that nothing it started stays behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "core", *arguments]

    def _environment(self) -> Mapping[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PAYVAND_")}
        return {**inherited, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **self.environment}


@dataclass(frozen=True)
class Server:
    """A running `payvand serve`."""

    url: str
    shell: Shell
    process: subprocess.Popen[str]

    @property
    def log(self) -> str:
        """All that it has written so far."""
        return (self.shell.folder / "log").read_text("utf-8")

    def stop(self, timeout: float = 30) -> int:
        """Ask it to stop as a supervisor does, and give its exit code."""
        self.process.terminate()
        return self.process.wait(timeout)


@contextlib.contextmanager
def serving(shell: Shell, port: int, *arguments: str, patience: float = 120) -> Iterator[Server]:
    """A server on `port`, which settings.toml names, as soon as it is ready."""
    with shell.running("serve", *arguments) as process:
        server = Server(f"http://127.0.0.1:{port}", shell, process)
        _await(server, patience)
        yield server


@contextlib.contextmanager
def several(shell: Shell, *ports: int, patience: float = 120) -> Iterator[list[Server]]:
    """A server on each port, all of them on one database, as soon as all are ready. They write to one log."""
    with contextlib.ExitStack() as stack:
        started = [(port, stack.enter_context(shell.running("serve", "--port", str(port)))) for port in ports]
        servers = [Server(f"http://127.0.0.1:{port}", shell, process) for port, process in started]
        for server in servers:
            _await(server, patience)
        yield servers


def _await(server: Server, patience: float) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        assert server.process.poll() is None, f"the server ended with {server.process.returncode}\n{server.log}"
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{server.url}/readyz", timeout=2).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"the server was not ready within {patience:.0f} s\n{server.log}")

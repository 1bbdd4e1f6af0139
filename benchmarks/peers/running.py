"""A server while it runs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from benchmarks.peers.peer import Peer
from benchmarks.peers.tree import tree

START, STOP = 120.0, 10.0  # seconds that a server may take


@dataclass(frozen=True)
class Running:
    """A peer and its process."""

    peer: Peer
    process: int

    def processes(self) -> list[int]:
        """The process and all that it started."""
        return tree(self.process)


@contextmanager
def running(peer: Peer, log: Path) -> Iterator[Running]:
    """The peer, started and ready to answer; gone afterwards. Ends the program in one sentence when it does not start."""
    launch = peer.launch()
    with log.open("w") as output:
        process = subprocess.Popen(
            list(launch.command), cwd=launch.folder, env=launch.environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _await(peer, process, log)
        peer.arrange()
        yield Running(peer, process.pid)
    finally:
        _stop(process)


def _await(peer: Peer, process: subprocess.Popen[bytes], log: Path) -> None:
    began = time.monotonic()
    while process.poll() is None and time.monotonic() - began < START:
        try:
            with urlopen(f"{peer.url}/nowhere", timeout=5):
                return
        except HTTPError:  # whatever it says, it answers
            return
        except (URLError, OSError):
            time.sleep(0.1)
    sys.exit(f"{peer.name} did not start: {log.read_text(errors='replace')[-800:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

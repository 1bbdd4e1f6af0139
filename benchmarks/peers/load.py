"""One turn of load: wrk asks, and meanwhile memory is looked at."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.peer import Body
from benchmarks.peers.running import Running
from benchmarks.peers.tree import busy, resident
from benchmarks.peers.workloads import Workload

SCRIPT = Path(__file__).with_name("rotate.lua")
LOOK = 0.2  # seconds between two looks at the memory
LEAST, LONGEST = 2, 60.0  # answers on each connection without which figures mean little, and the most seconds to wait for them
PATIENCE = 60  # seconds for one answer; a slow server is slow and not broken


@dataclass(frozen=True)
class Turn:
    """The figures of one turn: requests a second, milliseconds, megabytes, and seconds of processor time for a request."""

    seconds: float
    rate: float
    p50: float
    p99: float
    memory: float
    processor: float
    requests: int
    bytes: int


def needs() -> None:
    """End the program in one sentence when there is no wrk."""
    if not shutil.which("wrk"):
        sys.exit("The load comes from wrk, and there is no wrk here (on Debian and Ubuntu: apt install wrk).")


def turn(server: Running, workload: Workload, bodies: Path, connections: int, seconds: float) -> Turn:
    """Ask one server for some seconds. Ends the program when an answer is an error, for then the figures mean nothing."""
    done = _turn(server, workload, bodies, connections, seconds)
    while not done.requests and seconds < LONGEST:
        seconds *= 2
        done = _turn(server, workload, bodies, connections, seconds)
    return done


def enough(done: Turn, connections: int, seconds: float) -> float:
    """How long the turns of a server are to be after what this one showed: longer when it is too slow for so few seconds."""
    return max(seconds, min(LEAST * connections / done.rate, LONGEST)) if done.rate else LONGEST


def write(bodies: list[Body], path: Path) -> Path:
    """The file of requests that wrk reads, one in a line."""
    path.write_text("".join(f"{json.dumps(body, ensure_ascii=False)}\n" for body in bodies), "utf-8")
    return path


def _turn(server: Running, workload: Workload, bodies: Path, connections: int, seconds: float) -> Turn:
    peer, processes = server.peer, server.processes()
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", f"--timeout={PATIENCE}s", "-s", str(SCRIPT)]
    environment = {**os.environ, "BODIES": str(bodies), "TOKEN": peer.token or ""}
    used, memory = busy(processes), resident(processes)
    with subprocess.Popen(
        [*command, peer.url + peer.path(workload)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as wrk:
        while True:
            try:
                told, complaint = wrk.communicate(timeout=LOOK)
                break
            except subprocess.TimeoutExpired:
                memory = max(memory, resident(server.processes()))
    used = busy(processes) - used
    found = [line.removeprefix("FIGURES ") for line in told.splitlines() if line.startswith("FIGURES ")]
    figures = json.loads(found[0]) if found else {"errors": 1}
    if figures["errors"]:
        sys.exit(f"{peer.name} did not answer {workload} as it should: {complaint.strip()[:600] or told.strip()[-300:]}")
    number, took = figures["requests"], figures["microseconds"] / 1e6
    return Turn(
        seconds=took,
        rate=number / took,
        p50=figures["p50"] / 1000,
        p99=figures["p99"] / 1000,
        memory=memory,
        processor=used / max(number, 1),
        requests=number,
        bytes=figures["bytes"],
    )

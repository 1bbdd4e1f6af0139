"""How soon the server is ready when it starts a second time, and how much memory it holds then.

Figures of one machine say little of another: the ratio, to a bare `import strawberry, tortoise, starlette` measured
in turns with the starts, is what to compare.
"""

import os
import re
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

ROUNDS = 5
READY = 2.0  # seconds
MEMORY = 120  # MB
ROOT = Path(__file__).parent.parent
BARE = [sys.executable, "-c", "import strawberry, tortoise, starlette"]
SERVE = [sys.executable, "-m", "core", "serve", "--port", "0"]


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "settings.toml").write_text('[database]\nurl = "sqlite://startup.db"\n[plugins]\nenabled = ["metrics"]\n')
        subprocess.run([sys.executable, "-m", "core", "migrate", "--json"], cwd=folder, env=_environment(), check=True, capture_output=True)
        rounds = [(_bare(folder), *_start(folder)) for _ in range(ROUNDS + 1)][1:]  # the first writes bytecode
    bare, ready, memory = (statistics.median(values) for values in zip(*rounds, strict=True))
    print(f"ready       {ready:6.2f} s   (goal {READY:.1f} s; fastest {min(one[1] for one in rounds):.2f} s of {ROUNDS})")
    print(f"bare import {bare:6.2f} s")
    print(f"ratio       {ready / bare:6.2f}")
    print(f"memory      {memory:6.1f} MB  (goal {MEMORY} MB)")


def _bare(folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(BARE, cwd=folder, env=_environment(), check=True)
    return time.perf_counter() - began


def _start(folder: Path) -> tuple[float, float]:
    """Seconds until /readyz answers 200, and the megabytes that the process holds then."""
    began = time.perf_counter()
    with subprocess.Popen(SERVE, cwd=folder, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            url = _url(server)
            with urlopen(f"{url}/readyz", timeout=10) as answer:
                assert answer.status == 200
            return time.perf_counter() - began, _memory(server.pid)
        finally:
            server.terminate()


def _url(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    told = ""
    while select.select([server.stdout], [], [], 30)[0] and (line := server.stdout.readline()):
        told += line
        if found := re.search(r"(http://\S+)/graphql", line):
            return found[1]
    raise RuntimeError(f"the server did not start: {told}")


def _memory(process: int) -> float:
    """Resident memory in MB, as the kernel or `ps` tells it."""
    status = Path(f"/proc/{process}/status")
    if status.exists():
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status.read_text())[0]) / 1024
    return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(process)], text=True)) / 1024


def _environment() -> dict[str, str]:
    """Without the settings of whoever measures."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PAYVAND_")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}

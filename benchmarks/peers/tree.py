"""A process and all that it started, as Linux tells of them."""

import os
import time
from contextlib import suppress
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
GLANCE, QUIET, PATIENCE = 0.25, 0.05, 60.0  # seconds to look, the share of a processor that is as good as none, seconds to wait


def tree(process: int) -> list[int]:
    """The process and its descendants."""
    found = [process]
    for parent in found:
        with suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def resident(processes: list[int]) -> float:
    """Megabytes of memory that they hold, together."""
    pages = 0
    for process in processes:
        with suppress(OSError):
            pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def busy(processes: list[int]) -> float:
    """Seconds of processor time that they have used, together."""
    ticks = 0
    for process in processes:
        with suppress(OSError):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICK


def settle(processes: list[int]) -> None:
    """Wait until they have nothing to do: a server goes on with what was asked when the one who asked is gone."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        used = busy(processes)
        time.sleep(GLANCE)
        if busy(processes) - used <= QUIET * GLANCE:
            return

"""All servers must say the same before it is measured how fast they say it."""

import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.peers.peer import Peer
from benchmarks.peers.workloads import COMPARED, Workload

ASKED = 8  # requests of each workload, spread over all


def compare(peers: Sequence[Peer], workloads: Sequence[Workload]) -> None:
    """Ask every server the same. Ends the program with the first difference."""
    for workload in (one for one in COMPARED if one in workloads):
        number = len(peers[0].stand.samples.of(workload))
        for place in range(0, number, max(1, number // ASKED)):
            answers = [_answer(peer, workload, place) for peer in peers]
            for peer, answer in zip(peers[1:], answers[1:], strict=True):
                if answer != answers[0]:
                    sys.exit(f"{peer.name} and {peers[0].name} differ in {workload}, request {place}: {difference(answer, answers[0])}")
    for workload in (one for one in workloads if one not in COMPARED):
        for peer in peers:
            if workload in peer.workloads():
                _try(peer, workload)


def difference(one: Any, other: Any, path: str = "") -> str:
    """Where two answers differ first, and what stands there."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        pairs = [(f"{path}.{name}", one[name], other[name]) for name in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(f"{path}[{place}]", *pair) for place, pair in enumerate(zip(one, other, strict=True))]
    else:
        return f"{path or 'the answer'} is {_short(one)}, and {_short(other)}"
    return next(difference(mine, yours, place) for place, mine, yours in pairs if mine != yours)


def _answer(peer: Peer, workload: Workload, place: int) -> Any:
    body = peer.body(workload, peer.stand.samples.of(workload)[place])
    return peer.meaning(workload, peer.ask(workload, body))


def _try(peer: Peer, workload: Workload) -> None:
    sample = peer.stand.samples.of(workload)[0]
    answer = peer.ask(workload, peer.body(workload, sample))
    if workload is Workload.W6 and answer["__typename"] != "Query":
        sys.exit(f"{peer.name} calls its Query {answer['__typename']}")
    if workload is Workload.W4 and getattr(sample, "name", None) != peer.meaning(workload, answer)["name"]:
        sys.exit(f"{peer.name} makes another contact in W4: {_short(answer)}")


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return repr(value)[:200]

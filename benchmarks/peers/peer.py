"""What the harness knows of a server: how it starts, how it is asked, and what its answers mean."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.peers.samples import Sample
from benchmarks.peers.stand import Stand
from benchmarks.peers.wire import send
from benchmarks.peers.workloads import OURS, Workload
from tests.engines import free_port

Body = dict[str, Any]


@dataclass(frozen=True)
class Launch:
    """The command that starts a server, its folder and its environment."""

    command: Sequence[str]
    folder: Path
    environment: dict[str, str]


class Peer(ABC):
    """A server that is measured."""

    name: ClassVar[str]

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.token: str | None = None

    @cached_property
    def port(self) -> int:
        """Where it listens."""
        return free_port()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def workloads(self) -> list[Workload]:
        """What it is asked."""
        return [one for one in Workload if one not in OURS]

    @abstractmethod
    def launch(self) -> Launch:
        """How it is started; what has to be there before is made."""

    def arrange(self) -> None:
        """Do what can only be done once it answers."""
        return

    def path(self, workload: Workload) -> str:
        """Where the requests of a workload go."""
        return "/graphql"

    @abstractmethod
    def body(self, workload: Workload, sample: Sample) -> Body:
        """The request of a workload that names this sample."""

    @abstractmethod
    def meaning(self, workload: Workload, answer: Any) -> Any:
        """What an answer says, in the same words for every server (see benchmarks.peers.meaning)."""

    def bodies(self, workload: Workload) -> list[Body]:
        """All requests of a workload."""
        return [self.body(workload, sample) for sample in self.stand.samples.of(workload)]

    def ask(self, workload: Workload, body: Body) -> Any:
        """The answer to one request. Raises RuntimeError when it is an error."""
        answer = send(self.url + self.path(workload), body, self.token)
        if not isinstance(answer, dict) or answer.get("errors") or answer.get("data") is None:
            raise RuntimeError(f"{self.name} does not answer {workload}: {str(answer)[:500]}")
        return answer["data"]

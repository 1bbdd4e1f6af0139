"""A server of this folder, written in Python: an app that uvicorn serves."""

from typing import Any, ClassVar

from benchmarks.peers.meaning import plain, totals
from benchmarks.peers.peer import Launch, Peer
from benchmarks.peers.stand import PYTHON, environment
from benchmarks.peers.workloads import Workload

UVICORN = [
    "--host", "127.0.0.1", "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning", "--lifespan", "on",
]  # fmt: skip


class PythonPeer(Peer):
    """An app in one process of uvicorn."""

    app: ClassVar[str]

    def launch(self) -> Launch:
        """uvicorn as one serves it in production."""
        command = [*PYTHON, "uvicorn", f"benchmarks.peers.apps.{self.app}:app", "--port", str(self.port), *UVICORN]
        return Launch(command, self.stand.folder, environment(DATABASE_URL=self.stand.url))

    def meaning(self, workload: Workload, answer: Any) -> Any:
        """Rows by our names."""
        (found,) = answer.values()
        return totals(plain(found, {})) if workload is Workload.W5 else plain(found, {})

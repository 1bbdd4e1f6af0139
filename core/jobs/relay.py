"""From the rows to the engine: what is due is handed over, as often as need be, for the engine takes each turn once."""

import datetime
import uuid

from core.crm import CRM
from core.fields import now
from core.jobs.engine import AT_ONCE, Engine, Turn
from core.models import Job, JobState

DOUBT = datetime.timedelta(seconds=30)  # how long a turn may be with the engine before one asks whether it is


class Relay:
    """Hands jobs to the engine. One process does it for all; when two do, nothing is done twice."""

    def __init__(self, crm: CRM, engine: Engine) -> None:
        self._crm, self._engine = crm, engine
        self._doubted: set[tuple[uuid.UUID, int, str]] = set()

    async def hand(self) -> int:
        """Hand over what is due of the jobs that are declared here, and say how many these were. Others wait for their plugin."""
        due = Job.filter(handed=False, run_at__lte=now(), state=JobState.QUEUED, name__in=list(self._crm.jobs))
        rows = await due.order_by("run_at").limit(AT_ONCE).values_list("id", "turn", "queue", "priority", "name")
        if not rows:
            return 0
        turns = [Turn(id, turn, self._crm.jobs[name].queue.name, priority) for id, turn, _, priority, name in rows]
        await self._engine.hand(turns)
        for turn in {one.turn for one in turns}:
            await Job.filter(id__in=[one.id for one in turns if one.turn == turn], turn=turn).update(handed=True)
        return len(rows)

    async def doubt(self) -> None:
        """Give a new turn to each job that the engine knows nothing of, or has done with: its tables may be lost, or older than ours.

        Only what is so in two looks is believed, for an outcome is written here first and there a moment later.
        """
        going = Job.filter(handed=True, state__in=[JobState.QUEUED, JobState.RUNNING], run_at__lte=now() - DOUBT)
        rows = {Turn(id, turn, queue, 0).name: (id, turn, holder) for id, turn, queue, holder in await _all(going)}
        unknown = await self._engine.unknown(list(rows)) if rows else set()
        found = {rows[name] for name in unknown}
        for id, turn, holder in found & self._doubted:
            values = {"state": JobState.QUEUED, "turn": turn + 1, "handed": False, "holder": ""}
            await Job.filter(id=id, turn=turn, holder=holder, state__in=[JobState.QUEUED, JobState.RUNNING]).update(**values)
        self._doubted = found


async def _all(rows: object) -> list[tuple[uuid.UUID, int, str, str]]:
    return await rows.limit(10_000).values_list("id", "turn", "queue", "holder")  # type: ignore[attr-defined]  # a QuerySet

"""kill -9: what was acknowledged is there, once, and webhooks tell of it. `python -m benchmarks kills` does it more often."""

from pathlib import Path

from tests.engines import Engine
from tests.killing import killed

KILLS = 5


def test_nothing_that_was_acknowledged_is_lost_or_doubled_when_the_server_is_killed(database: Engine, tmp_path: Path):
    outcome = killed(database, tmp_path, KILLS)
    assert outcome.problems == []
    assert outcome.told > 50
    assert outcome.arrived >= outcome.written
    assert outcome.kills == KILLS

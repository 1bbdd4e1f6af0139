"""Which team is part of which, worked out from the parents: so that one question finds the rows of a team and of all below it."""

import uuid
from collections.abc import Iterator, Mapping, Sequence

from core.models import Team, TeamAncestor
from core.resources import Change


async def keep_ancestors(changes: Sequence[Change]) -> None:
    """Write down the ancestors of all teams as they are after these changes. Teams are few."""
    if not any(change.before is None or "parent_id" in change.values for change in changes):
        return
    parents = dict(await Team.all().select_for_update().values_list("id", "parent_id"))
    parents |= {change.record.id: change.record.parent_id for change in changes}
    wanted = {(team, ancestor) for team in parents for ancestor in _upwards(team, parents)}
    known = {(row.team_id, row.ancestor_id): row.id for row in await TeamAncestor.all()}
    if gone := [key for pair, key in known.items() if pair not in wanted]:
        await TeamAncestor.filter(id__in=gone).delete()
    await TeamAncestor.bulk_create([TeamAncestor(team_id=team, ancestor_id=ancestor) for team, ancestor in sorted(wanted - known.keys())])


def _upwards(team: uuid.UUID, parents: Mapping[uuid.UUID, uuid.UUID | None]) -> Iterator[uuid.UUID]:
    """The team itself, then what it is part of. That there are no circles is checked before."""
    above: uuid.UUID | None = team
    while above is not None:
        yield above
        above = parents.get(above)

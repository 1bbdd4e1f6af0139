"""The fields that SQL works out: what is overdue, and what the next step is."""

from tortoise.models import Model

from core import Expressed, Kind
from core.models import Activity, Company, Contact, Deal, User

OPEN = "a.done_at IS NULL AND a.due_at IS NOT NULL"


def expressed() -> list[Expressed]:
    """All of them. Whoever must not see when activities are due, or done, sees none."""
    late = "{row}.done_at IS NULL AND {row}.due_at IS NOT NULL AND {row}.due_at < {now}"
    number = "SELECT COUNT(*) FROM {activities} AS a WHERE a.assignee_id = {row}.id AND a.done_at IS NULL AND a.due_at < {now}"
    return [
        Expressed(
            Activity, "overdue", Kind.BOOLEAN, "Whether it is open, and was to be done before now.", late,
            tells={Activity: ("due_at", "done_at")},
        ),
        Expressed(
            User, "overdue_count", Kind.INT, "How many activities of this user are overdue.", number, rows={"activities": Activity},
            tells={Activity: ("due_at", "done_at", "assignee")},
        ),
        *_next(Contact, "contact"),
        *_next(Company, "company"),
        *_next(Deal, "deal"),
    ]  # fmt: skip


def _next(model: type[Model], relation: str) -> list[Expressed]:
    behind = f"{{activities}} AS a WHERE a.{relation}_id = {{row}}.id AND {OPEN}"
    rows: dict[str, type[Model]] = {"activities": Activity}
    tells: dict[type[Model], tuple[str, ...]] = {Activity: ("due_at", "done_at", relation)}
    return [
        Expressed(
            model, "next_follow_up", Kind.ID, f"The open activity of this {relation} that is due first; null when there is none.",
            f"SELECT a.id FROM {behind} ORDER BY a.due_at, a.id LIMIT 1", rows=rows, to=Activity, tells=tells,
        ),
        Expressed(
            model, "next_follow_up_at", Kind.DATETIME, "When the next follow-up is due, in UTC; null when there is none.",
            f"SELECT MIN(a.due_at) FROM {behind}", rows=rows, tells=tells,
        ),
    ]  # fmt: skip

"""What a plugin may use, beside the tables in core.models and the columns in core.fields. All else is internal."""

from core.crm import CRM, Call
from core.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from core.events import Event, emit, transaction
from core.hookspecs import hookimpl
from core.jobs import Job
from core.money import Money
from core.permissions import Actor, permit
from core.resources import Change, Resource
from core.visibility import visible

__all__ = [
    "CRM", "Actor", "Call", "Change", "Conflict", "Event", "Forbidden", "Invalid", "Job", "Money", "NotFound", "Refused", "Resource",
    "emit", "hookimpl", "permit", "transaction", "visible",
]  # fmt: skip

"""What a plugin may use, beside the tables in core.models and the columns in core.fields. All else is internal."""

from core.access.later import act_as, lasting
from core.auth import authenticate
from core.crm import CRM, Call
from core.errors import Conflict, Forbidden, Invalid, NotFound, Refused, StartError, Unauthenticated
from core.events import Event, emit, emit_many, in_whole, transaction
from core.expressions import Expressed
from core.hookspecs import hookimpl, hookspec
from core.jobs.asking import enqueue
from core.jobs.declared import Backoff, Job, Queue
from core.jobs.run import Run
from core.measures import Measure
from core.money import Money
from core.permissions import SYSTEM, Actor, demand, permit
from core.questions import ask, check_query
from core.records.calendars import Calendar, Period, day_begins, period_end, period_start, period_starts
from core.records.filters import Filter, Rows, matching
from core.records.ids import key_of
from core.records.periods import days_between, days_later, first_day, local_day, seconds_between, written
from core.records.statements import select
from core.records.visibility import visible
from core.records.wheres import read as read_filter
from core.records.worked import Among
from core.resources import Change, Kind, Resource
from core.tail.consumers import Consumer
from core.tail.hearing import Heard, hear, heard
from core.tail.kept import KeptEvent, Wanted, is_pattern

__all__ = [
    "CRM", "SYSTEM", "Actor", "Among", "Backoff", "Calendar", "Call", "Change", "Conflict", "Consumer", "Event", "Expressed", "Filter",
    "Forbidden", "Heard", "Invalid", "Job", "KeptEvent", "Kind", "Measure", "Money", "NotFound", "Period", "Queue", "Refused",
    "Resource", "Rows", "Run", "StartError", "Unauthenticated", "Wanted", "act_as", "ask", "authenticate", "check_query", "day_begins",
    "days_between", "days_later", "demand", "emit", "emit_many", "enqueue", "first_day", "hear", "heard", "hookimpl", "hookspec",
    "in_whole", "is_pattern", "key_of", "lasting", "local_day", "matching", "period_end", "period_start", "period_starts", "permit",
    "read_filter", "seconds_between", "select", "transaction", "visible", "written",
]  # fmt: skip

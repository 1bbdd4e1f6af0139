"""The tables of the core. Plugins point at them and may subclass Record."""

from core.models.access import Answered, ApiKey, FieldAccess, GrantScope, Role, RoleField, RoleGrant, Session, TeamAncestor
from core.models.activities import Activity
from core.models.companies import Company
from core.models.consumers import ConsumerState, DeadEvent
from core.models.contacts import Contact, ContactEmail, ContactPhone, Gender, LifecycleChange, LifecycleStage
from core.models.deals import Deal, DealLine, DealStageChange
from core.models.events import AuditEntry, EventValues
from core.models.jobs import Job, JobClock, JobState, JobStep
from core.models.pipelines import Pipeline, Stage, StageKind
from core.models.products import Product
from core.models.record import Record
from core.models.tags import CompanyTag, ContactTag, DealTag, Tag
from core.models.users import Team, User

__models__ = [
    Team, User, Tag, Product, Pipeline, Stage, Company, Contact, ContactEmail, ContactPhone, LifecycleChange, ContactTag, CompanyTag,
    Deal, DealLine, DealStageChange, DealTag, Activity, AuditEntry, EventValues, ApiKey, Role, RoleGrant, RoleField, Session,
    TeamAncestor, Answered, Job, JobStep, JobClock, ConsumerState, DeadEvent,
]  # fmt: skip

__all__ = [
    "Activity", "Answered", "ApiKey", "AuditEntry", "Company", "CompanyTag", "ConsumerState", "Contact", "ContactEmail",
    "ContactPhone", "ContactTag", "DeadEvent", "Deal", "DealLine", "DealStageChange", "DealTag", "EventValues", "FieldAccess",
    "Gender", "GrantScope", "Job", "JobClock", "JobState", "JobStep", "LifecycleChange", "LifecycleStage", "Pipeline", "Product",
    "Record", "Role", "RoleField", "RoleGrant", "Session", "Stage", "StageKind", "Tag", "Team", "TeamAncestor", "User",
]  # fmt: skip

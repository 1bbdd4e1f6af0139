"""The tables of the core. Plugins point at them and may subclass Record."""

from core.models.access import ApiKey
from core.models.activities import Activity
from core.models.companies import Company
from core.models.contacts import Contact, ContactEmail, ContactPhone, Gender, LifecycleChange, LifecycleStage
from core.models.deals import Deal, DealLine, DealStageChange
from core.models.events import EventRecord, EventValues
from core.models.pipelines import Pipeline, Stage, StageKind
from core.models.products import Product
from core.models.record import Record
from core.models.tags import CompanyTag, ContactTag, DealTag, Tag
from core.models.users import Team, User

__models__ = [
    Team, User, Tag, Product, Pipeline, Stage, Company, Contact, ContactEmail, ContactPhone, LifecycleChange, ContactTag, CompanyTag,
    Deal, DealLine, DealStageChange, DealTag, Activity, EventRecord, EventValues, ApiKey,
]  # fmt: skip

__all__ = [
    "Activity", "ApiKey", "Company", "CompanyTag", "Contact", "ContactEmail", "ContactPhone", "ContactTag", "Deal", "DealLine",
    "DealStageChange", "DealTag", "EventRecord", "EventValues", "Gender", "LifecycleChange", "LifecycleStage", "Pipeline", "Product",
    "Record", "Stage", "StageKind", "Tag", "Team", "User",
]  # fmt: skip

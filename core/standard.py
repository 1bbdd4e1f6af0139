"""The core's own resources and kinds, told through the same hooks as everyone's."""

from starlette.routing import BaseRoute, Route

from core import CRM, Resource, hookimpl
from core import Job as Work
from core.access.pages import Pages
from core.domain import access, activities, deals, people
from core.jobs.cleaning import clean
from core.merging.gathering import gather
from core.merging.merging import GATHER
from core.models import (
    Activity,
    ApiKey,
    AuditEntry,
    Company,
    CompanyTag,
    Contact,
    ContactEmail,
    ContactPhone,
    ContactTag,
    Deal,
    DealLine,
    DealStageChange,
    DealTag,
    Job,
    LifecycleChange,
    Pipeline,
    Product,
    Role,
    RoleField,
    RoleGrant,
    Stage,
    Tag,
    Team,
    User,
)  # fmt: skip

READ_ONLY = frozenset({"read"})
EXPORT, ERASE = "privacy.export", "privacy.erase"

# What tells who a contact is, and what people write about it. Where it came from and how far it came are facts that count.
PERSONAL = frozenset(
    {
        "name", "given_name", "family_name", "job_title", "gender", "birth_date", "street", "city", "region", "postal_code", "country",
        "locale", "time_zone", "email_consent", "sms_consent", "call_consent", "description", "external_id",
    }
)  # fmt: skip


@hookimpl
def resources() -> list[Resource]:
    """Contacts, deals, activities and what belongs to them."""
    return [
        Resource(
            Contact,
            reverse={"company": "contacts", "owner": "contacts"},
            links={"tags": ContactTag},
            owned_by="owner",
            history={"lifecycle_stage": LifecycleChange},
            personal=PERSONAL,
            natural=("emails.address", "name"),
            read_only=frozenset({"merged_into"}),
            prepare=people.contacts,
            on_restore=people.restored_contact,
        ),
        Resource(
            ContactEmail,
            part_of="contact",
            reverse={"contact": "emails"},
            personal=frozenset({"address", "label"}),
            verbs=READ_ONLY,
            read_only=frozenset({"position"}),
            natural=(),
            prepare=people.emails,
        ),
        Resource(
            ContactPhone,
            part_of="contact",
            reverse={"contact": "phones"},
            personal=frozenset({"number", "label"}),
            verbs=READ_ONLY,
            read_only=frozenset({"position"}),
            natural=(),
            prepare=people.phones,
        ),
        Resource(LifecycleChange, part_of="contact", reverse={"contact": "lifecycle_changes"}, verbs=READ_ONLY, natural=()),
        Resource(
            Company,
            reverse={"owner": "companies", "parent": "subsidiaries"},
            links={"tags": CompanyTag},
            owned_by="owner",
            natural=("domain", "name"),
            prepare=people.companies,
        ),
        Resource(
            Deal,
            reverse={"contact": "deals", "company": "deals", "owner": "deals", "stage": "deals", "pipeline": "deals"},
            links={"tags": DealTag},
            owned_by="owner",
            past=frozenset({"started_at", "closed_at"}),
            history={"stage": DealStageChange},
            personal=frozenset({"title", "description", "lost_reason"}),
            natural=("title",),
            prepare=deals.deals,
        ),
        Resource(
            DealLine,
            part_of="deal",
            reverse={"deal": "lines", "product": "deal_lines"},
            verbs=READ_ONLY,
            read_only=frozenset({"position", "total"}),
            natural=(),
            prepare=deals.lines,
        ),
        Resource(DealStageChange, part_of="deal", reverse={"deal": "stage_changes"}, verbs=READ_ONLY, natural=()),
        Resource(Pipeline),
        Resource(Stage, reverse={"pipeline": "stages"}, prepare=deals.stages),
        Resource(
            Activity,
            reverse={
                "contact": "activities",
                "company": "activities",
                "deal": "activities",
                "product": "activities",
                "assignee": "activities",
            },
            owned_by="assignee",
            personal=frozenset({"subject", "body"}),
            natural=("subject",),
            prepare=activities.activities,
        ),
        Resource(Product, natural=("sku", "name"), prepare=deals.products),
        Resource(Tag),
        Resource(
            User,
            reverse={"team": "users"},
            hidden=frozenset({"password"}),
            natural=("email", "name"),
            prepare=people.users,
            on_restore=access.restored_user,
        ),
        Resource(Team, reverse={"parent": "teams"}, prepare=people.teams),
        Resource(Role, prepare=access.roles, on_delete=access.unused, on_restore=access.restored_role),
        Resource(
            RoleGrant,
            part_of="role",
            reverse={"role": "grants"},
            verbs=READ_ONLY,
            read_only=frozenset({"position"}),
            natural=(),
            prepare=access.grants,
        ),
        Resource(
            RoleField,
            part_of="role",
            reverse={"role": "fields"},
            verbs=READ_ONLY,
            read_only=frozenset({"position"}),
            natural=(),
            prepare=access.fields,
        ),
        Resource(ApiKey, verbs=READ_ONLY, hidden=frozenset({"hash", "old_hash"}), owned_by="user", natural=()),
        Resource(
            AuditEntry,
            verbs=READ_ONLY,
            hidden=frozenset({"position", "record_id", "changed"}),
            owned_by="user",
            natural=(),
            plural_name="audit_entries",
        ),
        Resource(
            Job,
            verbs=READ_ONLY,
            hidden=frozenset({"lock", "turn", "handed", "holder", "failures", "crashes"}),
            owned_by="user",
            natural=(),
        ),
    ]


@hookimpl
def jobs() -> list[Work]:
    """Every night, what is finished for long is forgotten; after a merge, what came too late is moved."""
    return [Work("jobs.clean", clean, cron="17 3 * * *"), Work(GATHER, gather)]


@hookimpl
def permissions() -> dict[str, str]:
    """What is done with keys; and what the law asks for, which is no matter of who may read and delete contacts."""
    return {
        "apiKey.create": "To make an ApiKey: for oneself with the scope `own`.",
        "apiKey.update": "To change an ApiKey, and to give it another secret.",
        "apiKey.delete": "To revoke an ApiKey.",
        EXPORT: "To export everything that is known of a contact that one may see, whatever else is hidden.",
        ERASE: "To erase a contact that one may see, for good.",
        "server.observe": "To see how the server does: /metrics, and what /readyz has found.",
    }


@hookimpl
def routes(crm: CRM) -> list[BaseRoute]:
    """The pages by which a browser signs in, unless the settings do without them."""
    if not crm.settings.sessions.enabled:
        return []
    pages = Pages(crm)
    return [
        Route("/login", pages.login, methods=["GET", "POST"]),
        Route("/logout", pages.logout, methods=["POST"]),
        Route("/session", pages.session),
    ]


@hookimpl
def activity_kinds() -> dict[str, str]:
    """Note, call, meeting, e-mail, task."""
    return activities.KINDS

"""What the fields of webhooks answer."""

from enum import Enum

import strawberry

from core import Conflict, Invalid, NotFound, Refused
from core.models import Job
from plugins.webhooks.models import WebhookDelivery, WebhookEndpoint


@strawberry.enum(description="Why something was not done about a webhook.")
class WebhooksErrorCode(Enum):
    """The codes of this plugin's user errors."""

    WEBHOOKS_INVALID = strawberry.enum_value("WEBHOOKS_INVALID", description="A value breaks a rule; the message says which.")
    WEBHOOKS_NOT_FOUND = strawberry.enum_value("WEBHOOKS_NOT_FOUND", description="It is not there, or not for you.")
    WEBHOOKS_CONFLICT = strawberry.enum_value("WEBHOOKS_CONFLICT", description="It cannot be done in the state in which it is.")
    WEBHOOKS_REFUSED = strawberry.enum_value("WEBHOOKS_REFUSED", description="You may not do this; the message says why.")


@strawberry.type(description="Something that the user can mend.")
class WebhooksUserError:
    """A user error of this plugin."""

    field: list[str] | None = strawberry.field(description="The path to the value that is to blame; null when there is none.")
    code: WebhooksErrorCode = strawberry.field(description="The reason, for programs.")
    message: str = strawberry.field(description="The reason, for developers.")


Problems = list[WebhooksUserError]
MENDED = "What the user can mend; empty when all went well."


@strawberry.type
class _Changed:
    webhook_endpoint: WebhookEndpoint | None = strawberry.field(description="The endpoint; null when it was refused.")
    user_errors: Problems = strawberry.field(description=MENDED)


@strawberry.type(description="What came of webhookEndpointEnable.")
class WebhookEndpointEnablePayload(_Changed):
    """The payload of webhookEndpointEnable."""


@strawberry.type(description="What came of webhookEndpointDisable.")
class WebhookEndpointDisablePayload(_Changed):
    """The payload of webhookEndpointDisable."""


@strawberry.type(description="What came of webhookEndpointRotateSecret. The new secret is the `secret` of the endpoint, this once.")
class WebhookEndpointRotateSecretPayload(_Changed):
    """The payload of webhookEndpointRotateSecret."""


@strawberry.type(description="What an endpoint said to a test.")
class WebhookTest:
    """What came of the one try."""

    delivered: bool = strawberry.field(description="Whether it has said 2xx.")
    status: int | None = strawberry.field(description="The HTTP status; null when there was no answer.")
    answer: str | None = strawberry.field(description="How the answer began, unless it was 2xx.")
    error: str | None = strawberry.field(description="What went wrong, in words; null when nothing did.")
    duration: int = strawberry.field(description="How long it took, in milliseconds.")


@strawberry.type(description="What came of webhookEndpointTest.")
class WebhookEndpointTestPayload:
    """The payload of webhookEndpointTest."""

    test: WebhookTest | None = strawberry.field(description="What the endpoint said; null when nothing was sent.")
    user_errors: Problems = strawberry.field(description=MENDED)


@strawberry.type(description="What came of webhookReplay.")
class WebhookReplayPayload:
    """The payload of webhookReplay."""

    job: Job | None = strawberry.field(description="The job that has the events sent; its result says how many. Null when it was refused.")
    user_errors: Problems = strawberry.field(description=MENDED)


@strawberry.type(description="What came of webhookDeliveryReplay.")
class WebhookDeliveryReplayPayload:
    """The payload of webhookDeliveryReplay."""

    webhook_delivery: WebhookDelivery | None = strawberry.field(description="The new delivery; null when it was refused.")
    user_errors: Problems = strawberry.field(description=MENDED)


@strawberry.type(description="What would be sent of an event now.")
class WebhookPreview:
    """A message that is not sent."""

    body: str = strawberry.field(description="The body of the request, which is JSON.")


def problems(refused: Refused) -> Problems:
    """A refusal as user errors."""
    if isinstance(refused, Invalid):
        invalid = WebhooksErrorCode.WEBHOOKS_INVALID
        return [WebhooksUserError(field=[_camel(name)], code=invalid, message=why) for name, why in refused.fields.items()]
    code = WebhooksErrorCode.WEBHOOKS_REFUSED
    if isinstance(refused, NotFound):
        code = WebhooksErrorCode.WEBHOOKS_NOT_FOUND
    elif isinstance(refused, Conflict):
        code = WebhooksErrorCode.WEBHOOKS_CONFLICT
    return [WebhooksUserError(field=None, code=code, message=str(refused))]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))

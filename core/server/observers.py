"""Who may see how the server does."""

from starlette.requests import Request

from core.auth import authenticate
from core.crm import CRM
from core.errors import Forbidden
from core.permissions import may

OBSERVE = "server.observe"


async def demand_observer(crm: CRM, request: Request) -> None:
    """Raise Unauthenticated or Forbidden, unless the one who asks may see how the server does."""
    if not may(crm, await authenticate(crm, request), OBSERVE):
        raise Forbidden(f"the permission {OBSERVE} is needed")

"""A route: the notes of a contact as plain text, for whoever may see them."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from acme_notes.models import Note
from core import CRM, Call, NotFound, authenticate, key_of, visible
from core.models import Contact


class NotesAsText:
    """GET /notes/contact_....txt, with a key like every request."""

    def __init__(self, crm: CRM) -> None:
        self.crm = crm

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a line for each note, oldest first."""
        request = Request(scope, receive)
        call = Call(self.crm, await authenticate(self.crm, request))
        key = key_of(call, Contact, request.path_params["contact"])
        if not await visible(call, Contact).filter(id=key).exists():
            raise NotFound("there is no Contact with this id")
        texts = await visible(call, Note).filter(contact_id=key).order_by("made_at", "id").values_list("text", flat=True)
        await PlainTextResponse("".join(f"{text}\n" for text in texts))(scope, receive, send)

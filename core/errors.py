"""The ways in which a request can be refused, and a start can be stopped.

Refused
├── NotFound      the record is not there, or not for this actor
├── Forbidden     the actor may not do this at all
├── Conflict      someone else was first
├── Invalid       the input breaks a rule; says which field and why
├── RateLimited   the client has asked for too much in too short a time
├── Unavailable   somebody else, who is needed, does not answer
└── Unauthenticated   nobody knows who asks
    └── LockedOut     and that too often from one address
StartError        settings, plugins or database do not allow a start
"""


class Refused(Exception):
    """A refusal that a client may read. Plugins may subclass it with a prefixed code of their own."""

    code = "BAD_USER_INPUT"
    status = 400


class NotFound(Refused):
    """The record does not exist, or the actor may not see it: the two look alike on purpose."""

    code, status = "NOT_FOUND", 404


class Forbidden(Refused):
    """The actor lacks a permission."""

    code, status = "FORBIDDEN", 403


class Unauthenticated(Refused):
    """No valid key came with the request."""

    code, status = "UNAUTHENTICATED", 401


class Later(Refused):
    """What is refused now may be asked for again in so many seconds."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class LockedOut(Later, Unauthenticated):
    """Too many requests without a valid key came from one address; another may be tried in so many seconds."""

    code, status = "RATE_LIMITED", 429


class RateLimited(Later):
    """The client has used up what it may ask for in a minute; there is more in so many seconds."""

    code, status = "RATE_LIMITED", 429


class Unavailable(Later):
    """What the answer depends on does not answer itself; it may in so many seconds."""

    code, status = "UNAVAILABLE", 503


class Conflict(Refused):
    """The record changed, or a unique value is taken. `field` names the column when one is to blame."""

    code, status = "CONFLICT", 409

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Invalid(Refused):
    """Input that breaks a rule: `Invalid(birth_date="lies in the future")`.

    `fields` maps the path of a field (snake_case, dots between its steps: `lines.0.quantity`) to the reason.
    """

    code, status = "BAD_USER_INPUT", 422

    def __init__(self, fields: dict[str, str] | None = None, /, **named: str) -> None:
        self.fields = {**(fields or {}), **named}
        super().__init__("; ".join(f"{name}: {why}" for name, why in self.fields.items()))


class StartError(Exception):
    """The server cannot start; the message is one sentence that names the place and the way out."""

"""The standard mutations of a resource."""

import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from enum import Enum
from typing import Annotated, Any, Optional

import strawberry
from strawberry.types.field import StrawberryField

from core.crm import CRM, Call
from core.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from core.events import transaction
from core.naming import camel
from core.records import ids, store
from core.records.ending import Ending
from core.resources import CREATE, DELETE, UPDATE, Resource
from schema.inputs import Inputs, drop, plain, to_values
from schema.make import Book, described
from schema.readpath.reads import Writes, marked
from schema.readpath.written import Asked, at_the_end, read_back


class UserErrorCode(Enum):
    """Why an input was refused.

    INVALID: The value breaks a rule; the message says which.
    NOT_FOUND: The record is not there, or not for you.
    TAKEN: Another record has this value, which must be unique.
    CONFLICT: The record has changed or is still needed; read it again.
    REFUSED: A plugin refuses this change; the message says why.
    """

    INVALID = "INVALID"
    NOT_FOUND = "NOT_FOUND"
    TAKEN = "TAKEN"
    CONFLICT = "CONFLICT"
    REFUSED = "REFUSED"


described(UserErrorCode)


@strawberry.type(description="Something that the user can mend.")
class UserError:
    """One reason why an input was refused."""

    field: list[str] | None = strawberry.field(
        description="The path to the value, from the argument on; null when no single value is to blame."
    )
    code: UserErrorCode = strawberry.field(description="The reason, for programs.")
    message: str = strawberry.field(description="The reason, for developers.")
    plugin_code: str | None = strawberry.field(
        default=None, description="With REFUSED, the reason in the words of the plugin that refused: `NOTES_TOO_MANY`."
    )


class ErrorPolicy(Enum):
    """What a bulk mutation does when a row is refused.

    REJECT_EVERYTHING: Nothing is written.
    REJECT_FAILED_ROWS: The other rows are written.
    """

    REJECT_EVERYTHING = "REJECT_EVERYTHING"
    REJECT_FAILED_ROWS = "REJECT_FAILED_ROWS"


described(ErrorPolicy)

POLICY = Annotated[ErrorPolicy, strawberry.argument(description="What to do when a row is refused.")]
VERSION = Annotated[Optional[int], strawberry.argument(description="Refuse with CONFLICT when the record has another version.")]  # noqa: UP045  # as the others


def user_errors(refused: Refused, *prefix: str, row: tuple[str, ...] = (), key: str | None = "id") -> list[UserError]:
    """What an input was refused for, under the path of its argument. Forbidden is no user error and is raised again.

    `row` is the path to the row of many that was refused, and `key` the name of its id in it.
    """
    match refused:
        case Forbidden():
            raise refused
        case Invalid():
            return [
                UserError(field=[*prefix, *map(camel, path.split("."))], code=UserErrorCode.INVALID, message=why)
                for path, why in refused.fields.items()
            ]
        case NotFound():
            return [UserError(field=[*row, key] if key else [*row], code=UserErrorCode.NOT_FOUND, message=str(refused))]
        case Conflict(field="expected_version"):
            return [UserError(field=[*row, "expectedVersion"], code=UserErrorCode.CONFLICT, message=str(refused))]
        case Conflict(field=str() as field):
            return [UserError(field=[*prefix, camel(field)], code=UserErrorCode.TAKEN, message=str(refused))]
        case Conflict():
            return [UserError(field=None, code=UserErrorCode.CONFLICT, message=str(refused))]
    return [UserError(field=None, code=UserErrorCode.REFUSED, message=str(refused), plugin_code=refused.code)]


class Mutations:
    """The fields of the root type Mutation."""

    def __init__(self, crm: CRM, book: Book, inputs: Inputs) -> None:
        self.crm, self.book, self.inputs = crm, book, inputs

    def fields(self) -> list[StrawberryField]:
        """The mutations of every resource, by its verbs."""
        return [_marked(field) for resource in self.crm.resources for field in self._of(resource)]

    def _of(self, resource: Resource) -> list[StrawberryField]:
        made: list[StrawberryField] = []
        if CREATE in resource.verbs:
            made += [self._create(resource), self._bulk_create(resource)]
        if UPDATE in resource.verbs:
            made += [self._update(resource), self._bulk_update(resource)]
        if {CREATE, UPDATE} <= resource.verbs and resource.synced:
            made.append(self._upsert(resource))
        if DELETE in resource.verbs:
            made += [self._delete(resource), self._bulk_delete(resource)]
            made += [self._restore(resource)] if resource.soft else []
        return made

    def _create(self, resource: Resource) -> StrawberryField:
        async def resolve(info: strawberry.Info, input: Any) -> Any:
            ending = at_the_end(info, resource, (resource.key,))
            return await _answer(info, payload, "input", lambda: _create(info.context, resource, input, ending), ending)

        payload = self._payload(resource, "Create")
        resolve.__annotations__ |= {"input": _input(self.inputs.values(resource, partial=False), "The values."), "return": payload}
        return self.book.field(f"{resource.snake}_create", payload, f"Make a {resource.name}.", resolve)

    def _update(self, resource: Resource) -> StrawberryField:
        async def resolve(info: strawberry.Info, id: Any, input: Any, expected_version: Any = None) -> Any:
            return await _answer(info, payload, "input", lambda: _update(info.context, resource, id, input, expected_version))

        payload = self._payload(resource, "Update")
        resolve.__annotations__ |= {
            "id": _id(resource),
            "input": _input(self.inputs.values(resource, partial=True), "What to change."),
            "expected_version": VERSION,
            "return": payload,
        }
        _versioned(resource, resolve)
        return self.book.field(f"{resource.snake}_update", payload, f"Change a {resource.name}; fields that are left out stay.", resolve)

    def _upsert(self, resource: Resource) -> StrawberryField:
        async def resolve(info: strawberry.Info, external_id: str, input: Any, external_source: str = "") -> Any:
            call = info.context
            created: list[bool] = []

            async def work() -> Any:
                record, new = await store.upsert(call, resource, external_id, to_values(call.crm, resource, input), external_source)
                created.append(new)
                return record

            answer = await _upserted(info, payload, work)
            answer.created = created[0] if created else None
            for error in answer.user_errors:
                if error.field and error.field[-1] in ("externalId", "externalSource"):
                    del error.field[0]  # they are arguments of their own
            return answer

        extra = self.book.field("created", Optional[bool], "True when it was made, false when it was there; null when it was refused.")  # noqa: UP045  # as the others
        payload = self._payload(resource, "Upsert", extra)
        resolve.__annotations__ |= {
            "external_id": Annotated[str, strawberry.argument(description="The id of the record in the other system.")],
            "external_source": Annotated[str, strawberry.argument(description="The other system; empty when there is only one.")],
            "input": _input(self.inputs.values(resource, partial=False), "The values."),
            "return": payload,
        }
        return self.book.field(
            f"{resource.snake}_upsert", payload, f"Change the {resource.name} that another system knows by this id, or make it.", resolve
        )

    def _delete(self, resource: Resource) -> StrawberryField:
        async def resolve(info: strawberry.Info, id: Any, expected_version: Any = None) -> Any:
            return await _answer(info, payload, "id", lambda: store.delete(info.context, resource, _key(resource, id), expected_version))

        payload = self._payload(resource, "Delete")
        resolve.__annotations__ |= {"id": _id(resource), "expected_version": VERSION, "return": payload}
        _versioned(resource, resolve)
        what = (
            f"Delete a {resource.name}; `{camel(resource.snake)}Restore` brings it back."
            if resource.soft
            else f"Delete a {resource.name} for good."
        )
        return self.book.field(f"{resource.snake}_delete", payload, what, resolve)

    def _restore(self, resource: Resource) -> StrawberryField:
        async def resolve(info: strawberry.Info, id: Any) -> Any:
            return await _answer(info, payload, "id", lambda: store.restore(info.context, resource, _key(resource, id)))

        payload = self._payload(resource, "Restore")
        resolve.__annotations__ |= {"id": _id(resource), "return": payload}
        return self.book.field(f"{resource.snake}_restore", payload, f"Bring a deleted {resource.name} back.", resolve)

    def _bulk_create(self, resource: Resource) -> StrawberryField:
        async def resolve(info: strawberry.Info, inputs: Any, error_policy: Any = ErrorPolicy.REJECT_EVERYTHING) -> Any:
            call = info.context
            works = [lambda one=one: _create(call, resource, one) for one in inputs]
            return await self._bulk(payload, info, resource, "inputs", works, error_policy)

        payload = self._bulk_payload(resource, "Create")
        kind = self.inputs.values(resource, partial=False)
        resolve.__annotations__ |= {"inputs": _input(list[kind], "The values of each."), "error_policy": POLICY, "return": payload}
        return self.book.field(f"{resource.snake}_bulk_create", payload, f"Make several of {resource.name} in one transaction.", resolve)

    def _bulk_update(self, resource: Resource) -> StrawberryField:
        async def resolve(info: strawberry.Info, inputs: Any, error_policy: Any = ErrorPolicy.REJECT_EVERYTHING) -> Any:
            call = info.context
            works = [lambda one=one: _update(call, resource, one["id"], one["input"], one.get("expected_version")) for one in plain(inputs)]
            first = _locking(call, resource, [one["id"] for one in plain(inputs)], UPDATE)
            return await self._bulk(payload, info, resource, "inputs", works, error_policy, "input", first=first)

        payload = self._bulk_payload(resource, "Update")
        members = [
            self.book.member("id", strawberry.ID, f"Global id of a {resource.name}.", required=True),
            *(
                [self.book.member("expected_version", int, "Refuse with CONFLICT when the record has another version.")]
                if resource.versioned
                else []
            ),
            self.book.member("input", self.inputs.values(resource, partial=True), "What to change.", required=True),
        ]
        row = self.book.add(f"{resource.name}BulkUpdateInput", members, f"A {resource.name} and what to change in it.", is_input=True)
        resolve.__annotations__ |= {"inputs": _input(list[row], "What to change where."), "error_policy": POLICY, "return": payload}
        return self.book.field(f"{resource.snake}_bulk_update", payload, f"Change several of {resource.name} in one transaction.", resolve)

    def _bulk_delete(self, resource: Resource) -> StrawberryField:
        async def resolve(info: strawberry.Info, ids: Any, error_policy: Any = ErrorPolicy.REJECT_EVERYTHING) -> Any:
            works = [lambda one=one: _delete(info.context, resource, one) for one in ids]
            first = _locking(info.context, resource, ids, DELETE)
            return await self._bulk(payload, info, resource, "ids", works, error_policy, first=first, key=None)

        payload = self._bulk_payload(resource, "Delete")
        resolve.__annotations__ |= {
            "ids": _input(list[strawberry.ID], f"Global ids of {resource.name}."),
            "error_policy": POLICY,
            "return": payload,
        }
        return self.book.field(f"{resource.snake}_bulk_delete", payload, f"Delete several of {resource.name} in one transaction.", resolve)

    async def _bulk(
        self,
        payload: Any,
        info: strawberry.Info | Asked,
        resource: Resource,
        name: str,
        works: list[Any],
        policy: ErrorPolicy,
        *inner: str,
        first: Any = None,
        key: str | None = "id",
    ) -> Any:
        call, limit = info.context, self.crm.settings.limits.bulk
        if len(works) > limit:
            problem = UserError(
                field=[name], code=UserErrorCode.INVALID, message=f"has {len(works)} rows, at most {limit} are possible; send them in parts"
            )
            return payload(results=[], user_errors=[problem])
        row = payload.row

        async def shown(records: list[Any]) -> list[Any]:
            return await read_back(info, resource, ("results", "node"), records)

        done = await store.each(call, works, all_or_none=policy is ErrorPolicy.REJECT_EVERYTHING, first=first, last=shown)
        results = []
        for index, (record, refused) in enumerate(done):
            place = (name, str(index))
            errors = user_errors(refused, *place, *inner, row=place, key=key) if refused else []
            results.append(row(index=index, node=record, user_errors=errors))
        return payload(results=results, user_errors=[])

    def _payload(self, resource: Resource, verb: str, *extra: StrawberryField) -> Any:
        fields = [
            self.book.field(resource.snake, resource.model | None, f"The {resource.name}; null when it was refused."),
            *extra,
            self.book.field("user_errors", list[UserError], "What the user can mend; empty when all went well."),
        ]
        made: Any = self.book.add(f"{resource.name}{verb}Payload", fields, f"What came of {camel(resource.snake)}{verb}.")
        made.resource = resource
        return made

    def _bulk_payload(self, resource: Resource, verb: str) -> Any:
        row = self.book.add(
            f"{resource.name}Bulk{verb}Result",
            [
                self.book.field("index", int, "The place of the row in the input, from 0."),
                self.book.field("node", resource.model | None, f"The {resource.name}; null when nothing was written."),
                self.book.field("user_errors", list[UserError], "What the user can mend in this row."),
            ],
            "What came of one row.",
        )
        fields = [
            self.book.field("results", list[row], "What came of each row, in the order of the input."),
            self.book.field("user_errors", list[UserError], "What is wrong with the input as a whole."),
        ]
        made: Any = self.book.add(f"{resource.name}Bulk{verb}Payload", fields, f"What came of {camel(resource.snake)}Bulk{verb}.")
        made.row = row
        return made


def _marked(field: StrawberryField) -> StrawberryField:
    """The field, with the function that answers it."""
    assert field.base_resolver
    answer: Any = field.base_resolver.wrapped_func
    return marked(field, Writes(answer))


async def _answer(
    info: strawberry.Info | Asked, payload: Any, prefix: str, work: Callable[[], Coroutine[Any, Any, Any]], ending: Ending | None = None
) -> Any:
    try:
        async with transaction(info.context):
            shown = await read_back(info, payload.resource, (payload.resource.key,), [await work()], ending)
    except Refused as refused:
        return payload(**{payload.resource.snake: None, "user_errors": user_errors(refused, prefix)}, **_extra(payload))
    return payload(**{payload.resource.snake: shown[0], "user_errors": []}, **_extra(payload))


async def _upserted(info: strawberry.Info | Asked, payload: Any, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """The answer of an upsert; once more when another made the record at the same moment."""
    answer = await _answer(info, payload, "input", work)
    lost = any(error.code is UserErrorCode.TAKEN and error.field and error.field[-1] == "externalId" for error in answer.user_errors)
    return await _answer(info, payload, "input", work) if lost else answer


def _extra(payload: Any) -> dict[str, Any]:
    return {"created": None} if any(one.python_name == "created" for one in payload.__strawberry_definition__.fields) else {}


def _versioned(resource: Resource, resolve: Any) -> None:
    if not resource.versioned:
        drop(resolve, "expected_version")


async def _create(call: Call, resource: Resource, given: Any, ending: Ending | None = None) -> Any:
    return await store.create(call, resource, to_values(call.crm, resource, given), ending)


async def _update(call: Call, resource: Resource, id: str, given: Any, expected: int | None) -> Any:
    return await store.update(call, resource, _key(resource, id), to_values(call.crm, resource, given), expected)


async def _delete(call: Call, resource: Resource, id: str) -> Any:
    return await store.delete(call, resource, _key(resource, id))


def _locking(call: Call, resource: Resource, wanted: list[str], verb: str) -> Callable[[], Coroutine[Any, Any, None]]:
    """What locks the records with these ids, as far as they are ids."""
    keys = []
    for one in wanted:
        with suppress(Invalid):
            keys.append(ids.decode(resource, one))
    return lambda: store.lock(call, resource, keys, verb)


def _key(resource: Resource, id: str) -> uuid.UUID:
    try:
        return ids.decode(resource, id)
    except Invalid as error:
        raise NotFound(f"the id {error.fields['id']}") from None


def _id(resource: Resource) -> Any:
    return Annotated[strawberry.ID, strawberry.argument(description=f"Global id of a {resource.name}.")]


def _input(kind: Any, description: str) -> Any:
    return Annotated[kind, strawberry.argument(description=description)]

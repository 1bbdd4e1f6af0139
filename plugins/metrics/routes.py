"""Pictures by address: GET /plugins/metrics/winRate.svg?period=MONTH&locale=fa"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from core import CRM, Call, NotFound, Refused, ask, authenticate
from plugins.metrics.declaring import Metric
from plugins.metrics.fields import grouping_name
from plugins.metrics.registry import registered

PATH = "/plugins/metrics/{metric}.svg"
OF_METRICS = {
    "period": "Period", "from": "Date", "to": "Date", "calendar": "Calendar", "timeZone": "String", "currency": "String",
}  # fmt: skip
OF_TABLES = {"width": "Int", "locale": "String", "title": "String"}
OF_PICTURES = {**OF_TABLES, "previous": "Boolean"}
STATUS = {"FORBIDDEN": 403, "NOT_FOUND": 404, "CONFLICT": 409, "RATE_LIMITED": 429, "INTERNAL_SERVER_ERROR": 500, "UNAVAILABLE": 503}
LONGEST = 4_000  # characters of a parameter
# A picture needs nothing from anywhere, and is no page: no script, no style, no frame, no form.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
    "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Vary": "Authorization, Cookie",
}  # fmt: skip


class Told(Refused):
    """What the query for the figures was answered with, as the status of the picture."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code, self.status = code, STATUS.get(code, 400)


@dataclass(frozen=True)
class Pictured:
    """A field of Query that has `svg`: its name, and the types of the arguments of both, by which parameters are read."""

    field: str
    arguments: Mapping[str, str]
    of_svg: Mapping[str, str]

    @classmethod
    def of(cls, metric: Metric) -> "Pictured":
        """That of a metric."""
        grouping = grouping_name(metric)
        by = {"groupBy": f"[{grouping}!]"} if grouping else {}
        return cls(metric.name, {"where": f"{metric.of.__name__}Filter", **by, **OF_METRICS}, OF_PICTURES)

    def document(self, given: Mapping[str, Any]) -> str:
        """The query for the picture, with a variable for each parameter that is given."""
        types = {**self.arguments, **self.of_svg}
        declared = ", ".join(f"${name}: {types[name]}" for name in given)
        figures, picture = (_list(_passed(some, given)) for some in (self.arguments, self.of_svg))
        return f"query {_list(declared)} {{ picture: {self.field}{figures} {{ svg{picture} }} }}"


TABLES = {
    "cohorts": {
        "definition": "MetricsRetention", "columns": "Int", "days": "Int", "customer": "MetricsCustomer", "where": "DealFilter",
        "groupBy": "MetricsEventDimension", "period": "Period", "from": "Date", "to": "Date", "calendar": "Calendar", "timeZone": "String",
    },
    "stageConversion": {
        "pipelineId": "ID", "where": "DealFilter", "from": "Date", "to": "Date", "calendar": "Calendar", "timeZone": "String",
    },
}  # fmt: skip


class Pictures:
    """The route of one house. Who asks is known as everywhere, and sees no more than by the query that the picture is of."""

    def __init__(self, crm: CRM) -> None:
        self.crm = crm

    async def show(self, request: Request) -> Response:
        """The picture. Raises Unauthenticated, NotFound, and what the query is refused with."""
        actor = await authenticate(self.crm, request)
        self.crm.rates.meter(actor).ask()
        pictured = self._pictured(request.path_params["metric"])
        given = parameters(request, {**pictured.arguments, **pictured.of_svg})
        answer = await ask(Call(self.crm, actor), pictured.document(given), given)
        for error in answer.get("errors", ()):
            raise Told(error["message"], error["extensions"]["code"])
        return Response(answer["data"]["picture"]["svg"], media_type="image/svg+xml", headers=HEADERS)

    def _pictured(self, name: str) -> Pictured:
        if name in TABLES:
            return Pictured(name, TABLES[name], OF_TABLES)
        if metric := registered(self.crm).get(name):
            return Pictured.of(metric)
        known = ", ".join(sorted([*TABLES, *registered(self.crm)]))
        raise NotFound(f"there is no picture of '{name[:40]}'; there are {known}")


def routes(crm: CRM) -> list[BaseRoute]:
    """The address of pictures."""
    return [Route(PATH, Pictures(crm).show, methods=["GET"])]


def parameters(request: Request, types: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of an address as values of these types. Raises Refused; what is of the right shape may still be refused later."""
    found: dict[str, Any] = {}
    for name in request.query_params:
        if name not in types:
            raise Refused(f"{name[:40]}: is no parameter here; there are {', '.join(types)}")
        texts = request.query_params.getlist(name)
        if any(len(text) > LONGEST for text in texts):
            raise Refused(f"{name}: has more than {LONGEST} characters")
        if types[name].startswith("["):
            found[name] = [one for text in texts for one in text.split(",")]
        elif len(texts) > 1:
            raise Refused(f"{name}: is there twice")
        else:
            found[name] = _value(name, types[name], texts[0])
    return found


def _value(name: str, kind: str, text: str) -> Any:
    if kind == "Int":
        if not text.isascii() or not text.isdecimal():
            raise Refused(f"{name}: must be a whole number")
        return int(text)
    if kind == "Boolean":
        if text not in ("true", "false"):
            raise Refused(f"{name}: must be true or false")
        return text == "true"
    if kind.endswith("Filter"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise Refused(f"{name}: must be an object of JSON, in the words of the filter") from None
    return text


def _passed(arguments: Mapping[str, str], given: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: ${name}" for name in arguments if name in given)


def _list(inner: str) -> str:
    return f"({inner})" if inner else ""

"""/metrics: what is counted, who may see it, and what plugins add."""

import asyncio
import re
import time
from datetime import timedelta

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from core.counts import MOST_CODES, Counts
from core.crm import CRM
from core.errors import StartError
from core.fields import now
from core.measures import Measure
from core.models import ConsumerState
from core.models import Job as JobRow
from core.server.figures import FRESH
from tests.house import House, Houses
from tests.packages import Packages
from tests.shell import Server

ACME = """
from core import Measure, hookimpl

@hookimpl
def metrics(crm):
    async def waiting():
        return {("high",): 3, ("low",): 4}
    async def sent():
        return 7
    async def broken():
        raise KeyError("/etc/secret")
    async def many():
        return {(str(number),): number for number in range(101)}
    return [
        Measure("mails_waiting", "Mails that wait.", waiting, ("priority",)), Measure("mails_sent", "Mails sent.", sent, kind="counter"),
        Measure("broken", "Fails.", broken), Measure("many", "Too many.", many, ("id",)),
    ]
"""


async def figures(house: House) -> dict[str, float]:
    """All samples, as the text format names them."""
    response = await house.client.get("/metrics")
    assert response.status_code == 200
    return read(response.text)


def read(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for family in prometheus(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def test_operations_answers_and_events_are_counted(house: House):
    before = await figures(house)
    await house.make("Contact", name="Ada")
    await house.ask("{ contacts { nodes { name } } }")
    await house.ask("{ __schema { queryType { name } } }")
    await house.answer("{ nothing }")
    await house.answer("{ contacts {")
    await house.client.get("/acme")
    await house.client.get("/graphql?query={__typename}", headers={"Authorization": "Bearer pvk_no_no"})
    after = await figures(house)
    grown = {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}
    assert grown["payvand_operations_total{code=OK,road=compiled,type=query}"] == 1
    assert grown["payvand_operations_total{code=OK,road=resolved,type=query}"] == 1
    assert grown["payvand_operations_total{code=OK,road=compiled,type=mutation}"] == 1
    assert grown["payvand_operations_total{code=GRAPHQL_VALIDATION_FAILED,road=none,type=none}"] == 1
    assert grown["payvand_operations_total{code=GRAPHQL_PARSE_FAILED,road=none,type=none}"] == 1
    assert grown["payvand_operation_seconds_count{type=query}"] == 2
    assert grown["payvand_operation_seconds_bucket{le=+Inf,type=query}"] == 2
    assert grown["payvand_http_answers_total{path=/graphql,status=401}"] == 1
    assert grown["payvand_http_answers_total{path=other,status=404}"] == 1
    assert grown["payvand_events_total"] >= 1
    assert sum(value for name, value in grown.items() if name.startswith("payvand_statements_total")) >= 2
    assert [value for name, value in after.items() if name.startswith("payvand_build_info{")] == [1]
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "payvand_websockets"):
        assert name in after


async def test_a_refusal_of_a_field_is_counted_by_its_code(house: House):
    nobody = await house.as_("owner")
    await nobody.answer("{ users { nodes { name } } }")
    await house.answer('{ node(id: "contact_01900000-0000-7000-8000-000000000000") { id } }')
    codes = {name for name in await figures(house) if name.startswith("payvand_operations_total")}
    assert all(re.fullmatch(r"payvand_operations_total\{code=[A-Z_]+,road=\w+,type=\w+\}", name) for name in codes)


async def test_both_formats_are_spoken_and_hold_nothing_personal(house: House):
    contact = await house.make("Contact", name="Shirin Farhadi")
    await house.ask("query ($id: ID!) { contact(id: $id) { name } }", id=contact.id)
    plain = await house.client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert plain.headers["cache-control"] == "no-store"
    other = await house.client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert other.headers["content-type"].startswith("application/openmetrics-text")
    assert {family.name for family in openmetrics(other.text)} >= {"payvand_operations", "payvand_operation_seconds"}
    for text in (plain.text, other.text):
        assert "Shirin" not in text
        assert contact.id not in text


async def test_only_a_key_with_the_permission_may_look(houses: Houses):
    async with houses(roles={"monitor": {"server.observe": "all"}, "other": {"contact.read": "all"}}) as house:
        anonymous = httpx.AsyncClient(transport=httpx.ASGITransport(house.app), base_url="http://house")
        assert (await anonymous.get("/metrics")).status_code == 401
        assert (await (await house.as_("other")).client.get("/metrics")).status_code == 403
        assert (await (await house.as_("monitor")).client.get("/metrics")).status_code == 200
    async with houses(server={"metrics": "open"}) as house:
        anonymous = httpx.AsyncClient(transport=httpx.ASGITransport(house.app), base_url="http://house")
        assert (await anonymous.get("/metrics")).status_code == 200
    async with houses(server={"metrics": "off"}) as house:
        assert (await house.client.get("/metrics")).status_code == 404
    with pytest.raises(StartError, match="metrics is off, open or key, not 'on'"):
        async with houses(server={"metrics": "on"}):
            pass


async def test_plugins_add_figures_and_one_that_fails_hides_no_other(houses: Houses, plugin: Packages, caplog: pytest.LogCaptureFixture):
    plugin("acme", ACME)
    async with houses("acme") as house:
        found = await figures(house)
    assert found["payvand_acme_mails_waiting{priority=high}"] == 3
    assert found["payvand_acme_mails_waiting{priority=low}"] == 4
    assert found["payvand_acme_mails_sent_total"] == 7
    assert not [name for name in found if "broken" in name or "many" in name]
    assert {one.getMessage() for one in caplog.records if one.levelname == "ERROR"} == {
        "plugin 'acme' failed to say its measure broken",
        "plugin 'acme' failed to say its measure many",
    }


@pytest.mark.parametrize(
    ("measure", "reason"),
    [('Measure("Big", "", None)', "small letters"), ("print", "list of Measure"), ('*[Measure("a", "", None)] * 2', "twice")],
)
async def test_a_measure_that_cannot_be_shown_stops_the_start(houses: Houses, plugin: Packages, measure: str, reason: str):
    plugin("acme", f"from core import Measure, hookimpl\n@hookimpl\ndef metrics(crm):\n    return [{measure}]\n")
    with pytest.raises(StartError, match=f"plugin 'acme'.*{reason}"):
        async with houses("acme"):
            pass


async def test_jobs_and_consumers_have_figures(house: House):
    found = await figures(house)
    assert [found[f"payvand_jobs{{state={name}}}"] for name in ("queued", "running", "dead")] == [0, 0, 0]
    assert found["payvand_jobs_late_seconds"] == 0
    await JobRow.create(name="acme.nightly", queue="acme", requested_by="system", run_at=now() - timedelta(hours=1))
    await ConsumerState.create(name="acme.points", plugin="acme", position=0)
    await house.make("Contact", name="Ada")
    await asyncio.sleep(FRESH + 0.1)
    found = await figures(house)
    assert found["payvand_jobs{state=queued}"] == 1
    assert 3600 <= found["payvand_jobs_late_seconds"] < 3700
    assert found["payvand_consumer_waiting_events{consumer=acme.points}"] >= 1


async def test_two_houses_count_apart(houses: Houses):
    async with houses() as first, houses() as second:
        crm: CRM = first.crm

        async def ten() -> float:
            return 10

        crm.measure(Measure("consumer_lag_seconds", "How far behind.", ten))
        await first.make("Contact", name="Ada")
        one, other = await figures(first), await figures(second)
    assert one["payvand_consumer_lag_seconds"] == 10
    assert "payvand_consumer_lag_seconds" not in other
    assert (one["payvand_events_total"], other["payvand_events_total"]) == (1, 0)


def test_requests_over_the_wire_are_counted_once_and_sockets_while_they_are_open(server: Server):
    key = server.shell("keys", "create", "--name", "monitor", "--role", "admin").well().out.strip()
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=server.url, headers=headers) as client:
        for _ in range(5):
            assert client.post("/graphql", json={"query": "{ __typename }"}).status_code == 200
        with connect(f"{server.url.replace('http', 'ws')}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]):
            assert read(client.get("/metrics").text)["payvand_websockets"] == 1
        time.sleep(0.5)
        found = read(client.get("/metrics").text)
    assert found["payvand_http_answers_total{path=/graphql,status=200}"] == 5
    assert found["payvand_operations_total{code=OK,road=compiled,type=query}"] == 5
    assert found["payvand_websockets"] == 0


def test_codes_that_are_made_up_fill_no_memory():
    counts = Counts()
    for number in range(2 * MOST_CODES):
        counts.operation("none", "none", f"CODE_{number}").add(0.0)
    assert len(counts.operations) == MOST_CODES + 1
    assert sum(sum(one.counts) for one in counts.operations.values()) == 2 * MOST_CODES

"""Webhooks, through the public door: what happens arrives, signed, as it was asked for, and with the rights of who asked."""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from core.fields import now
from core.jobs.asking import enqueue
from core.jobs.trying import do_all
from core.permissions import SYSTEM
from core.tail.consuming import consuming
from tests.house import Asker, House, Standing
from tests.receiving import Receiver, receiving

WEBHOOKS = {"allow_http": True, "allow_addresses": ["127.0.0.1/32"], "timeout": 2}
CREATE = """mutation ($input: WebhookEndpointCreateInput!) {
    webhookEndpointCreate(input: $input) { webhookEndpoint { id secret state } userErrors { field code message } } }"""
DELIVERIES = """{ webhookDeliveries { nodes {
    id eventId name recordId state attempts status answer error replay deliveredAt endpoint { id } } } }"""

pytestmark = [pytest.mark.plugins("webhooks"), pytest.mark.settings(plugins={"webhooks": WEBHOOKS})]


@pytest.fixture
async def house(house: House) -> House:
    """A house whose consumer begins here, so that it misses nothing of what a test does."""
    async with consuming(house.crm):
        return house


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An endpoint that says 200."""
    with receiving() as ready:
        yield ready


async def endpoint(asker: Asker, receiver: Receiver | str, *names: str, **more: Any) -> Any:
    """A new endpoint, as its payload shows it."""
    url = receiver if isinstance(receiver, str) else receiver.url
    data = await asker.ask(CREATE, input={"url": url, "names": list(names) or ["*"], **more})
    payload = data["webhookEndpointCreate"]
    assert payload["userErrors"] == [], payload["userErrors"]
    return payload["webhookEndpoint"]


async def passed_on(house: House, *, soon: bool = False) -> None:
    """Wait until the consumer has seen all that happened, and do its jobs; with `soon` their retries too."""
    async with consuming(house.crm):
        for _ in range(200):
            top = await house.crm.tail.source.top()
            await house.crm.tail.reached()
            rows = await house.sql("SELECT position FROM consumer WHERE name = 'webhooks'")
            pending, _ = await house.crm.tail.source.pending(house.crm.consumers["webhooks"][1].wanted, rows[0]["position"], 10)
            if not pending:
                break
            house.crm.tail.tell()
            await house.crm.tail.beyond(top, 0.02)
    await do_all(house.crm, soon=soon)


async def deliveries(asker: Asker) -> list[dict[str, Any]]:
    """The log, the oldest first."""
    nodes = (await asker.ask(DELIVERIES))["webhookDeliveries"]["nodes"]
    return sorted(nodes, key=lambda one: one["id"])


async def test_an_event_arrives_signed(house: House, receiver: Receiver):
    made = await endpoint(house, receiver, "contact.*")
    contact = await house.make("Contact", name="شیرین")
    await passed_on(house)
    (message,) = receiver.messages
    told = message.verified(made["secret"])
    assert told["type"] == "contact.created"
    assert told["data"]["recordId"] == contact.id
    assert "name" in told["data"]["changed"]
    assert message.headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        message.verified("whsec_" + "A" * 44)
    (row,) = await deliveries(house)
    assert (row["state"], row["status"], row["attempts"], row["error"]) == ("DELIVERED", 200, 1, None)
    assert row["eventId"] == message.id
    assert row["recordId"] == contact.id



async def test_a_query_says_what_is_sent(house: House, receiver: Receiver):
    query = "query ($id: ID!) { node(id: $id) { id ... on Contact { name city emails { address } } } }"
    made = await endpoint(house, receiver, "contact.created", query=query)
    contact = await house.make("Contact", name="شیرین", city="شیراز", emails=[{"address": "shirin@example.org"}])
    await passed_on(house)
    told = receiver.messages[0].verified(made["secret"])
    assert told["data"] == {
        "node": {"id": contact.id, "name": "شیرین", "city": "شیراز", "emails": [{"address": "shirin@example.org"}]}
    }  # fmt: skip
    assert "errors" not in told


async def test_errors_of_a_query_are_sent_beside_its_data(house: House, receiver: Receiver):
    query = "query ($id: ID!) { contact(id: $id) { name } deal(id: $id) { title } }"
    await endpoint(house, receiver, "contact.created", query=query)
    await house.make("Contact", name="شیرین")
    await passed_on(house)
    told = receiver.messages[0].json
    assert told["data"] == {"contact": {"name": "شیرین"}, "deal": None}
    assert told["errors"][0]["path"] == ["deal"]


async def test_the_record_is_sent_as_it_is_at_the_time_of_the_try(house: House, receiver: Receiver):
    await endpoint(house, receiver, "contact.created", query="query ($id: ID!) { contact(id: $id) { name } }")
    receiver.statuses = [500]
    contact = await house.make("Contact", name="before")
    await passed_on(house)
    await house.ask(UPDATE, id=contact.id, name="after")
    await do_all(house.crm, soon=True)
    assert [one.json["data"]["contact"]["name"] for one in receiver.messages] == ["before", "after"]


async def test_a_delivery_is_tried_again_until_it_arrives_and_keeps_its_id(house: House, receiver: Receiver):
    made = await endpoint(house, receiver, "contact.*")
    receiver.statuses = [500, 503, 404]
    await house.make("Contact", name="شیرین")
    await passed_on(house)
    (row,) = await deliveries(house)
    assert (row["state"], row["status"], row["attempts"], row["error"]) == ("WAITING", 500, 1, "answered 500")
    await do_all(house.crm, soon=True)
    (row,) = await deliveries(house)
    assert (row["state"], row["status"], row["attempts"]) == ("DELIVERED", 200, 4)
    assert {message.id for message in receiver.messages} == {row["eventId"]}
    assert all(message.verified(made["secret"]) for message in receiver.messages)


async def test_what_fails_alone_keeps_nothing_else_back_and_does_not_disable_its_endpoint(house: House, receiver: Receiver):
    await endpoint(house, receiver, "contact.*", "tag.*")
    receiver.answer = lambda message: (500 if message.json["type"] == "tag.created" else 200, {}, b"")
    await house.make("Tag", name="new")
    for name in ("one", "two", "three"):
        await house.make("Contact", name=name)
    await passed_on(house)
    await do_all(house.crm, soon=True)
    assert {row["name"]: row["state"] for row in await deliveries(house)} == {"tag.created": "FAILED", "contact.created": "DELIVERED"}
    # Nothing was delivered since the first try of what failed but at that very time: one endpoint, one batch.
    assert await states(house) == ["ENABLED"]


async def test_an_endpoint_that_takes_nothing_is_disabled_and_tells_why(house: House, receiver: Receiver):
    made = await endpoint(house, receiver, "contact.*")
    with receiving() as other:
        await endpoint(house, other, "webhookEndpoint.disabled")
        receiver.answer = lambda message: (500, {}, b"the database is away")
        await house.make("Contact", name="شیرین")
        await passed_on(house, soon=True)
        data = await house.ask("query ($id: ID!) { webhookEndpoint(id: $id) { state reason version } }", id=made["id"])
        assert data["webhookEndpoint"]["state"] == "DISABLED"
        assert "nothing could be delivered since" in data["webhookEndpoint"]["reason"]
        (row,) = await deliveries(house)
        assert (row["state"], row["answer"], row["attempts"]) == ("FAILED", "the database is away", 17)
        await passed_on(house)
        assert other.types == ["webhookEndpoint.disabled"]
    tried = len(receiver.messages)
    await house.make("Contact", name="unheard")
    await passed_on(house)
    assert len(receiver.messages) == tried
    assert len([row for row in await deliveries(house) if row["name"].startswith("contact")]) == 1


@pytest.mark.settings(plugins={"webhooks": {**WEBHOOKS, "retry_hours": 0}})
async def test_the_settings_say_for_how_long_it_is_tried(house: House, receiver: Receiver):
    await endpoint(house, receiver, "contact.*")
    receiver.answer = lambda message: (500, {}, b"")
    await house.make("Contact", name="شیرین")
    await passed_on(house)
    assert [(row["state"], row["attempts"]) for row in await deliveries(house)] == [("FAILED", 1)]
    assert await states(house) == ["DISABLED"]


async def test_410_disables_at_once_and_enabling_sends_from_then_on(house: House, receiver: Receiver):
    made = await endpoint(house, receiver, "contact.*")
    receiver.statuses = [410]
    await house.make("Contact", name="one")
    await passed_on(house)
    assert await states(house) == ["DISABLED"]
    assert [row["state"] for row in await deliveries(house)] == ["FAILED"]
    await house.make("Contact", name="two")
    await passed_on(house)
    data = await house.ask(
        "mutation ($id: ID!) { webhookEndpointEnable(id: $id) { webhookEndpoint { state reason } userErrors { message } } }", id=made["id"]
    )
    assert data["webhookEndpointEnable"] == {"webhookEndpoint": {"state": "ENABLED", "reason": None}, "userErrors": []}
    await house.make("Contact", name="three")
    await passed_on(house)
    assert len(receiver.messages) == 2


async def test_disabling_and_deleting_give_up_what_waits(house: House, receiver: Receiver):
    first, second = await endpoint(house, receiver, "contact.*"), await endpoint(house, receiver, "contact.*")
    receiver.answer = lambda message: (500, {}, b"")
    await house.make("Contact", name="one")
    await passed_on(house)
    await house.ask("mutation ($id: ID!) { webhookEndpointDisable(id: $id) { userErrors { message } } }", id=first["id"])
    await house.ask("mutation ($id: ID!) { webhookEndpointDelete(id: $id) { userErrors { message } } }", id=second["id"])
    tried = len(receiver.messages)
    await do_all(house.crm, soon=True)
    assert len(receiver.messages) == tried
    rows = await house.sql("SELECT state, error FROM webhooks_delivery ORDER BY error")
    assert [(row["state"], row["error"]) for row in rows] == [
        ("FAILED", "the endpoint was deleted"), ("FAILED", "the endpoint was disabled"),
    ]  # fmt: skip
    assert (await states(house)) == ["DISABLED"]


async def test_an_endpoint_hears_of_nothing_that_happened_before_it_was_there(house: House, receiver: Receiver):
    await house.make("Contact", name="before")
    await endpoint(house, receiver, "contact.*")
    await house.make("Contact", name="after")
    await passed_on(house)
    assert receiver.types == ["contact.created"]


async def test_deliveries_cause_no_events_of_their_own(house: House, receiver: Receiver):
    await endpoint(house, receiver, "*")
    await house.make("Tag", name="one")
    for _ in range(3):
        await passed_on(house)
    assert sorted(receiver.types) == ["tag.created", "webhookEndpoint.created"]
    assert len(await house.sql("SELECT name FROM event")) == 2


async def test_past_events_are_replayed_with_their_ids(house: House, receiver: Receiver):
    made = await endpoint(house, receiver, "contact.*")
    for name in ("one", "two", "three"):
        await house.make("Contact", name=name)
    await house.make("Tag", name="not wanted")
    await passed_on(house)
    first = [message.id for message in receiver.messages]
    data = await house.ask(REPLAY, id=made["id"], after=min(first))
    assert data["webhookReplay"]["userErrors"] == []
    await passed_on(house)
    assert sorted(message.id for message in receiver.messages) == sorted([*first, *sorted(first)[1:]])
    (job,) = await house.sql("SELECT result FROM job WHERE name = 'webhooks.replay'")
    assert "2" in str(job["result"])
    assert [row["replay"] for row in await deliveries(house)] == [False] * 3 + [True] * 2
    assert receiver.messages[-1].verified(made["secret"])


async def test_a_replay_goes_by_time_and_names_and_says_what_is_wrong(house: House, receiver: Receiver):
    made = await endpoint(house, receiver, "contact.*", "tag.*")
    contact = await house.make("Contact", name="one")
    await house.make("Tag", name="one")
    await passed_on(house)
    await house.ask(UPDATE, id=contact.id, name="two")
    await passed_on(house)
    receiver.messages.clear()
    hour = datetime.timedelta(hours=1)
    await house.ask(REPLAY, id=made["id"], since=(now() - hour).isoformat(), names=["contact.*"])
    await passed_on(house)
    assert sorted(receiver.types) == ["contact.created", "contact.updated"]
    receiver.messages.clear()
    await house.ask(REPLAY, id=made["id"], since=(now() - hour).isoformat(), until=(now() - hour / 2).isoformat())
    await passed_on(house)
    assert receiver.types == []
    for wrong in ({}, {"after": "x"}, {"after": contact.id.removeprefix("contact_")}, {"since": now().isoformat(), "names": ["x"]}):
        assert (await house.ask(REPLAY, id=made["id"], **wrong))["webhookReplay"]["userErrors"]


async def test_one_delivery_is_sent_again_as_another_one(house: House, receiver: Receiver):
    await endpoint(house, receiver, "contact.*")
    await house.make("Contact", name="one")
    await passed_on(house)
    (row,) = await deliveries(house)
    data = await house.ask(AGAIN, id=row["id"])
    assert data["webhookDeliveryReplay"]["webhookDelivery"]["state"] == "WAITING"
    await passed_on(house)
    assert [one.id for one in receiver.messages] == [row["eventId"]] * 2
    assert [(one["replay"], one["state"]) for one in await deliveries(house)] == [(False, "DELIVERED"), (True, "DELIVERED")]


async def test_after_a_rotation_both_secrets_sign_for_a_day(house: House, receiver: Receiver):
    made = await endpoint(house, receiver, "contact.*")
    data = await house.ask(
        "mutation ($id: ID!) { webhookEndpointRotateSecret(id: $id) { webhookEndpoint { secret oldUntil } userErrors { message } } }",
        id=made["id"],
    )
    fresh = data["webhookEndpointRotateSecret"]["webhookEndpoint"]["secret"]
    assert fresh.startswith("whsec_")
    assert fresh != made["secret"]
    await house.make("Contact", name="one")
    await passed_on(house)
    assert receiver.messages[0].verified(made["secret"]) == receiver.messages[0].verified(fresh)
    await house.sql("UPDATE webhooks_endpoint SET old_until = $1", _past(house))
    await house.make("Contact", name="two")
    await passed_on(house)
    assert receiver.messages[1].verified(fresh)
    with pytest.raises(WebhookVerificationError):
        receiver.messages[1].verified(made["secret"])


async def test_a_secret_is_shown_once_and_nowhere_else(house: House, receiver: Receiver):
    made = await endpoint(house, receiver, "*")
    key = made["secret"]
    assert (await house.ask("{ webhookEndpoints { nodes { secret } } }"))["webhookEndpoints"]["nodes"] == [{"secret": None}]
    await house.make("Tag", name="one")
    await passed_on(house)
    for table in ("event_values", "event", "job", "webhooks_delivery", "answered"):
        assert key not in str(await house.sql(f"SELECT * FROM {table}"))
    response = await house.client.post("/graphql", json={"query": "{ __type(name: \"WebhookEndpoint\") { fields { name } } }"})
    assert "signing" not in response.text.lower()


async def test_a_secret_is_not_kept_for_the_answer_to_the_same_request(house: House, receiver: Receiver):
    body = {"query": CREATE, "variables": {"input": {"url": receiver.url, "names": ["*"]}}}
    first, again = [
        (await house.client.post("/graphql", json=body, headers={"Idempotency-Key": "once"})).json()["data"]["webhookEndpointCreate"]
        for _ in range(2)
    ]
    assert first["webhookEndpoint"]["secret"].startswith("whsec_")
    assert again["webhookEndpoint"] == {**first["webhookEndpoint"], "secret": None}


async def test_many_are_made_at_once_and_each_shows_its_secret(house: House, receiver: Receiver):
    data = await house.ask(
        """mutation ($rows: [WebhookEndpointCreateInput!]!) { webhookEndpointBulkCreate(inputs: $rows) {
            results { node { id secret } userErrors { message } } } }""",
        rows=[{"url": receiver.url, "names": ["tag.*"]}, {"url": receiver.url, "names": ["contact.*"]}],
    )
    shown = [one["node"]["secret"] for one in data["webhookEndpointBulkCreate"]["results"]]
    assert len({*shown}) == 2
    await house.make("Tag", name="one")
    await passed_on(house)
    assert receiver.messages[0].verified(shown[0])


async def test_a_test_is_sent_at_once_and_says_what_came_back(house: House, receiver: Receiver):
    made = await endpoint(house, receiver, "contact.*")
    receiver.answer = lambda message: (418, {}, b"I am a teapot\x00\x1b[31m")
    tested = (await house.ask(TEST, id=made["id"]))["webhookEndpointTest"]
    assert tested["test"] == {"delivered": False, "status": 418, "answer": "I am a teapot [31m", "error": "answered 418"}
    receiver.answer = lambda message: (204, {}, b"")
    assert (await house.ask(TEST, id=made["id"]))["webhookEndpointTest"]["test"]["delivered"] is True
    assert receiver.messages[0].verified(made["secret"])["type"] == "webhook.test"
    assert await deliveries(house) == []
    response = await house.client.post(
        "/graphql", json={"query": TEST, "variables": {"id": made["id"]}}, headers={"Idempotency-Key": "x"}
    )
    assert "Idempotency-Key" in response.json()["data"]["webhookEndpointTest"]["userErrors"][0]["message"]


async def test_a_preview_is_what_would_be_sent(house: House, receiver: Receiver):
    made = await endpoint(house, receiver, "contact.*", query="query ($id: ID!) { contact(id: $id) { name } }")
    await house.make("Contact", name="one")
    await passed_on(house)
    data = await house.ask(PREVIEW, endpoint=made["id"], event=receiver.messages[0].id)
    assert data["webhookPreview"]["body"].encode() == receiver.messages[0].body
    for event in ("nonsense", made["id"].removeprefix("webhook_endpoint_")):
        data, errors = await house.answer(PREVIEW, endpoint=made["id"], event=event)
        assert data == {"webhookPreview": None}
        assert errors[0]["extensions"]["code"] in ("BAD_USER_INPUT", "NOT_FOUND")


async def test_answers_are_forgotten_when_a_person_is_erased(house: House, receiver: Receiver):
    await endpoint(house, receiver, "contact.created")
    receiver.answer = lambda message: (500, {}, b"no such customer: Shirin")
    contact = await house.make("Contact", name="Shirin")
    await passed_on(house)
    assert (await deliveries(house))[0]["answer"] == "no such customer: Shirin"
    await house.ask("mutation ($id: ID!) { contactErase(id: $id) { userErrors { message } } }", id=contact.id)
    assert (await deliveries(house))[0]["answer"] is None


async def test_old_deliveries_are_forgotten(house: House, receiver: Receiver):
    await endpoint(house, receiver, "tag.*")
    await house.make("Tag", name="old")
    await passed_on(house)
    await house.sql("UPDATE webhooks_delivery SET created_at = $1", _past(house, days=31))
    await house.make("Tag", name="new")
    await passed_on(house)
    await enqueue(house.crm.call(SYSTEM), "webhooks.forget")
    await do_all(house.crm)
    assert len(await deliveries(house)) == 1


@pytest.mark.settings(plugins={"webhooks": {**WEBHOOKS, "endpoints": 1}})
async def test_there_are_at_most_so_many_endpoints(house: House, receiver: Receiver):
    made = await endpoint(house, receiver)
    refused = (await house.ask(CREATE, input={"url": receiver.url, "names": ["*"]}))["webhookEndpointCreate"]["userErrors"]
    assert [one["code"] for one in refused] == ["CONFLICT"]
    await house.ask("mutation ($id: ID!) { webhookEndpointDelete(id: $id) { userErrors { message } } }", id=made["id"])
    await endpoint(house, receiver)
    data = await house.ask("mutation ($id: ID!) { webhookEndpointRestore(id: $id) { userErrors { code } } }", id=made["id"])
    assert data["webhookEndpointRestore"]["userErrors"] == [{"code": "CONFLICT"}]


async def test_what_no_job_will_send_is_asked_for_again(house: House, receiver: Receiver):
    await endpoint(house, receiver, "tag.*")
    receiver.statuses = [500]
    await house.make("Tag", name="one")
    await passed_on(house)
    await house.sql("UPDATE job SET state = 'DEAD', lock = NULL WHERE name = 'webhooks.send'")
    await house.sql("UPDATE webhooks_delivery SET created_at = $1", _past(house))
    for _ in range(2):  # the second time there is a job already
        await enqueue(house.crm.call(SYSTEM), "webhooks.sweep")
    await do_all(house.crm)
    assert [row["state"] for row in await deliveries(house)] == ["DELIVERED"]
    assert len(receiver.messages) == 2


async def test_a_query_that_the_schema_answers_no_more_fails_and_says_so(house: House, receiver: Receiver):
    await endpoint(house, receiver, "tag.*", query="{ viewer { name } }")
    await house.sql("UPDATE webhooks_endpoint SET query = '{ gone }'")  # a plugin with this field was enabled, once
    await house.make("Tag", name="one")
    await passed_on(house)
    (row,) = await deliveries(house)
    assert (row["state"], row["status"], row["attempts"]) == ("WAITING", None, 1)
    assert row["error"].startswith("its query has no answer: Cannot query field 'gone'")
    assert receiver.messages == []


@pytest.mark.plugins()
async def test_a_disabled_plugin_leaves_no_trace(standing: Standing):
    async with standing() as house:
        names = [one["name"] for one in (await house.ask("{ __schema { types { name } } }"))["__schema"]["types"]]
        assert [name for name in names if "webhook" in name.lower()] == []
        crm = house.crm
        assert [one for one in (*crm.jobs, *crm.consumers, *crm.permissions, *crm.measures) if "webhook" in one.lower()] == []


async def test_figures_are_shown(house: House, receiver: Receiver):
    await endpoint(house, receiver, "tag.*")
    receiver.statuses = [500]
    await house.make("Tag", name="old")
    await passed_on(house)
    text = (await house.client.get("/metrics")).text
    assert "payvand_webhooks_deliveries_waiting 1.0" in text
    assert "payvand_webhooks_endpoints_disabled 0.0" in text


async def test_who_is_behind_comes_after_the_others(house: House, receiver: Receiver):
    with receiving() as slow:
        await endpoint(house, slow, "tag.*")
        slow.answer = lambda message: (500, {}, b"")
        await house.make("Tag", name="one")
        await passed_on(house)
        await endpoint(house, receiver, "tag.*")
        await house.make("Tag", name="two")
        await passed_on(house)
    rows = await house.sql("SELECT priority FROM job WHERE name = 'webhooks.send' ORDER BY id")
    assert [row["priority"] for row in rows] == [4, 7, 4]


async def test_a_batch_of_many_is_one_job(house: House, receiver: Receiver):
    await endpoint(house, receiver, "tag.*")
    await house.ask(
        "mutation ($rows: [TagCreateInput!]!) { tagBulkCreate(inputs: $rows) { results { userErrors { message } } } }",
        rows=[{"name": f"tag {number}"} for number in range(90)],
    )
    await passed_on(house)
    assert len(receiver.messages) == 90
    assert len(await house.sql("SELECT id FROM job")) == 1


async def test_an_endpoint_that_is_away_is_not_asked_for_each_event(house: House):
    with receiving() as gone:
        url = gone.url
    await endpoint(house, url, "tag.*")
    await house.ask(
        "mutation ($rows: [TagCreateInput!]!) { tagBulkCreate(inputs: $rows) { results { userErrors { message } } } }",
        rows=[{"name": f"tag {number}"} for number in range(60)],
    )
    await passed_on(house)
    rows = await house.sql("SELECT attempts, error, state FROM webhooks_delivery ORDER BY id")
    assert [row["attempts"] for row in rows] == [1] * 4 + [0] * 56
    assert (rows[0]["error"], rows[-1]["error"]) == ("no connection", "not tried: nobody has answered there a moment ago")
    assert {row["state"] for row in rows} == {"WAITING"}


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("{", "Syntax Error"),
        ("{ nonsense }", "Cannot query field 'nonsense'"),
        ("mutation { tagDelete(id: 1) { tag { id } } }", "is a mutation"),
        ("subscription { events { name } }", "is a subscription"),
        ("query A { viewer { name } } query B { viewer { name } }", "several operations"),
        ("query ($contact: ID!) { contact(id: $contact) { name } }", "declares $contact, which it is not given"),
        ("query ($id: String!) { contacts(where: {name: {eq: $id}}) { totalCount } }", "declares $id as String!"),
        ("query ($name: [String!]) { contacts(where: {name: {in: $name}}) { totalCount } }", "declares $name as [String!]"),
        ("{ contacts(first: 100) { nodes { deals(first: 100) { nodes { activities(first: 100) { nodes { id } } } } } } }", "cost"),
    ],
)
async def test_a_query_that_could_not_be_answered_is_refused(house: House, query: str, why: str):
    data = await house.ask(CREATE, input={"url": "https://shop.example/hook", "names": ["*"], "query": query})
    (error,) = data["webhookEndpointCreate"]["userErrors"]
    assert error["field"] == ["input", "query"]
    assert why in error["message"]


@pytest.mark.parametrize("names", [[], ["deal"], "deal.*", ["deal.won", 5], ["de*l.won"], {"a": 1}, ["*"] * 51, ["a." + "b" * 99], None])
async def test_names_must_be_those_of_events(house: House, names: Any):
    data, errors = await house.answer(CREATE, input={"url": "https://shop.example/hook", "names": names})
    told = errors or data["webhookEndpointCreate"]["userErrors"]
    assert "names" in str(told)


async def states(house: House) -> list[str]:
    """The states of all endpoints."""
    nodes = (await house.ask("{ webhookEndpoints { nodes { state } } }"))["webhookEndpoints"]["nodes"]
    return [one["state"] for one in nodes]


def _past(house: House, days: int = 2) -> Any:
    moment = now() - datetime.timedelta(days=days)
    return moment if house.database.name == "postgres" else moment.isoformat(" ")


UPDATE = "mutation ($id: ID!, $name: String!) { contactUpdate(id: $id, input: {name: $name}) { userErrors { message } } }"
REPLAY = """mutation ($id: ID!, $after: ID, $since: DateTime, $until: DateTime, $names: [String!]) {
    webhookReplay(endpointId: $id, after: $after, since: $since, until: $until, names: $names) {
        job { id } userErrors { field code message } } }"""
AGAIN = "mutation ($id: ID!) { webhookDeliveryReplay(id: $id) { webhookDelivery { id state } userErrors { message } } }"
TEST = "mutation ($id: ID!) { webhookEndpointTest(id: $id) { test { delivered status answer error } userErrors { message } } }"
PREVIEW = "query ($endpoint: ID!, $event: ID!) { webhookPreview(endpointId: $endpoint, eventId: $event) { body } }"

"""Points where several servers share one database: of many commands at once each happens once, or is refused in plain words."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count, cycle, pairwise
from typing import Any

import httpx
import pytest

from tests.engines import Engine, free_port
from tests.house import Templates, write_settings
from tests.shell import Shell, several

SERVERS, CLIENTS = 3, 24
PATIENCE = 120  # seconds
SHORT, GONE, NOT_POSSIBLE = "LOYALTY_INSUFFICIENT_POINTS", "LOYALTY_OUT_OF_STOCK", "LOYALTY_NOT_POSSIBLE"
TYPES = {"code": "String!", "points": "Int!", "ids": "[ID!]!"}  # of arguments that are no single id
REDEMPTION = "loyaltyRedemption { id code state }"
RETURNED = {
    "loyaltyJoin": "loyaltyMember { id }", "loyaltyGrant": "loyaltyMember { id }", "contactMerge": "contact { id }",
    "dealCreate": "deal { id }",
}  # fmt: skip

Ask = tuple[str, dict[str, Any]]
Answer = dict[str, Any]


@dataclass
class Club:
    """A programme of loyalty on several servers, which are asked in turn."""

    shell: Shell
    clients: list[httpx.Client]
    pool: ThreadPoolExecutor
    programme: str = ""
    _turn: Iterator[int] = field(default_factory=count)

    def send(self, document: str, variables: dict[str, Any], key: str | None = None) -> Answer:
        """The answer of the server whose turn it is."""
        headers = {"Idempotency-Key": key} if key else {}
        client = self.clients[next(self._turn) % len(self.clients)]
        return client.post("/graphql", json={"query": document, "variables": variables}, headers=headers).json()

    def ask(self, document: str, **variables: Any) -> Any:
        """The data of an answer without errors."""
        answer = self.send(document, variables)
        assert "errors" not in answer, answer
        return answer["data"]

    def do(self, mutation: str, *, key: str | None = None, **values: Any) -> Answer:
        """What a mutation answers; any error but one of the user fails the test, and so does a deadlock, which is UNAVAILABLE."""
        answer = self.send(_document(mutation, values), values, key)
        assert "errors" not in answer, answer
        return answer["data"][mutation]

    def insist(self, mutation: str, **values: Any) -> Answer:
        """What a mutation answers, which is sent again under its key for as long as the answer is to try again."""
        key, until = str(uuid.uuid4()), time.monotonic() + PATIENCE
        while True:
            answer = self.send(_document(mutation, values), values, key)
            codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
            if codes != {"UNAVAILABLE"}:
                assert not codes, answer
                return answer["data"][mutation]
            assert time.monotonic() < until, answer

    def at_once(self, asked: Iterable[Ask]) -> list[Answer]:
        """What mutations answer that are sent together."""
        return list(self.pool.map(lambda one: self.do(one[0], **one[1]), asked))

    def make(self, resource: str, **values: Any) -> str:
        """The global id of a new record."""
        verb = resource[0].lower() + resource[1:]
        asked = f"{verb}Create(input: $input) {{ {verb} {{ id }} userErrors {{ message }} }}"
        payload = self.ask(f"mutation ($input: {resource}CreateInput!) {{ {asked} }}", input=values)[f"{verb}Create"]
        assert payload["userErrors"] == []
        return payload[verb]["id"]

    def joined(self, *grants: int) -> str:
        """A new contact that has joined, with these points as lots of their own."""
        contact = self.make("Contact", name="شیرین")
        well(self.do("loyaltyJoin", contactId=contact, programmeId=self.programme))
        for points in grants:
            well(self.do("loyaltyGrant", contactId=contact, points=points))
        return contact

    def reward(self, cost: int = 100, **values: Any) -> str:
        """A new reward."""
        return self.make("LoyaltyReward", programmeId=self.programme, name="mug", cost=cost, **values)

    def points(self, contact: str) -> tuple[int, int]:
        """What a contact can spend, and what is set aside. It must have nothing else."""
        document = "query ($id: ID!) { contact(id: $id) { loyalty { balance held pending debt } } }"
        found = self.ask(document, id=contact)["contact"]["loyalty"]
        assert (int(found["pending"]), int(found["debt"])) == (0, 0)
        return int(found["balance"]), int(found["held"])

    def steps(self, contact: str) -> Counter[str]:
        """How many transactions of each kind the ledger has for a contact."""
        document = "query ($id: ID!) { contact(id: $id) { loyalty { history(first: 100) { nodes { kind } } } } }"
        return Counter(one["kind"] for one in self.ask(document, id=contact)["contact"]["loyalty"]["history"]["nodes"])

    def state(self, redemption: str) -> str:
        """How far a redemption has come."""
        return self.ask("query ($id: ID!) { loyaltyRedemption(id: $id) { state } }", id=redemption)["loyaltyRedemption"]["state"]

    def stock(self, reward: str) -> int:
        """How many of a reward are left."""
        return self.ask("query ($id: ID!) { loyaltyReward(id: $id) { stock } }", id=reward)["loyaltyReward"]["stock"]

    def heard(self) -> None:
        """Wait until the consumer has heard of all that has happened."""
        until = time.monotonic() + PATIENCE
        while True:
            found = json.loads(self.shell("consumers", "list", "--json").well().out)
            [state] = [one for one in found if one["name"] == "loyalty.earn"]
            if not state["events"]:
                return
            assert time.monotonic() < until, state
            time.sleep(0.1)


@pytest.fixture(scope="module")
def running(database: Engine, templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Club]:
    """The servers, on an empty database."""
    folder, url = tmp_path_factory.mktemp("processes"), templates.copy(("loyalty",))
    # The clients ask with one key, and more often than one client may; and the machine may be slow.
    tables = {"limits": {"requests_per_minute": 0, "cost_per_minute": 0}, "database": {"statement_timeout": PATIENCE}}
    write_settings(folder, url, ("loyalty",), tables)
    shell = Shell(folder, url)
    key = shell("keys", "create", "--name", "test", "--role", "admin").well().out.strip()
    with ExitStack() as stack:
        servers = stack.enter_context(several(shell, *(free_port() for _ in range(SERVERS))))
        words: dict[str, Any] = {"headers": {"Authorization": f"Bearer {key}"}, "timeout": 2 * PATIENCE}
        clients = [stack.enter_context(httpx.Client(base_url=one.url, **words)) for one in servers]
        club = Club(shell, clients, stack.enter_context(ThreadPoolExecutor(CLIENTS)))
        club.programme = club.make("LoyaltyProgramme", name="Club", pointValue={"amount": "100", "currency": "IRR"})
        yield club
        shell("loyalty", "verify").well()
    database.drop(url)


@pytest.fixture
def club(running: Club) -> Iterator[Club]:
    """The servers; after the test the ledger must be well."""
    yield running
    assert running.ask("{ loyaltyVerify { type id message } }") == {"loyaltyVerify": []}


def test_of_redemptions_at_once_as_many_succeed_as_there_are_points_for(club: Club):
    contact, reward = club.joined(400, 300, 290, 10), club.reward(130)
    payloads = club.at_once([("loyaltyRedeem", {"contactId": contact, "rewardId": reward})] * CLIENTS)
    assert refused(payloads) == {None: 7, SHORT: CLIENTS - 7}
    assert club.points(contact) == (1000 - 7 * 130, 0)
    assert club.steps(contact)["REDEEM"] == 7


def test_a_member_of_whom_all_want_less_than_there_is_gives_to_all(club: Club):
    contact, reward = club.joined(700, 800, 900), club.reward(100)
    payloads = club.at_once([("loyaltyRedeem", {"contactId": contact, "rewardId": reward})] * CLIENTS)
    assert refused(payloads) == {None: CLIENTS}
    assert club.points(contact) == (0, 0)


def test_of_a_reward_there_are_as_many_as_in_stock(club: Club):
    contacts, reward = [club.joined(100) for _ in range(CLIENTS)], club.reward(stock=9)
    verbs = cycle(["loyaltyRedeem", "loyaltyHold"])
    payloads = club.at_once((verb, {"contactId": one, "rewardId": reward}) for verb, one in zip(verbs, contacts, strict=False))
    assert refused(payloads) == {None: 9, GONE: CLIENTS - 9}
    assert club.stock(reward) == 0
    assert sum(club.points(one)[0] for one in contacts) == 100 * (CLIENTS - 9)
    back = [_undo(payload) for payload in payloads if not payload["userErrors"]]
    assert refused(club.at_once(back * 4)) == {None: 9 * 4}
    assert club.stock(reward) == 9
    assert [club.points(one) for one in contacts] == [(100, 0)] * CLIENTS


def test_points_of_a_redemption_are_moved_once_whoever_asks_for_what(club: Club):
    contact, reward = club.joined(500, 310), club.reward(stock=100)
    payloads = club.at_once([("loyaltyHold", {"contactId": contact, "rewardId": reward})] * CLIENTS)
    assert refused(payloads) == {None: 8, SHORT: CLIENTS - 8}
    assert club.points(contact) == (10, 800)
    held = [one["loyaltyRedemption"]["id"] for one in payloads if not one["userErrors"]]
    verbs = ("loyaltyCapture", "loyaltyRelease", "loyaltyRefund") * SERVERS
    payloads = club.at_once((verb, {"id": one}) for one in held for verb in verbs)
    assert set(refused(payloads)) <= {None, NOT_POSSIBLE}
    states = Counter(club.state(one) for one in held)
    assert states["REDEEMED"] + states["RELEASED"] + states["REFUNDED"] == 8
    captured, released, refunded = 8 - states["RELEASED"], states["RELEASED"], states["REFUNDED"]
    assert club.steps(contact) == Counter(GRANT=2, HOLD=8, CAPTURE=captured, RELEASE=released, REFUND=refunded)
    assert club.points(contact) == (810 - 100 * states["REDEEMED"], 0)
    assert club.stock(reward) == 100 - states["REDEEMED"]


@pytest.mark.parametrize(("verb", "left"), [("loyaltyCapture", 0), ("loyaltyRelease", 100)])
def test_what_is_asked_for_by_many_is_done_once_and_answered_to_all(club: Club, verb: str, left: int):
    contact, reward = club.joined(100), club.reward(coupon=True)
    held = club.do("loyaltyHold", contactId=contact, rewardId=reward)["loyaltyRedemption"]
    payloads = club.at_once([(verb, {"id": held["id"]})] * CLIENTS)
    assert len({json.dumps(one) for one in payloads}) == 1, "the code of the coupon, too, is the same for all"
    assert refused(payloads) == {None: CLIENTS}
    assert club.points(contact) == (left, 0)


def test_a_key_that_comes_to_all_servers_at_once_redeems_once(club: Club):
    contact, reward = club.joined(500), club.reward(coupon=True)
    keys = [str(uuid.uuid4()) for _ in range(8)]
    asked = [("loyaltyRedeem", {"contactId": contact, "rewardId": reward, "key": key}) for key in keys]
    answers: dict[str, list[Answer]] = {key: [] for key in keys}
    for (_, values), payload in zip(asked * SERVERS, club.at_once(asked * SERVERS), strict=True):
        answers[values["key"]].append(payload)
    assert refused([one for each in answers.values() for one in each]) == {None: 5 * SERVERS, SHORT: 3 * SERVERS}
    assert [len({json.dumps(one) for one in each}) for each in answers.values()] == [1] * len(keys)
    assert club.points(contact) == (0, 0)
    assert club.steps(contact)["REDEEM"] == 5


def test_a_coupon_is_used_once(club: Club):
    contact, reward = club.joined(100), club.reward(coupon=True)
    code = club.do("loyaltyRedeem", contactId=contact, rewardId=reward)["loyaltyRedemption"]["code"]
    typed = [code, code.lower(), f"{code[:4]}-{code[4:8]}-{code[8:]}"]
    payloads = club.at_once(("loyaltyCouponUse", {"code": one}) for one in typed * (CLIENTS // len(typed)))
    assert refused(payloads) == {None: 1, NOT_POSSIBLE: CLIENTS - 1}


def test_a_coupon_is_used_or_given_back(club: Club):
    contact, reward = club.joined(100), club.reward(coupon=True)
    made = club.do("loyaltyRedeem", contactId=contact, rewardId=reward)["loyaltyRedemption"]
    asks: list[Ask] = [("loyaltyCouponUse", {"code": made["code"]}), ("loyaltyRefund", {"id": made["id"]})]
    times = CLIENTS // 2
    payloads = club.at_once(asks * times)
    used, back = refused(payloads[::2]), refused(payloads[1::2])
    if used[None]:
        assert (used, back) == ({None: 1, NOT_POSSIBLE: times - 1}, {NOT_POSSIBLE: times})
    else:
        assert (used, back) == ({NOT_POSSIBLE: times}, {None: times})
    assert club.points(contact) == (0 if used[None] else 100, 0)


def test_a_contact_joins_once(club: Club):
    contact = club.make("Contact", name="فرهاد")
    payloads = club.at_once([("loyaltyJoin", {"contactId": contact, "programmeId": club.programme})] * CLIENTS)
    assert refused(payloads) == {None: 1, "LOYALTY_CONFLICT": CLIENTS - 1}


def test_who_are_merged_while_they_earn_and_redeem_lose_nothing(club: Club):
    reward, pipeline = club.reward(), club.make("Pipeline", name="p")
    stage = club.make("Stage", name="won", kind="WON", pipelineId=pipeline)
    club.make("LoyaltyRule", programmeId=club.programme, name="Sales", trigger="DEAL_WON", points="7")
    for _ in range(2):
        contacts = [club.joined(100, 200) for _ in range(3)]
        deals: list[Ask] = [("dealCreate", {"input": {"title": "t", "contactId": one, "stageId": stage}}) for one in contacts * 4]
        assert refused(club.at_once(deals)) == {None: 12}  # what they earn is posted while all that follows goes on
        asks: list[Ask] = []
        for one in contacts * 4:
            asks += [(verb, {"contactId": one, "rewardId": reward}) for verb in ("loyaltyRedeem", "loyaltyHold")]
            asks += [("loyaltyGrant", {"contactId": one, "points": 50})]
        merging = club.pool.submit(_merge, club, contacts)
        payloads = list(club.pool.map(lambda one: club.insist(one[0], **one[1]), asks))
        merging.result()
        done = Counter(ask[0] for ask, payload in zip(asks, payloads, strict=True) if not payload["userErrors"])
        assert set(refused(payloads)) <= {None, SHORT, "LOYALTY_NOT_FOUND", "LOYALTY_NOT_A_MEMBER"}
        club.heard()
        spent, held = 100 * done["loyaltyRedeem"], 100 * done["loyaltyHold"]
        assert club.points(contacts[-1]) == (3 * 300 + 12 * 7 + 50 * done["loyaltyGrant"] - spent - held, held)


def well(payload: Answer) -> Answer:
    """Itself, when nothing was refused."""
    assert payload["userErrors"] == []
    return payload


def refused(payloads: Sequence[Answer]) -> Counter[str | None]:
    """How many were refused with which code; those that were not are under None."""
    return Counter(payload["userErrors"][0]["code"] if payload["userErrors"] else None for payload in payloads)


def _merge(club: Club, contacts: Sequence[str]) -> None:
    """Merge each into the next one, one after the other."""
    for gone, into in pairwise(contacts):
        well(club.insist("contactMerge", into=into, ids=[gone]))


def _document(mutation: str, values: dict[str, Any]) -> str:
    types = {**TYPES, "input": f"{mutation[0].upper()}{mutation[1:]}Input!"}
    names = ", ".join(f"${name}: {types.get(name, 'ID!')}" for name in values)
    given = ", ".join(f"{name}: ${name}" for name in values)
    return f"mutation ({names}) {{ {mutation}({given}) {{ {RETURNED.get(mutation, REDEMPTION)} userErrors {{ code message }} }} }}"


def _undo(payload: Answer) -> Ask:
    made = payload["loyaltyRedemption"]
    return ("loyaltyRelease" if made["state"] == "HELD" else "loyaltyRefund", {"id": made["id"]})

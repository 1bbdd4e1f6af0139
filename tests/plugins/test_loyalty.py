"""Loyalty through the front door: joining, earning, spending, taking back, and all that is refused."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st

from core import SYSTEM, Calendar
from core.fields import now
from core.tail.consuming import consuming
from plugins.loyalty.birthdays import birthdays_until
from plugins.loyalty.due import due_until, warn_until
from plugins.loyalty.models import LoyaltyLot, LoyaltyMember, LoyaltyRedemption, LoyaltyRounding
from plugins.loyalty.points import kept, points_of
from plugins.loyalty.tiering import look_at
from tests.examples import for_all
from tests.house import House
from tests.plugins.test_loyalty_ledger import hold_true

pytestmark = [pytest.mark.anyio, pytest.mark.plugins("loyalty")]

DAY = timedelta(days=1)
POINTS = "balance pending held debt"


@pytest.fixture
async def house(house: House) -> House:
    """A house whose consumer begins here, so that it misses nothing of what a test does."""
    async with consuming(house.crm):
        return house


class Shop:
    """A house with a programme, and what its front end asks."""

    def __init__(self, house: House, programme: str) -> None:
        self.house, self.programme = house, programme

    @classmethod
    async def of(cls, house: House, **values: Any) -> "Shop":
        """A shop whose programme is made with these values."""
        made = await house.make("LoyaltyProgramme", name="Club", point_value={"amount": "100", "currency": "IRR"}, **values)
        return cls(house, made.id)

    async def joined(self, name: str = "Shirin", referrer: str | None = None) -> str:
        """A new contact that has joined."""
        contact = await self.house.make("Contact", name=name)
        assert await self.do("loyaltyJoin", contactId=contact.id, programmeId=self.programme, referredById=referrer) == []
        return contact.id

    async def do(self, mutation: str, **values: Any) -> list[dict[str, Any]]:
        """The user errors of a mutation."""
        return (await self.payload(mutation, **values))["userErrors"]

    async def payload(self, mutation: str, **values: Any) -> dict[str, Any]:
        """What a mutation answers."""
        kinds = {"minutes": "Int", "points": "Int!", "code": "String!", "reason": "String", "amount": "Decimal!", "referredById": "ID"}
        kinds["expiresAt"] = "DateTime"
        one = "loyaltyMember { id balance }"
        if mutation in ("loyaltyRedeem", "loyaltyHold", "loyaltyCapture", "loyaltyRelease", "loyaltyRefund", "loyaltyCouponUse"):
            one = "loyaltyRedemption { id state points code usedAt }"
        names = ", ".join(f"${name}: {kinds.get(name, 'ID!')}" for name in values)
        given = ", ".join(f"{name}: ${name}" for name in values)
        document = f"mutation ({names}) {{ {mutation}({given}) {{ {one} userErrors {{ field code message }} }} }}"
        return (await self.house.ask(document, **values))[mutation]

    async def points(self, contact: str) -> dict[str, int]:
        """What a contact has."""
        found = await self.house.ask(f"query ($id: ID!) {{ contact(id: $id) {{ loyalty {{ {POINTS} }} }} }}", id=contact)
        return {name: int(value) for name, value in found["contact"]["loyalty"].items()}

    async def deal(self, contact: str, amount: str | None = "1000000", **values: Any) -> str:
        """A deal that is won."""
        money = {} if amount is None else {"amount": {"amount": amount, "currency": "IRR"}}
        made = await self.house.make("Deal", title="t", contact_id=contact, stage_id=(await self.stages())["WON"], **money, **values)
        return made.id

    async def change(self, resource: str, id: str, **values: Any) -> None:
        """Change a record."""
        key = resource[0].lower() + resource[1:]
        document = (
            f"mutation ($id: ID!, $input: {resource}UpdateInput!) {{ {key}Update(id: $id, input: $input) {{ userErrors {{ message }} }} }}"
        )
        assert await self.house.ask(document, id=id, input=values) == {f"{key}Update": {"userErrors": []}}

    async def stages(self) -> dict[str, str]:
        """A stage of each kind."""
        found = await self.house.ask("{ stages(first: 50) { nodes { id kind } } }")
        if not found["stages"]["nodes"]:
            pipeline = await self.house.make("Pipeline", name="p")
            for kind in ("OPEN", "WON", "LOST"):
                await self.house.make("Stage", name=kind, kind=kind, pipeline_id=pipeline.id)
            return await self.stages()
        return {one["kind"]: one["id"] for one in found["stages"]["nodes"]}

    async def rule(self, trigger: str = "DEAL_WON", points: str = "1", **values: Any) -> str:
        """A rule."""
        made = await self.house.make("LoyaltyRule", programme_id=self.programme, name="r", trigger=trigger, points=points, **values)
        return made.id

    async def reward(self, cost: int = 100, **values: Any) -> str:
        """A reward."""
        return (await self.house.make("LoyaltyReward", programme_id=self.programme, name="mug", cost=cost, **values)).id


async def has(shop: Shop, contact: str, **points: int) -> None:
    """Fail unless a contact has these points, and no others, once consumers have heard of all that has happened."""
    await quiet(shop.house)
    assert await shop.points(contact) == {"balance": 0, "pending": 0, "held": 0, "debt": 0, **points}


async def quiet(house: House) -> None:
    """Let the consumer hear of all that has happened."""
    async with consuming(house.crm), asyncio.timeout(20):
        wanted = house.crm.consumers["loyalty.earn"][1].wanted
        while True:
            rows = await house.sql("SELECT position FROM consumer WHERE name = 'loyalty.earn'")
            pending, _ = await house.crm.tail.source.pending(wanted, rows[0]["position"], 10)
            if not pending:
                return
            await asyncio.sleep(0.02)


async def check(house: House) -> None:
    """All identities of the ledger hold."""
    await hold_true(*await LoyaltyMember.all())
    assert await house.ask("{ loyaltyVerify { type id message } }") == {"loyaltyVerify": []}


async def test_a_member_is_seen_filtered_and_ordered_by_its_points(house: House):
    shop = await Shop.of(house)
    rich, poor = await shop.joined("rich"), await shop.joined("poor")
    await house.make("Contact", name="nobody")
    assert await shop.do("loyaltyGrant", contactId=rich, points=900, reason="fair") == []
    assert await shop.do("loyaltyGrant", contactId=poor, points=100) == []
    assert await shop.do("loyaltyDeduct", contactId=rich, points=50) == []
    data = await house.ask(
        """{
        some: contacts(where: {loyalty: {balance: {gte: 500}}}) { nodes { name } }
        all: contacts(orderBy: [{field: LOYALTY_BALANCE, direction: DESC}], where: {loyaltyBalance: {isNull: false}}) {
            nodes { name loyaltyBalance loyalty { balance tier { name } history(first: 5, orderBy: [{field: EFFECTIVE_AT}]) {
                totalCount nodes { kind points notes { reason } entries { account points } } } } } } }"""
    )
    assert [one["name"] for one in data["some"]["nodes"]] == ["rich"]
    assert [one["name"] for one in data["all"]["nodes"]] == ["rich", "poor"]
    history = data["all"]["nodes"][0]["loyalty"]["history"]["nodes"]
    assert [(one["kind"], one["points"]) for one in history] == [("GRANT", 900), ("DEDUCT", 50)]
    assert history[0]["notes"] == [{"reason": "fair"}]
    assert {one["account"]: one["points"] for one in history[1]["entries"]} == {"AVAILABLE": -50, "BURNED": 50}
    await check(house)


async def test_deals_earn_by_amount_and_are_taken_back_when_they_are_re_opened(house: House):
    shop = await Shop.of(house, pending_days=0)
    await shop.rule(points="1", per_amount={"amount": "10000", "currency": "IRR"})
    contact = await shop.joined()
    deal = await shop.deal(contact, "1234567")
    await has(shop, contact, balance=123)
    await shop.change("Deal", deal, title="other")
    await has(shop, contact, balance=123)
    await shop.change("Deal", deal, amount={"amount": "617283", "currency": "IRR"})
    await has(shop, contact, balance=61)
    await shop.change("Deal", deal, stageId=(await shop.stages())["OPEN"])
    await has(shop, contact)
    await shop.change("Deal", deal, stageId=(await shop.stages())["WON"])
    await has(shop, contact, balance=61)
    await check(house)


async def test_a_full_refund_in_pieces_nets_to_nothing_and_what_was_spent_is_owed(house: House):
    shop = await Shop.of(house)
    await shop.rule(points="1", per_amount={"amount": "1000", "currency": "IRR"})
    contact, reward = await shop.joined(), await shop.reward(400)
    deal = await shop.deal(contact, "1000000")
    await has(shop, contact, balance=1000)
    assert await shop.do("loyaltyRedeem", contactId=contact, rewardId=reward) == []
    assert await shop.do("loyaltyReverse", dealId=deal, amount="333333") == []
    await has(shop, contact, balance=266)  # floor(1000 * 666667 / 1000000) = 666 are left of what was earned
    assert await shop.do("loyaltyReverse", dealId=deal, amount="666667") == []
    await has(shop, contact, debt=400)
    [error] = await shop.do("loyaltyReverse", dealId=deal, amount="1")
    assert (error["field"], error["code"]) == (["amount"], "LOYALTY_INVALID")
    await shop.change("Deal", deal, title="other")
    await has(shop, contact, debt=400)
    await shop.deal(contact, "500000")
    await has(shop, contact, balance=100)
    await check(house)


async def test_the_past_is_never_credited(house: House):
    shop = await Shop.of(house)
    contact = await shop.joined()
    old = await shop.deal(contact)
    await quiet(shop.house)
    rule = await shop.rule(points="10")
    await shop.change("Deal", old, title="other")
    await has(shop, contact)
    await shop.deal(contact)
    await has(shop, contact, balance=10)
    await shop.change("LoyaltyRule", rule, points="99")
    await shop.change("Deal", old, description="again")
    await has(shop, contact, balance=10)
    document = """mutation ($input: LoyaltyRuleCreateInput!) { loyaltyRuleCreate(input: $input) { userErrors { field message } } }"""
    past = {"programmeId": shop.programme, "name": "r", "trigger": "SIGN_UP", "points": "5", "validFrom": (now() - DAY).isoformat()}
    [error] = (await house.ask(document, input=past))["loyaltyRuleCreate"]["userErrors"]
    assert error["field"] == ["input", "validFrom"] and "never credited" in error["message"]


async def test_boosts_caps_and_pending_points(house: House):
    shop = await Shop.of(house)
    rule = await shop.rule(points="10", pending_days=3, cap_points=45, cap_period="MONTH", expiry_days=30)
    contact = await shop.joined()
    await shop.deal(contact)
    await has(shop, contact, pending=10)
    await house.make(
        "LoyaltyBoost", programme_id=shop.programme, rule_id=rule, name="Nowruz", factor="2",
        valid_from=now().isoformat(), valid_until=(now() + DAY).isoformat(),
    )  # fmt: skip
    await shop.deal(contact)
    await has(shop, contact, pending=30)
    await shop.deal(contact)
    await has(shop, contact, pending=45)
    await shop.deal(contact)
    await has(shop, contact, pending=45)
    call = house.crm.call(SYSTEM)
    await due_until(call, now() + 4 * DAY)
    await has(shop, contact, balance=45)
    assert await warn_until(call, now() + 5 * DAY) == 3
    assert await warn_until(call, now() + 5 * DAY) == 0
    await due_until(call, now() + 31 * DAY)
    await due_until(call, now() + 31 * DAY)
    await has(shop, contact)
    await check(house)


async def test_birthdays_are_found_once_a_year_and_some_days_late(house: House):
    shop = await Shop.of(house, calendar="JALALI", time_zone="Asia/Tehran")
    await shop.rule("BIRTHDAY", "30", valid_from=now().isoformat())
    zone = ZoneInfo("Asia/Tehran")
    soon = (now() + 40 * DAY).astimezone(zone).date()
    year, month, number = Calendar.JALALI.parts(soon)
    contact = await shop.joined()
    await shop.change("Contact", contact, birthDate=Calendar.JALALI.date(year - 30, month, min(number, 29)).isoformat())
    call = house.crm.call(SYSTEM)
    assert await birthdays_until(call, now() + 30 * DAY) == 0
    days = [await birthdays_until(call, now() + day * DAY) for day in range(38, 46)]
    assert sum(days) == 1
    await has(shop, contact, balance=30)
    assert sum([await birthdays_until(call, now() + day * DAY) for day in range(402, 412)]) == 1


async def test_what_a_member_can_have_and_what_it_may_lose_are_told_for_many_at_once(house: House):
    shop = await Shop.of(house, expiry_days=20)
    await shop.reward(50)
    await shop.reward(90)
    await shop.reward(10, stock=0)
    for name, points in (("a", 60), ("b", 100), ("c", 5)):
        await shop.do("loyaltyGrant", contactId=await shop.joined(name), points=points)
    soon = "{ contacts(where: {loyalty: {expiringSoon: {gte: 50}}}, orderBy: [{field: NAME}]) { nodes { name } } }"
    assert (await house.ask(soon))["contacts"]["nodes"] == [{"name": "a"}, {"name": "b"}]
    document = "{ loyaltyMembers(orderBy: [{field: EXPIRING_SOON}]) { nodes { balance expiringSoon rewardsInReach { cost } } } }"
    found = (await house.ask(document))["loyaltyMembers"]["nodes"]
    assert [(one["expiringSoon"], [reward["cost"] for reward in one["rewardsInReach"]]) for one in found] == [
        (5, []), (60, [50]), (100, [90, 50]),
    ]  # fmt: skip


async def test_activities_sign_up_and_referrals_earn_once(house: House):
    shop = await Shop.of(house)
    await shop.rule("SIGN_UP", "5")
    await shop.rule("REFERRAL", "50")
    await shop.rule("ACTIVITY", "7", activity_kind="CALL")
    first = await shop.joined("first")
    second = await shop.joined("second", referrer=first)
    await has(shop, first, balance=5)
    await shop.deal(second)
    await shop.deal(second)
    await has(shop, first, balance=55)
    call = await house.make("Activity", kind="CALL", subject="s", contact_id=second, done_at=now().isoformat())
    await house.make("Activity", kind="NOTE", subject="s", contact_id=second, done_at=now().isoformat())
    await has(shop, second, balance=12)
    await shop.change("Activity", call.id, doneAt=None)
    await has(shop, second, balance=5)
    await has(shop, first, balance=55)
    third = await house.make("Contact", name="third")
    [error] = await shop.do("loyaltyJoin", contactId=third.id, programmeId=shop.programme, referredById=third.id)
    assert error["code"] in ("LOYALTY_NOT_A_MEMBER", "LOYALTY_INVALID")
    [error] = await shop.do("loyaltyJoin", contactId=first, programmeId=shop.programme)
    assert error["code"] == "LOYALTY_CONFLICT"


async def test_of_many_redemptions_at_once_just_as_many_succeed_as_there_are_points_for(house: House):
    shop = await Shop.of(house)
    contact, reward = await shop.joined(), await shop.reward(100)
    await shop.do("loyaltyGrant", contactId=contact, points=750)
    answers = await asyncio.gather(*(shop.do("loyaltyRedeem", contactId=contact, rewardId=reward) for _ in range(20)))
    assert sum(not errors for errors in answers) == 7
    assert {errors[0]["code"] for errors in answers if errors} == {"LOYALTY_INSUFFICIENT_POINTS"}
    await has(shop, contact, balance=50)
    await check(house)


async def test_stock_never_goes_below_nothing(house: House):
    shop = await Shop.of(house)
    reward = await shop.reward(10, stock=5)
    contacts = [await shop.joined(f"c{number}") for number in range(8)]
    for contact in contacts:
        await shop.do("loyaltyGrant", contactId=contact, points=100)
    answers = await asyncio.gather(*(shop.do("loyaltyRedeem", contactId=one, rewardId=reward) for one in contacts * 2))
    assert sum(not errors for errors in answers) == 5
    assert {errors[0]["code"] for errors in answers if errors} == {"LOYALTY_OUT_OF_STOCK"}
    assert (await house.ask("query ($id: ID!) { loyaltyReward(id: $id) { stock } }", id=reward))["loyaltyReward"]["stock"] == 0
    await check(house)


async def test_what_is_held_is_captured_released_or_given_back_after_its_time(house: House):
    shop = await Shop.of(house)
    contact, reward = await shop.joined(), await shop.reward(100, stock=3)
    await shop.do("loyaltyGrant", contactId=contact, points=300)
    made = [(await shop.payload("loyaltyHold", contactId=contact, rewardId=reward, minutes=5))["loyaltyRedemption"] for _ in range(3)]
    await has(shop, contact, held=300)
    for _ in range(2):
        assert (await shop.payload("loyaltyCapture", id=made[0]["id"]))["loyaltyRedemption"]["state"] == "REDEEMED"
        assert (await shop.payload("loyaltyRelease", id=made[1]["id"]))["loyaltyRedemption"]["state"] == "RELEASED"
    await has(shop, contact, balance=100, held=100)
    [error] = await shop.do("loyaltyRelease", id=made[0]["id"])
    assert error["code"] == "LOYALTY_NOT_POSSIBLE"
    [error] = await shop.do("loyaltyCapture", id=made[1]["id"])
    assert error["code"] == "LOYALTY_NOT_POSSIBLE"
    await due_until(house.crm.call(SYSTEM), now() + timedelta(minutes=6))
    await has(shop, contact, balance=200)
    for _ in range(2):
        assert (await shop.payload("loyaltyRefund", id=made[0]["id"]))["loyaltyRedemption"]["state"] == "REFUNDED"
    await has(shop, contact, balance=300)
    assert (await house.ask("query ($id: ID!) { loyaltyReward(id: $id) { stock } }", id=reward))["loyaltyReward"]["stock"] == 3
    await check(house)


async def test_a_coupon_is_used_once_however_its_code_is_typed(house: House):
    shop = await Shop.of(house)
    contact, reward = await shop.joined(), await shop.reward(100, coupon=True)
    await shop.do("loyaltyGrant", contactId=contact, points=100)
    code = (await shop.payload("loyaltyRedeem", contactId=contact, rewardId=reward))["loyaltyRedemption"]["code"]
    typed = f"{code[:6].lower()} - {code[6:]}".translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    used = await shop.payload("loyaltyCouponUse", code=typed)
    assert used["userErrors"] == [] and used["loyaltyRedemption"]["usedAt"]
    assert [error["code"] for error in await shop.do("loyaltyCouponUse", code=code)] == ["LOYALTY_NOT_POSSIBLE"]
    assert [error["code"] for error in await shop.do("loyaltyCouponUse", code="nothing")] == ["LOYALTY_NOT_FOUND"]
    assert [error["code"] for error in await shop.do("loyaltyRefund", id=used["loyaltyRedemption"]["id"])] == ["LOYALTY_NOT_POSSIBLE"]


REFUSED = [
    ("loyaltyGrant", {"points": 0}, "LOYALTY_INVALID"),
    ("loyaltyGrant", {"points": -5}, "LOYALTY_INVALID"),
    ("loyaltyGrant", {"points": 2_000_000_000}, "LOYALTY_INVALID"),
    ("loyaltyGrant", {"points": 5, "expiresAt": "2020-01-01T00:00:00Z"}, "LOYALTY_INVALID"),
    ("loyaltyGrant", {"points": 5, "reason": "x" * 301}, "LOYALTY_INVALID"),
    ("loyaltyDeduct", {"points": 1}, "LOYALTY_INSUFFICIENT_POINTS"),
]


@pytest.mark.parametrize(("mutation", "values", "code"), REFUSED)
async def test_points_that_make_no_sense_are_refused(house: House, mutation: str, values: dict[str, Any], code: str):
    shop = await Shop.of(house)
    contact = await shop.joined()
    assert [error["code"] for error in await shop.do(mutation, contactId=contact, **values)] == [code]
    await has(shop, contact)


async def test_rewards_that_are_not_offered_are_refused(house: House):
    shop = await Shop.of(house)
    contact = await shop.joined()
    await shop.do("loyaltyGrant", contactId=contact, points=1000)
    tier = await house.make("LoyaltyTier", programme_id=shop.programme, name="gold", threshold=500)
    other = await Shop.of(house)
    wanted = {
        await shop.reward(valid_from=(now() + DAY).isoformat()): "LOYALTY_NOT_OFFERED",
        await shop.reward(valid_until=(now() - DAY).isoformat()): "LOYALTY_NOT_OFFERED",
        await shop.reward(active=False): "LOYALTY_NOT_OFFERED",
        await other.reward(): "LOYALTY_NOT_OFFERED",
        await shop.reward(tier_id=tier.id): "LOYALTY_TIER_NEEDED",
        await shop.reward(stock=0): "LOYALTY_OUT_OF_STOCK",
        await shop.reward(per_member=1): None,
    }
    for reward, code in wanted.items():
        errors = await shop.do("loyaltyRedeem", contactId=contact, rewardId=reward)
        assert [error["code"] for error in errors] == ([code] if code else [])
    last = list(wanted)[-1]
    assert [error["code"] for error in await shop.do("loyaltyRedeem", contactId=contact, rewardId=last)] == ["LOYALTY_LIMIT_REACHED"]
    stranger = await house.make("Contact", name="s")
    assert [error["code"] for error in await shop.do("loyaltyRedeem", contactId=stranger.id, rewardId=last)] == ["LOYALTY_NOT_A_MEMBER"]
    gone = await house.make("Contact", name="g")
    await house.ask("mutation ($id: ID!) { contactDelete(id: $id) { userErrors { message } } }", id=gone.id)
    assert [error["code"] for error in await shop.do("loyaltyGrant", contactId=gone.id, points=1)] == ["LOYALTY_NOT_FOUND"]
    await has(shop, contact, balance=900)


async def test_a_repeated_request_is_answered_with_the_first_answer(house: House):
    shop = await Shop.of(house)
    contact = await shop.joined()
    document = "mutation ($id: ID!) { loyaltyGrant(contactId: $id, points: 10) { loyaltyMember { balance } userErrors { code } } }"
    body = {"query": document, "variables": {"id": contact}}
    answers = [(await house.client.post("/graphql", json=body, headers={"Idempotency-Key": "k1"})).json()["data"] for _ in range(3)]
    assert answers == [{"loyaltyGrant": {"loyaltyMember": {"balance": 10}, "userErrors": []}}] * 3
    await has(shop, contact, balance=10)


async def test_points_are_seen_with_their_contact_and_by_nobody_else(house: House):
    shop = await Shop.of(house)
    user = await house.make("User", name="Sara", email="sara@payvand.example")
    contact = await shop.joined()
    await shop.do("loyaltyGrant", contactId=contact, points=10)
    sara = await house.as_("owner", user.id)
    document = (
        "{ loyaltyMembers { totalCount } loyaltyTransactions { totalCount } loyaltyLots { totalCount } loyaltyEntries { totalCount } }"
    )
    nothing = {key: {"totalCount": 0} for key in ("loyaltyMembers", "loyaltyTransactions", "loyaltyLots", "loyaltyEntries")}
    assert await sara.ask(document) == nothing
    await shop.change("Contact", contact, ownerId=user.id)
    seen = await sara.ask(document)
    assert seen["loyaltyMembers"] == {"totalCount": 1} and seen["loyaltyEntries"]["totalCount"] >= 2


async def test_tiers_are_reached_at_once_and_lost_when_the_time_is_over(house: House):
    shop = await Shop.of(house, tier_days=30, grace_days=10)
    for name, threshold in (("silver", 100), ("gold", 200)):
        factor = "2" if name == "gold" else "1"
        await house.make("LoyaltyTier", programme_id=shop.programme, name=name, threshold=threshold, factor=factor)
    await shop.rule(points="100")
    contact = await shop.joined()

    async def tier() -> str | None:
        await quiet(house)
        found = await house.ask("query ($id: ID!) { contact(id: $id) { loyalty { tier { name } } } }", id=contact)
        return found["contact"]["loyalty"]["tier"] and found["contact"]["loyalty"]["tier"]["name"]

    await shop.do("loyaltyGrant", contactId=contact, points=500)
    assert await tier() is None, "what was given by hand does not count"
    deal = await shop.deal(contact)
    assert await tier() == "silver"
    await shop.deal(contact)
    assert await tier() == "gold"
    await shop.deal(contact)
    await has(shop, contact, balance=900)
    await shop.change("Deal", deal, stageId=(await shop.stages())["OPEN"])
    assert await tier() == "gold"
    call = house.crm.call(SYSTEM)
    assert await look_at(call, now() + 39 * DAY) == 0
    assert await look_at(call, now() + 41 * DAY) == 1
    assert await tier() is None
    names = await house.sql("SELECT name FROM event WHERE name = 'loyaltyMember.tierChanged'")
    assert len(names) == 3


async def tier_of(shop: Shop, contact: str) -> str | None:
    """The name of a contact's tier, once consumers have heard of all that has happened."""
    await quiet(shop.house)
    found = await shop.house.ask("query ($id: ID!) { contact(id: $id) { loyalty { tier { name } } } }", id=contact)
    return found["contact"]["loyalty"]["tier"] and found["contact"]["loyalty"]["tier"]["name"]


@pytest.mark.parametrize("basis", ["POINTS", "SPEND"])
async def test_nobody_buys_a_tier_and_returns_the_goods(house: House, basis: str):
    shop = await Shop.of(house, tier_basis=basis, tier_window="CALENDAR", tier_period="YEAR", grace_days=30)
    threshold = 1000 if basis == "POINTS" else 1_000_000
    await house.make("LoyaltyTier", programme_id=shop.programme, name="gold", threshold=threshold)
    await shop.rule(points="1", per_amount={"amount": "1000", "currency": "IRR"})
    await shop.rule(points="1", per_amount={"amount": "1000000000", "currency": "IRR"})  # answers, and gives nothing
    contact = await shop.joined()
    reopened, refunded, lowered = [await shop.deal(contact, "999999") for _ in range(3)]
    assert await tier_of(shop, contact) == "gold"
    await shop.change("Deal", reopened, stageId=(await shop.stages())["OPEN"])
    assert await tier_of(shop, contact) == "gold"
    assert await shop.do("loyaltyReverse", dealId=refunded, amount="999999") == []
    assert await tier_of(shop, contact) is None
    for kind in ("OPEN", "WON"):
        await shop.change("Deal", refunded, stageId=(await shop.stages())[kind])
        await has(shop, contact, balance=999)
    await shop.change("Deal", reopened, stageId=(await shop.stages())["WON"])
    assert await tier_of(shop, contact) == "gold"
    await shop.change("Deal", lowered, amount={"amount": "0", "currency": "IRR"})
    assert await tier_of(shop, contact) is None
    await check(house)


async def test_money_counts_for_tiers_though_it_earns_no_points(house: House):
    shop = await Shop.of(house, tier_basis="SPEND")
    await house.make("LoyaltyTier", programme_id=shop.programme, name="gold", threshold=1000)
    contact = await shop.joined()
    deal = await shop.deal(contact, "600")
    await shop.deal(contact, "400")
    assert await tier_of(shop, contact) == "gold"
    await has(shop, contact)
    assert await shop.do("loyaltyReverse", dealId=deal, amount="1") == []
    assert await tier_of(shop, contact) is None
    [error] = await shop.do("loyaltyReverse", dealId=deal, amount="600")
    assert (error["field"], error["code"]) == (["amount"], "LOYALTY_INVALID") and "599.00 IRR" in error["message"]
    history = await house.ask("{ loyaltyTransactions(where: {kind: {eq: SPEND}}) { nodes { points amount { amount } } } }")
    assert sorted(one["amount"]["amount"] for one in history["loyaltyTransactions"]["nodes"]) == ["-1.00", "400.00", "600.00"]
    await check(house)


async def test_what_happened_before_a_rule_was_changed_goes_by_the_rule_as_it_was(house: House):
    shop = await Shop.of(house)
    rule = await shop.rule(points="10")
    boost = await house.make(
        "LoyaltyBoost",
        programme_id=shop.programme,
        name="b",
        factor="2",
        valid_from=now().isoformat(),
        valid_until=(now() + DAY).isoformat(),
    )
    contact = await shop.joined()
    await shop.deal(contact)  # which no consumer hears of before the rest is done
    await shop.change("LoyaltyRule", rule, points="1000")
    await shop.change("LoyaltyRule", rule, active=False)
    await shop.change("LoyaltyBoost", boost.id, factor="50")
    await house.ask("mutation ($id: ID!) { loyaltyRuleDelete(id: $id) { userErrors { message } } }", id=rule)
    await has(shop, contact, balance=20)
    await shop.deal(contact)
    await has(shop, contact, balance=20)
    await check(house)


async def test_a_referral_is_taken_back_with_the_deal_and_given_again_with_another_one(house: House):
    shop = await Shop.of(house)
    await shop.rule("REFERRAL", "50")
    first = await shop.joined("first")
    second = await shop.joined("second", referrer=first)
    deal = await shop.deal(second)
    await shop.deal(second)
    await has(shop, first, balance=50)
    await shop.change("Deal", deal, description="again")
    await has(shop, first, balance=50)
    await shop.change("Deal", deal, stageId=(await shop.stages())["OPEN"])
    await has(shop, first)
    third = await shop.deal(second, "1000")
    await has(shop, first, balance=50)
    assert await shop.do("loyaltyReverse", dealId=third, amount="1000") == []
    await has(shop, first)
    await check(house)


async def test_bounds_of_rules_hold_across_a_merge_and_what_is_undone_does_not_use_them_up(house: House):
    shop = await Shop.of(house)
    await shop.rule(points="10", cap_points=25)
    first, second = await shop.joined("first"), await shop.joined("second")
    deal = await shop.deal(first)
    await shop.deal(second)
    await has(shop, first, balance=10)
    document = "mutation ($into: ID!, $ids: [ID!]!) { contactMerge(into: $into, ids: $ids) { userErrors { message } } }"
    assert await house.ask(document, into=second, ids=[first]) == {"contactMerge": {"userErrors": []}}
    await has(shop, second, balance=20)
    await shop.deal(second)
    await has(shop, second, balance=25)
    await shop.change("Deal", deal, stageId=(await shop.stages())["LOST"])
    await has(shop, second, balance=15)
    await shop.deal(second)
    await has(shop, second, balance=25)
    await check(house)


async def test_points_held_too_long_are_there_for_the_next_redemption(house: House):
    shop = await Shop.of(house)
    contact, reward = await shop.joined(), await shop.reward(100, stock=1)
    await shop.do("loyaltyGrant", contactId=contact, points=100)
    held = (await shop.payload("loyaltyHold", contactId=contact, rewardId=reward))["loyaltyRedemption"]["id"]
    assert [error["code"] for error in await shop.do("loyaltyRedeem", contactId=contact, rewardId=reward)] == ["LOYALTY_OUT_OF_STOCK"]
    await LoyaltyRedemption.all().update(held_until=now())
    assert await shop.do("loyaltyRedeem", contactId=contact, rewardId=reward) == []
    assert [error["code"] for error in await shop.do("loyaltyCapture", id=held)] == ["LOYALTY_NOT_POSSIBLE"]
    await has(shop, contact)
    await check(house)


async def test_a_new_tier_is_given_at_night_and_expired_points_are_told_of(house: House):
    shop = await Shop.of(house)
    await shop.rule(points="100", expiry_days=5)
    contact = await shop.joined()
    await shop.deal(contact)
    assert await tier_of(shop, contact) is None
    await house.make("LoyaltyTier", programme_id=shop.programme, name="silver", threshold=100)
    assert await look_at(house.crm.call(SYSTEM), now()) == 1
    assert await tier_of(shop, contact) == "silver"
    await due_until(house.crm.call(SYSTEM), now() + 6 * DAY)
    [event] = await house.sql("SELECT id FROM event WHERE name = 'loyaltyMember.pointsExpired'")
    assert event


async def test_merging_contacts_adds_their_points_up_and_keeps_their_history(house: House):
    shop = await Shop.of(house)
    await shop.rule(points="100")
    first, second, reward = await shop.joined("first"), await shop.joined("second"), await shop.reward(30)
    stranger = (await house.make("Contact", name="stranger")).id
    deal = await shop.deal(second)
    await has(shop, second, balance=100)
    await shop.do("loyaltyGrant", contactId=first, points=11)
    held = await shop.payload("loyaltyHold", contactId=second, rewardId=reward)
    document = "mutation ($into: ID!, $ids: [ID!]!) { contactMerge(into: $into, ids: $ids) { userErrors { message } } }"
    merged = await house.ask(document, into=stranger, ids=[first, second])
    assert merged == {"contactMerge": {"userErrors": []}}
    await has(shop, stranger, balance=81, held=30)
    await shop.do("loyaltyRelease", id=held["loyaltyRedemption"]["id"])
    await shop.change("Deal", deal, stageId=(await shop.stages())["LOST"])
    await has(shop, stranger, balance=11)
    seen = await house.ask(
        "query ($id: ID!) { contact(id: $id) { loyalty { merged { nodes { history { nodes { kind } } } } } } }", id=stranger
    )
    [one] = seen["contact"]["loyalty"]["merged"]["nodes"]
    assert sorted(step["kind"] for step in one["history"]["nodes"]) == ["EARN", "HOLD", "SPEND"]
    await check(house)


async def test_liability_is_that_of_the_time_however_late_it_is_asked_for(house: House):
    shop = await Shop.of(house, breakage="0.25", expiry_days=30)
    contact, reward = await shop.joined(), await shop.reward(40)
    await shop.do("loyaltyGrant", contactId=contact, points=100)
    document = "query ($id: ID!, $at: DateTime, $share: Decimal) { loyaltyLiability(programmeId: $id, at: $at, breakage: $share)"
    document += " { points breakage value { amount currency } } }"
    before = now()
    await shop.do("loyaltyRedeem", contactId=contact, rewardId=reward)

    async def liability(at: str | None, share: str | None = None) -> dict[str, Any]:
        return (await house.ask(document, id=shop.programme, at=at, share=share))["loyaltyLiability"]

    assert await liability(None) == {"points": "60", "breakage": "0.25", "value": {"amount": "4500.00", "currency": "IRR"}}
    assert (await liability(before.isoformat()))["points"] == "100"
    assert (await liability((before - DAY).isoformat()))["points"] == "0"
    assert (await liability(None, "1"))["value"]["amount"] == "0.00"
    later = now() + 31 * DAY
    assert (await liability(later.isoformat()))["points"] == "0", "whether the job has come by or not"
    await due_until(house.crm.call(SYSTEM), later)
    assert (await liability(later.isoformat()))["points"] == "0"
    assert (await liability(None))["points"] == "60"
    assert "breakage" in (await house.answer(document, id=shop.programme, share="2"))[1][0]["message"]


async def test_a_ledger_that_somebody_has_touched_is_found_out(house: House):
    shop = await Shop.of(house)
    contact = await shop.joined()
    await shop.do("loyaltyGrant", contactId=contact, points=10)
    await LoyaltyMember.all().update(balance=1_000)
    found = (await house.ask("{ loyaltyVerify { type message } }"))["loyaltyVerify"]
    assert [one["type"] for one in found] == ["LoyaltyMember", "LoyaltyMember"]
    await LoyaltyMember.all().update(balance=10)
    await LoyaltyLot.all().update(remaining=11)
    found = (await house.ask("{ loyaltyVerify { type message } }"))["loyaltyVerify"]
    assert {one["type"] for one in found} == {"LoyaltyMember", "LoyaltyLot"}
    await LoyaltyLot.all().update(remaining=10)
    assert await shop.do("loyaltyHold", contactId=contact, rewardId=await shop.reward(4)) == []
    assert (await house.ask("{ loyaltyVerify { type message } }"))["loyaltyVerify"] == []
    await LoyaltyRedemption.all().update(state="REDEEMED")
    found = (await house.ask("{ loyaltyVerify { type message } }"))["loyaltyVerify"]
    assert [one["type"] for one in found] == ["LoyaltyRedemption"]


ROUNDS = {LoyaltyRounding.DOWN: (1, 2), LoyaltyRounding.HALF_EVEN: (2, 2), LoyaltyRounding.UP: (2, 3)}


@pytest.mark.parametrize("rounding", list(LoyaltyRounding))
def test_points_are_rounded_as_the_rule_says(rounding: LoyaltyRounding):
    rule = SimpleNamespace(points=1500, per_amount=None, rounding=rounding)
    twice = SimpleNamespace(points=2500, per_amount=None, rounding=rounding)
    found = points_of(rule, None, 1), points_of(twice, None, 1)  # type: ignore[arg-type]
    assert found == ROUNDS[rounding]


async def test_what_is_kept_after_refunds_never_grows_and_ends_at_nothing(house: House):
    async def check(points: int, before: int, back: int) -> None:
        left = kept(points, before - back, before)
        assert 0 <= left <= points
        assert kept(points, 0, before) == 0 and kept(points, before, before) == points

    await for_all(check, st.integers(1, 10**9), st.integers(1, 10**12), st.integers(0, 10**12))

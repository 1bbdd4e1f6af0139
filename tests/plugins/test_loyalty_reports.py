"""Reports of loyalty: points by period, and what a reward has done."""

import datetime
import random
import uuid
from datetime import timedelta

import pytest

from core import SYSTEM, transaction
from core.models import Deal
from plugins.loyalty.effect import Estimate, Person, effect
from plugins.loyalty.ledger import opened
from plugins.loyalty.models import LoyaltyMember, LoyaltyRedemption, LoyaltyRedemptionState
from plugins.loyalty.redeeming import redeem
from tests.house import House
from tests.plugins.test_loyalty import Shop, house

__all__ = ["house"]
pytestmark = [pytest.mark.anyio, pytest.mark.plugins("loyalty")]

DAY = timedelta(days=1)
BEGIN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


async def test_points_by_period_of_the_programmes_calendar(house: House):
    shop = await Shop.of(house, calendar="JALALI", time_zone="Asia/Tehran")
    contact = await shop.joined()
    member = await LoyaltyMember.get()
    call = house.crm.call(SYSTEM)
    nowruz = datetime.datetime(2026, 3, 20, 20, 30, tzinfo=datetime.UTC)  # midnight in Tehran

    async def at(moment: datetime.datetime, key: str, points: int) -> None:
        async with transaction(call):
            book = await opened(call, member.id, moment)
            await book.earn(points, key, available_at=moment, expires_at=moment + 40 * DAY)
            await book.burn(points // 10, f"burn:{key}")

    await at(nowruz - timedelta(seconds=1), "a", 100)
    await at(nowruz, "b", 1000)
    async with transaction(call):
        await opened(call, member.id, nowruz + 60 * DAY)
    document = """query ($id: ID!) { loyaltyFlow(programmeId: $id, from: "2026-03-10", to: "2026-05-30") {
        start complete issued matured burned expired reversed } }"""
    found = (await house.ask(document, id=shop.programme))["loyaltyFlow"]
    assert [(one["start"], one["issued"], one["burned"], one["expired"]) for one in found] == [
        ("2026-02-20", "100", "10", "0"), ("2026-03-21", "1000", "100", "0"), ("2026-04-21", "0", "0", "990"),
        ("2026-05-22", "0", "0", "0"),
    ]  # fmt: skip
    assert all(one["complete"] for one in found)
    [error] = (await house.answer(document.replace("2026-05-30", "2025-05-30"), id=shop.programme))[1]
    assert "must not come before" in error["message"]
    for year in ("0001-01-01", "9999-12-31"):
        for document in (
            f'query ($id: ID!) {{ loyaltyFlow(programmeId: $id, from: "{year}", to: "{year}", period: YEAR) {{ start }} }}',
            f'query ($id: ID!) {{ loyaltyRewardEffect(rewardId: $id, from: "2026-01-01", to: "{year}") {{ matched }} }}',
        ):
            [error] = (await house.answer(document, id=shop.programme))[1]
            assert error["extensions"]["code"] != "INTERNAL_SERVER_ERROR" and "between 1970-01-01" in error["message"]
    assert contact


async def test_what_has_expired_is_in_the_flow_before_anybody_has_noted_it(house: House):
    shop = await Shop.of(house)
    await shop.joined()
    member, call = await LoyaltyMember.get(), house.crm.call(SYSTEM)
    async with transaction(call):
        book = await opened(call, member.id, BEGIN)
        await book.earn(100, "a", available_at=BEGIN + 3 * DAY, expires_at=BEGIN + 40 * DAY)
        await book.earn(7, "b", available_at=BEGIN + 50 * DAY, expires_at=BEGIN + 40 * DAY)
    document = """query ($id: ID!) { loyaltyFlow(programmeId: $id, from: "2026-01-01", to: "2026-02-28") {
        start issued matured expired } }"""
    before = (await house.ask(document, id=shop.programme))["loyaltyFlow"]
    assert [(one["issued"], one["matured"], one["expired"]) for one in before] == [("107", "100", "0"), ("0", "0", "107")]
    async with transaction(call):
        await opened(call, member.id)
    assert (await house.ask(document, id=shop.programme))["loyaltyFlow"] == before


def person(*bought: tuple[int, int], redeemed: tuple[int, ...] = ()) -> Person:
    """Somebody who bought on these days, for so much, and redeemed on these."""
    purchases = sorted((BEGIN + day * DAY, amount) for day, amount in bought)
    return Person(BEGIN - 999 * DAY, purchases, [BEGIN + day * DAY for day in redeemed])


def test_an_effect_by_hand():
    at = BEGIN + 100 * DAY
    buyer, idle = person((90, 5), (110, 70)), person((150, 9))
    others = [person((80, 5), (120, 30)), person((85, 5)), person((101, 9)), person((95, 1), (130, 8), redeemed=(120,))]
    found = effect([(buyer, at), (idle, at)], others, 60)
    # The buyer is held against the first two, one of whom came back for 30; the idle one against the third, who came back for 9.
    assert (found.redeemers, found.matched) == (2, 2)
    assert found.repeat is not None and found.repeat.value == pytest.approx(((1 - 0.5) + (1 - 1)) / 2)
    assert found.revenue is not None and found.revenue.value == pytest.approx(((70 - 15) + (9 - 9)) / 2)


def test_who_is_like_nobody_is_left_out_and_nothing_is_no_number():
    at = BEGIN + 100 * DAY
    found = effect([(person((99, 1)), at)], [person()], 30)
    assert (found.redeemers, found.matched, found.repeat, found.revenue) == (1, 0, None, None)
    assert effect([], [], 30).repeat is None
    assert effect([(person(), at)], [person()], 30).repeat == Estimate(0.0, None, None)


@pytest.mark.parametrize("planted", [0.0, 0.2])
def test_what_was_planted_is_inside_the_interval(planted: float):
    """Of 100 samples about 95 % must hold it; those who buy more redeem more, so that without matching it would be far off."""
    dice, held, naive = random.Random(7), 0, 0
    for _ in range(100):
        people, redeemers = [], []
        for _ in range(300):
            keen = dice.random() < 0.5
            before = [(70 + dice.randrange(29), 10)] if keen else []
            redeems = dice.random() < (0.5 if keen else 0.1)
            back = dice.random() < (0.6 if keen else 0.2) + (planted if redeems else 0)
            one = person(*before, *([(101 + dice.randrange(28), 10)] if back else []), redeemed=(100,) if redeems else ())
            if redeems:
                redeemers.append((one, BEGIN + 100 * DAY))
            else:
                people.append(one)
        found = effect(redeemers, people, 30)
        assert found.repeat is not None and found.repeat.low is not None and found.repeat.high is not None
        held += found.repeat.low <= planted <= found.repeat.high
        shares = [
            sum(bool(one.bought(BEGIN + 100 * DAY, BEGIN + 130 * DAY)) for one in some) / len(some)
            for some in ([one for one, _ in redeemers], people)
        ]
        naive += abs(shares[0] - shares[1] - planted) > 0.1
    assert held >= 90
    assert naive > 75


async def test_a_reward_is_held_against_those_who_are_alike(house: House):
    shop = await Shop.of(house)
    reward, call = await shop.reward(10), house.crm.call(SYSTEM)
    for number in range(4):
        contact = await shop.joined(f"c{number}")
        await shop.do("loyaltyGrant", contactId=contact, points=10)
        if number < 2:
            await shop.deal(contact, "500")
    await LoyaltyMember.all().update(joined_at=BEGIN)
    await Deal.all().update(closed_at=BEGIN + 20 * DAY)
    first, _, third, _ = await LoyaltyMember.all().order_by("id")
    for member in (first, third):
        async with transaction(call):
            await redeem(call, member.id, uuid.UUID(reward.rsplit("_", 1)[1]))
    await LoyaltyRedemption.all().update(redeemed_at=BEGIN + 10 * DAY, state=LoyaltyRedemptionState.REDEEMED)
    document = """query ($id: ID!, $days: Int!) { loyaltyRewardEffect(rewardId: $id, from: "2026-01-01", to: "2026-02-01", days: $days) {
        redeemers unfinished matched currency repeat { value low high } revenue { value } } }"""
    found = (await house.ask(document, id=reward, days=30))["loyaltyRewardEffect"]
    assert (found["redeemers"], found["unfinished"], found["matched"], found["currency"]) == (2, 0, 2, "IRR")
    assert (found["repeat"]["value"], found["revenue"]["value"]) == ("0.000000", "0.00")  # one of two came back on both sides
    assert (await house.ask(document, id=reward, days=730))["loyaltyRewardEffect"]["unfinished"] == 2
    [error] = (await house.answer(document, id=reward, days=0))[1]
    assert "between 1 and 730" in error["message"]

"""The tables of loyalty: programmes and their rules, members, and the ledger, which is only added to."""

import uuid
from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.models import Model

from core.fields import FixedField, FoldedField, MoneyField, new_id, now
from core.models import Contact, Record


class LoyaltyRounding(StrEnum):
    """How a fraction of a point is rounded.

    DOWN: Towards zero.
    HALF_EVEN: To the nearest point, a half to the even one.
    UP: Away from zero.
    """

    DOWN = "DOWN"
    HALF_EVEN = "HALF_EVEN"
    UP = "UP"


class LoyaltyCalendar(StrEnum):
    """The calendar of months, quarters and years.

    GREGORIAN: The Gregorian calendar.
    JALALI: The Solar Hijri calendar, whose year begins with Nowruz.
    """

    GREGORIAN = "GREGORIAN"
    JALALI = "JALALI"


class LoyaltyPeriod(StrEnum):
    """A span of the calendar of a programme, in its time zone.

    DAY: A day.
    WEEK: A week, from the first day of the week in the settings.
    MONTH: A month.
    QUARTER: Three months.
    YEAR: A year.
    EVER: All time.
    """

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"
    EVER = "EVER"


class LoyaltySpent(StrEnum):
    """What becomes of points that are taken back and were spent already.

    DEBT: The member owes them, and the next points pay.
    CAP: They are let go.
    """

    DEBT = "DEBT"
    CAP = "CAP"


class LoyaltyBasis(StrEnum):
    """What counts for tiers.

    POINTS: Points earned by rules, whether they are available yet or not, less those taken back.
    SPEND: Money of won deals in the currency of the programme, whether they earned points or not, less what was given back.
    """

    POINTS = "POINTS"
    SPEND = "SPEND"


class LoyaltyWindow(StrEnum):
    """Over which time the basis of tiers is summed.

    ROLLING: The last `tierDays` days.
    CALENDAR: The current period of `tierPeriod`.
    """

    ROLLING = "ROLLING"
    CALENDAR = "CALENDAR"


class LoyaltyTrigger(StrEnum):
    """What an earning rule answers to.

    DEAL_WON: A deal of the member is won.
    ACTIVITY: An activity of the kind of the rule is done for the member.
    BIRTHDAY: It is the birthday of the member, in the time zone of the programme.
    SIGN_UP: The member has joined.
    REFERRAL: Somebody whom the member referred has joined and then won their first deal.
    """

    DEAL_WON = "DEAL_WON"
    ACTIVITY = "ACTIVITY"
    BIRTHDAY = "BIRTHDAY"
    SIGN_UP = "SIGN_UP"
    REFERRAL = "REFERRAL"


class LoyaltyKind(StrEnum):
    """What a transaction does.

    EARN: A rule has fired, and points are issued.
    GRANT: Somebody gave points by hand.
    DEDUCT: Somebody took points by hand.
    MATURE: Pending points become available.
    REDEEM: Points are burned for a reward.
    HOLD: Points are set aside for a reward.
    CAPTURE: Points that were held are burned.
    RELEASE: Points that were held are available again.
    REFUND: A redemption is undone, and its points are available again.
    EXPIRE: Points are past their time.
    REVERSE: Points are taken back, for what earned them was undone.
    SETTLE: Available points pay a debt.
    SPEND: Money was spent on a won deal, or given back; it counts for tiers, and no points move.
    MERGE: Points move to the member with whom this one was merged.
    """

    EARN = "EARN"
    GRANT = "GRANT"
    DEDUCT = "DEDUCT"
    MATURE = "MATURE"
    REDEEM = "REDEEM"
    HOLD = "HOLD"
    CAPTURE = "CAPTURE"
    RELEASE = "RELEASE"
    REFUND = "REFUND"
    EXPIRE = "EXPIRE"
    REVERSE = "REVERSE"
    SETTLE = "SETTLE"
    SPEND = "SPEND"
    MERGE = "MERGE"


class LoyaltyAccount(StrEnum):
    """An account of the ledger. The entries of each transaction sum to zero over all of them.

    AVAILABLE: Of a member: can be spent.
    PENDING: Of a member: earned, and not available yet.
    HELD: Of a member: set aside for a reward.
    DEBT: Of a member, zero or negative: owed.
    ISSUED: Of the programme, negative: all points that ever came into being.
    BURNED: Of the programme: spent, or taken by hand.
    EXPIRED: Of the programme: past their time.
    REVERSED: Of the programme: taken back.
    """

    AVAILABLE = "AVAILABLE"
    PENDING = "PENDING"
    HELD = "HELD"
    DEBT = "DEBT"
    ISSUED = "ISSUED"
    BURNED = "BURNED"
    EXPIRED = "EXPIRED"
    REVERSED = "REVERSED"


class LoyaltyRedemptionState(StrEnum):
    """How far a redemption has come.

    HELD: Its points are set aside until `heldUntil`.
    REDEEMED: Its points are burned.
    RELEASED: The hold was given up, or its time was over; the points are back.
    REFUNDED: It was undone after the points were burned; the points are back.
    """

    HELD = "HELD"
    REDEEMED = "REDEEMED"
    RELEASED = "RELEASED"
    REFUNDED = "REFUNDED"


class LoyaltyProgramme(Record):
    """A customers' club: what its points are worth, how long they live, and how tiers are reckoned. A contact is in one at most."""

    name = fields.CharField(max_length=120, description="Name of the programme.")
    name_key = FoldedField(of="name", max_length=120, db_index=True)
    point_value = MoneyField(
        description="What `perPoints` points are worth to a member; 0 when they have no value in money. Spending counts in its currency."
    )
    currency = fields.CharField(max_length=3, description="ISO 4217 code of the programme's money.")
    per_points = fields.IntField(
        default=1, description="The number of points that `pointValue` is for: 100, when one point is worth less than a coin."
    )
    breakage = FixedField(
        scale=4, default=0, description="The share of outstanding points that is expected never to be spent, from 0 to 1."
    )
    pending_days = fields.IntField(default=0, description="Days before earned points become available; rules may say otherwise.")
    expiry_days = fields.IntField(
        null=True, description="Days after which points expire, from the day they were earned; null for never. Rules may say otherwise."
    )
    spent_policy = fields.CharEnumField(
        LoyaltySpent,
        max_length=8,
        default=LoyaltySpent.DEBT,
        description="What becomes of points that are taken back and were spent already.",
    )
    time_zone = fields.CharField(
        max_length=64, default="UTC", description="Time zone of days and periods, of the IANA database; that of the company when left out."
    )
    calendar = fields.CharEnumField(
        LoyaltyCalendar, max_length=12, default=LoyaltyCalendar.GREGORIAN, description="The calendar of periods."
    )
    tier_basis = fields.CharEnumField(LoyaltyBasis, max_length=8, default=LoyaltyBasis.POINTS, description="What counts for tiers.")
    tier_window = fields.CharEnumField(
        LoyaltyWindow, max_length=8, default=LoyaltyWindow.ROLLING, description="Over which time it is summed."
    )
    tier_days = fields.IntField(default=365, description="Days of a rolling window.")
    tier_period = fields.CharEnumField(LoyaltyPeriod, max_length=8, default=LoyaltyPeriod.YEAR, description="Period of a calendar window.")
    grace_days = fields.IntField(default=0, description="Days for which a tier is kept after the window no longer gives it.")
    auto_join = fields.BooleanField(default=False, description="Whether a contact joins with the first deal that is won.")
    active = fields.BooleanField(default=True, description="Whether points are earned and spent; expiry goes on.")

    class Meta(Record.Meta):
        abstract = False
        table = "loyalty_programme"


class LoyaltyTier(Record):
    """A tier of a programme."""

    programme: fields.ForeignKeyRelation[LoyaltyProgramme] = fields.ForeignKeyField(
        "loyalty.LoyaltyProgramme", related_name=False, on_delete=fields.RESTRICT, db_index=True, description="Whose tier it is."
    )
    programme_id: uuid.UUID
    name = fields.CharField(max_length=120, description="Name of the tier.")
    threshold = fields.BigIntField(
        description="From which sum on it is reached: points, or whole units of the currency when spending counts."
    )
    factor = FixedField(scale=3, default=1000, description="By what points earned in this tier are multiplied.")
    benefits = fields.TextField(null=True, description="What members of the tier get, for people.")

    class Meta(Record.Meta):
        abstract = False
        table = "loyalty_tier"


class LoyaltyRule(Record):
    """How points are earned. A change holds for what happens from then on: what was earned stays as it was."""

    programme: fields.ForeignKeyRelation[LoyaltyProgramme] = fields.ForeignKeyField(
        "loyalty.LoyaltyProgramme", related_name=False, on_delete=fields.RESTRICT, db_index=True, description="Whose rule it is."
    )
    programme_id: uuid.UUID
    name = fields.CharField(max_length=120, description="Name of the rule, for people.")
    trigger = fields.CharEnumField(LoyaltyTrigger, max_length=12, description="What it answers to.")
    activity_kind = fields.CharField(max_length=40, null=True, description="With ACTIVITY: which kind.")
    points = FixedField(scale=3, description="Points each time, or for each `perAmount` of a won deal.")
    per_amount = MoneyField(
        null=True, description="With DEAL_WON: for how much money there are `points`; null for the same points with each deal."
    )
    currency = fields.CharField(
        max_length=3, null=True, description="ISO 4217 code of the deals that earn; null for all when points do not go by amount."
    )
    min_amount = MoneyField(null=True, description="With DEAL_WON: deals of less money earn nothing.")
    rounding = fields.CharEnumField(
        LoyaltyRounding, max_length=10, default=LoyaltyRounding.DOWN, description="How a fraction of a point is rounded, once, at the end."
    )
    valid_from = fields.DatetimeField(
        default=now, description="What happens from this time on earns, in UTC; not before the rule was made."
    )
    valid_until = fields.DatetimeField(null=True, description="What happens from this time on earns nothing, in UTC; null for no end.")
    pending_days = fields.IntField(null=True, description="Days before the points become available; null for those of the programme.")
    expiry_days = fields.IntField(null=True, description="Days after which the points expire; null for those of the programme.")
    cap_points = fields.BigIntField(
        null=True, description="The most points that a member earns by the rule in `capPeriod`; null for no bound."
    )
    cap_period = fields.CharEnumField(LoyaltyPeriod, max_length=8, default=LoyaltyPeriod.MONTH, description="The period of `capPoints`.")
    active = fields.BooleanField(default=True, description="Whether the rule fires.")

    class Meta(Record.Meta):
        abstract = False
        table = "loyalty_rule"


class LoyaltyBoost(Record):
    """A time in which rules earn more: double points in Nowruz. Of several that hold at once the largest counts."""

    programme: fields.ForeignKeyRelation[LoyaltyProgramme] = fields.ForeignKeyField(
        "loyalty.LoyaltyProgramme", related_name=False, on_delete=fields.RESTRICT, db_index=True, description="Whose rules earn more."
    )
    programme_id: uuid.UUID
    rule: fields.ForeignKeyNullableRelation[LoyaltyRule] = fields.ForeignKeyField(
        "loyalty.LoyaltyRule",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
        description="The rule that earns more; null for all.",
    )
    rule_id: uuid.UUID | None
    name = fields.CharField(max_length=120, description="Name, for people.")
    factor = FixedField(scale=3, description="By what points are multiplied: 2 for double points.")
    valid_from = fields.DatetimeField(description="The first moment, in UTC; not before now when it is made.")
    valid_until = fields.DatetimeField(description="The first moment after it, in UTC.")

    class Meta(Record.Meta):
        abstract = False
        table = "loyalty_boost"


class LoyaltyReward(Record):
    """What points can be spent on."""

    programme: fields.ForeignKeyRelation[LoyaltyProgramme] = fields.ForeignKeyField(
        "loyalty.LoyaltyProgramme", related_name=False, on_delete=fields.RESTRICT, db_index=True, description="In whose catalogue it is."
    )
    programme_id: uuid.UUID
    name = fields.CharField(max_length=200, description="Name of the reward.")
    name_key = FoldedField(of="name", db_index=True)
    description = fields.TextField(null=True, description="What it is, for people.")
    cost = fields.BigIntField(db_index=True, description="Points for one; more than 0.")
    stock = fields.IntField(null=True, description="How many are left; null when there is no bound.")
    valid_from = fields.DatetimeField(null=True, description="From when on it can be redeemed, in UTC; null for always.")
    valid_until = fields.DatetimeField(null=True, description="From when on it can no longer be redeemed, in UTC; null for no end.")
    per_member = fields.IntField(
        null=True, description="How many a member may redeem in all, refunded and released ones apart; null for no bound."
    )
    tier: fields.ForeignKeyNullableRelation[LoyaltyTier] = fields.ForeignKeyField(
        "loyalty.LoyaltyTier",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
        description="The tier that is needed, or a higher one; null for all.",
    )
    tier_id: uuid.UUID | None
    coupon = fields.BooleanField(default=False, description="Whether each redemption gets a code, to be shown and used once.")
    active = fields.BooleanField(default=True, description="Whether it can be redeemed.")

    class Meta(Record.Meta):
        abstract = False
        table = "loyalty_reward"


class LoyaltyMember(Model):
    """A contact in a programme. The points are those of the ledger, kept here by every transaction that changes them."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    contact: fields.OneToOneNullableRelation[Contact] = fields.OneToOneField(
        "core.Contact",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        description="Who it is; null for a member that was merged into another.",
    )
    contact_id: uuid.UUID | None
    programme: fields.ForeignKeyRelation[LoyaltyProgramme] = fields.ForeignKeyField(
        "loyalty.LoyaltyProgramme", related_name=False, on_delete=fields.RESTRICT, db_index=True, description="The programme."
    )
    programme_id: uuid.UUID
    joined_at = fields.DatetimeField(default=now, description="When the contact joined, in UTC.")
    referred_by: fields.ForeignKeyNullableRelation["LoyaltyMember"] = fields.ForeignKeyField(
        "loyalty.LoyaltyMember",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
        description="The member who referred this one.",
    )
    referred_by_id: uuid.UUID | None
    merged_into: fields.ForeignKeyNullableRelation["LoyaltyMember"] = fields.ForeignKeyField(
        "loyalty.LoyaltyMember",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
        description="The member into whom this one was merged.",
    )
    merged_into_id: uuid.UUID | None
    balance = fields.BigIntField(default=0, db_index=True, description="Points that can be spent.")
    pending = fields.BigIntField(default=0, description="Points that were earned and are not available yet.")
    held = fields.BigIntField(default=0, description="Points that are set aside for rewards.")
    debt = fields.BigIntField(default=0, description="Points that are owed: taken back after they were spent. Zero or more.")
    tier: fields.ForeignKeyNullableRelation[LoyaltyTier] = fields.ForeignKeyField(
        "loyalty.LoyaltyTier",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
        description="The tier; null when none is reached.",
    )
    tier_id: uuid.UUID | None
    tier_since = fields.DatetimeField(null=True, description="Since when the member has this tier, in UTC.")

    class Meta(Model.Meta):
        table = "loyalty_member"


class LoyaltyLot(Model):
    """Points that were earned together and expire together. The first to expire are the first to be spent."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    member: fields.ForeignKeyRelation[LoyaltyMember] = fields.ForeignKeyField(
        "loyalty.LoyaltyMember", related_name=False, on_delete=fields.RESTRICT, db_index=True, description="Whose points they are."
    )
    member_id: uuid.UUID
    issued = fields.BigIntField(description="How many there were.")
    remaining = fields.BigIntField(description="How many are left, pending or available: neither held, spent, expired nor taken back.")
    earned_at = fields.DatetimeField(description="When they were earned, in UTC.")
    available_at = fields.DatetimeField(description="From when on they can be spent, in UTC.")
    pending = fields.BooleanField(description="Whether they wait to become available.")
    expires_at = fields.DatetimeField(null=True, description="From when on they cannot be spent any more, in UTC; null for never.")
    told_at = fields.DatetimeField(null=True, description="When `loyaltyMember.pointsExpiring` told of them, in UTC; null before that.")

    class Meta(Model.Meta):
        table = "loyalty_lot"
        indexes = (("member_id", "remaining"), ("expires_at", "remaining"), ("pending", "available_at"))  # most lots are spent


class LoyaltyRedemption(Model):
    """A reward that a member has taken, or set points aside for."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    member: fields.ForeignKeyRelation[LoyaltyMember] = fields.ForeignKeyField(
        "loyalty.LoyaltyMember", related_name=False, on_delete=fields.RESTRICT, db_index=True, description="Who redeems."
    )
    member_id: uuid.UUID
    reward: fields.ForeignKeyRelation[LoyaltyReward] = fields.ForeignKeyField(
        "loyalty.LoyaltyReward", related_name=False, on_delete=fields.RESTRICT, db_index=True, description="What is redeemed."
    )
    reward_id: uuid.UUID
    points = fields.BigIntField(description="What it costs.")
    state = fields.CharEnumField(LoyaltyRedemptionState, max_length=10, description="How far it has come.")
    created_at = fields.DatetimeField(default=now, description="When it was asked for, in UTC.")
    held_until = fields.DatetimeField(
        null=True, db_index=True, description="Until when its points are set aside, in UTC; null when they never were."
    )
    redeemed_at = fields.DatetimeField(null=True, db_index=True, description="When its points were burned, in UTC.")
    undone_at = fields.DatetimeField(null=True, description="When the points were given back, in UTC.")
    code = fields.CharField(max_length=32, null=True, unique=True, description="The code of a coupon.")
    used_at = fields.DatetimeField(null=True, description="When the code was used, in UTC; null while it can be used.")

    class Meta(Model.Meta):
        table = "loyalty_redemption"


class LoyaltyTransaction(Model):
    """One step of the ledger: what happened, to whom, and why. It is never changed or removed."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    # Without constraints where a row could be removed; here nothing is, and members, rules and rewards are deleted softly at most.
    member: fields.ForeignKeyRelation[LoyaltyMember] = fields.ForeignKeyField(
        "loyalty.LoyaltyMember", related_name=False, on_delete=fields.RESTRICT, db_index=True, description="Whose points it is about."
    )
    member_id: uuid.UUID
    kind = fields.CharEnumField(LoyaltyKind, max_length=10, description="What it does.")
    points = fields.BigIntField(description="How many points it moves; 0 with SPEND.")
    effective_at = fields.DatetimeField(description="When it counts, in UTC: points expire at their time, however late that is noted.")
    recorded_at = fields.DatetimeField(default=now, description="When it was written, in UTC.")
    key = fields.CharField(
        max_length=160, unique=True, description="What it answers to. There is one transaction for each: `earn:` rule and event."
    )
    reverses: fields.ForeignKeyNullableRelation["LoyaltyTransaction"] = fields.ForeignKeyField(
        "loyalty.LoyaltyTransaction",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
        description="The transaction that is undone, or a part of it.",
    )
    reverses_id: uuid.UUID | None
    rule: fields.ForeignKeyNullableRelation[LoyaltyRule] = fields.ForeignKeyField(
        "loyalty.LoyaltyRule", related_name=False, null=True, on_delete=fields.RESTRICT, db_index=True, description="The rule that fired."
    )
    rule_id: uuid.UUID | None
    rule_version = fields.IntField(null=True, description="The version of the rule at that time.")
    factor = FixedField(scale=3, null=True, description="By what the points of the rule were multiplied, tier and boost together.")
    redemption: fields.ForeignKeyNullableRelation[LoyaltyRedemption] = fields.ForeignKeyField(
        "loyalty.LoyaltyRedemption",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
        description="The redemption that it belongs to.",
    )
    redemption_id: uuid.UUID | None
    source_id = fields.UUIDField(null=True, db_index=True, description="The deal or activity that earned, as its plain key.")
    amount = MoneyField(null=True, description="With EARN: the money of the deal. With SPEND: money spent, or, when negative, given back.")
    currency = fields.CharField(max_length=3, null=True, description="ISO 4217 code of the amount.")
    forgiven = fields.BigIntField(default=0, description="Points that were to be taken back and were let go, for they were spent.")

    class Meta(Model.Meta):
        table = "loyalty_transaction"
        append_only = True
        indexes = (("member_id", "effective_at", "id"),)


class LoyaltyEntry(Model):
    """One side of a transaction: how many points an account gains or loses. The sides of a transaction sum to zero."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    transaction: fields.ForeignKeyRelation[LoyaltyTransaction] = fields.ForeignKeyField(
        "loyalty.LoyaltyTransaction", related_name=False, on_delete=fields.RESTRICT, db_index=True, description="The transaction."
    )
    transaction_id: uuid.UUID
    account = fields.CharEnumField(LoyaltyAccount, max_length=10, description="The account.")
    member: fields.ForeignKeyNullableRelation[LoyaltyMember] = fields.ForeignKeyField(
        "loyalty.LoyaltyMember",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
        description="Whose account; null for one of the programme.",
    )
    member_id: uuid.UUID | None
    programme_id = fields.UUIDField(db_index=True, description="The programme, as its plain key.")
    lot: fields.ForeignKeyNullableRelation[LoyaltyLot] = fields.ForeignKeyField(
        "loyalty.LoyaltyLot",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
        description="Whose points move; null where no lot is meant.",
    )
    lot_id: uuid.UUID | None
    points = fields.BigIntField(description="Gained, or lost when negative; never 0.")
    effective_at = fields.DatetimeField(description="That of the transaction, in UTC.")

    class Meta(Model.Meta):
        table = "loyalty_entry"
        append_only = True
        indexes = (("programme_id", "effective_at"),)


class LoyaltyNote(Model):
    """Why somebody gave or took points, in their words: kept apart from the ledger, where no word could be forgotten."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    transaction: fields.ForeignKeyRelation[LoyaltyTransaction] = fields.ForeignKeyField(
        "loyalty.LoyaltyTransaction", related_name=False, on_delete=fields.RESTRICT, db_index=True, description="What was done."
    )
    transaction_id: uuid.UUID
    member: fields.ForeignKeyRelation[LoyaltyMember] = fields.ForeignKeyField(
        "loyalty.LoyaltyMember", related_name=False, on_delete=fields.RESTRICT, db_index=True, description="To whom."
    )
    member_id: uuid.UUID
    reason = fields.CharField(max_length=300, description="Why.")
    made_at = fields.DatetimeField(default=now, description="When it was written, in UTC.")

    class Meta(Model.Meta):
        table = "loyalty_note"


class LoyaltyPast(Model):
    """What a rule or a boost said until it was changed: what had happened before goes by it, however late it is told of."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    record_id = fields.UUIDField(db_index=True, description="The rule or boost.")
    until = fields.DatetimeField(description="When it was changed, in UTC.")
    said: fields.Field[dict[str, Any]] = fields.JSONField(description="Its columns, as texts and numbers.")

    class Meta(Model.Meta):
        table = "loyalty_past"

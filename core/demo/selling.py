"""The deals of the demo: how each goes through the stages, and what becomes of the contact."""

import datetime
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from core.demo.calendar import DAY, Calendar
from core.demo.goods import BUSINESS, DEAL_TAGS, GOODS, HOME, Course, Good
from core.demo.people import People, Person, Row
from core.demo.words import CLOSING, LOST
from core.fields import new_id
from core.models import LifecycleStage, StageKind
from core.money import Money

Step = tuple[uuid.UUID, datetime.datetime]
DISCOUNTS = (0, 0, 0, 0, 5, 5, 10, 15)
BULK = 3  # a deal of less than one machine and more than this is one of beans


@dataclass
class Sale:
    """A deal: with whom, about what, and how it stands."""

    row: Row
    person: Person
    good: Good
    steps: list[Step]
    kind: StageKind

    @property
    def start(self) -> datetime.datetime:
        """When it began."""
        return self.row["started_at"]

    @property
    def end(self) -> datetime.datetime | None:
        """When it was won or lost."""
        return self.row.get("closed_at")


@dataclass
class Pipe:
    """A pipeline with its stages."""

    course: Course
    row: Row
    stages: list[Row] = field(default_factory=list)

    def of(self, kind: StageKind) -> list[uuid.UUID]:
        """The keys of the stages of one kind, in their order."""
        return [stage["id"] for stage in self.stages if stage["kind"] is kind]


class Selling:
    """Draws products, pipelines and deals."""

    def __init__(self, random: Random, calendar: Calendar, people: People) -> None:
        self.random, self.calendar, self.people = random, calendar, people
        self.products = {good.sku: self._product(good) for good in GOODS}
        self.pipes = {course: self._pipe(course, position) for position, course in enumerate((BUSINESS, HOME))}

    def sales(self, count: int, contacts: list[Person]) -> list[Sale]:
        """Deals in the order of their beginning, each with someone who was known by then."""
        by_market = {iran: [person for person in contacts if person.iran is iran] for iran in (True, False)}
        share = len(by_market[True]) / len(contacts)
        sales: list[Sale] = []
        for _ in range(count):
            iran = self.random.random() < share
            start = self.calendar.draw(iran)
            known = self._known(by_market[iran], start)
            if known:
                sales.append(self._sale(known, start))
        return sorted(sales, key=lambda sale: sale.start)

    def lives(self, contacts: list[Person], sales: list[Sale]) -> None:
        """Give each contact its stage in life and the way there, as its deals tell."""
        deals: dict[uuid.UUID, list[Sale]] = {person.row["id"]: [] for person in contacts}
        for sale in sales:
            deals[sale.person.row["id"]].append(sale)
        for person in contacts:
            steps = self._life(person, deals[person.row["id"]])
            person.row["lifecycle_stage"] = steps[-1][0]
            person.row["history"] = {"lifecycle_stage": steps}

    def _known(self, people: list[Person], start: datetime.datetime) -> Person | None:
        """Someone whom we had met by then; half of the time someone of the last weeks."""
        low, high = 0, len(people)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if people[middle].since <= start else (low, middle)
        if not low:
            return None
        recent = max(0, low - 120) if self.random.random() < 0.5 else 0
        return people[self.random.randrange(recent, low)]

    def _sale(self, person: Person, start: datetime.datetime) -> Sale:
        pipe = self.pipes[BUSINESS if person.firm else HOME]
        goods = self._goods(person, start)
        currency = "IRR" if person.iran else "EUR"
        lines = [self._line(good, currency, bool(person.firm)) for good in goods]
        steps, kind = self._way(pipe, person, start)
        row = Row(
            id=new_id(),
            title=self._title(goods[0], person),
            pipeline_id=pipe.row["id"],
            stage_id=steps[-1][0],
            contact_id=person.row["id"],
            company_id=person.firm.row["id"] if person.firm else None,
            owner_id=person.owner.id,
            created_at=start,
            started_at=start,
            amount=_sum(lines, currency),
            source=person.row["source"] if self.random.random() < 0.8 else None,
            history={"stage": steps},
            expected_close_on=(start + self.random.uniform(1.5, 4) * pipe.course.days * DAY).date(),
            lines=lines if self.random.random() < 0.9 else [],
            tag_ids=[self.people.tags[name]["id"] for name, chance in DEAL_TAGS.items() if self.random.random() < chance],
        )
        if kind is not StageKind.OPEN:
            row["closed_at"] = steps[-1][1]
        if kind is StageKind.LOST:
            row["lost_reason"] = self.random.choice(LOST[person.iran])
        return Sale(row, person, goods[0], steps, kind)

    def _way(self, pipe: Pipe, person: Person, start: datetime.datetime) -> tuple[list[Step], StageKind]:
        """The stages with their times until now, and the kind of the last one."""
        random, stages = self.random, pipe.of(StageKind.OPEN)
        chance = pipe.course.rate * person.owner.skill * CLOSING.get(str(person.row["source"]), 1.0)
        won = random.random() < chance
        reached = len(stages) if won else min(len(stages), 1 + int(random.expovariate(0.7)))
        forgotten = random.random() < 0.03
        steps, moment = [(stages[0], start)], start
        for stage in stages[1:reached]:
            moment = self._later(pipe, person, moment)
            if moment >= self.calendar.now:
                return steps, StageKind.OPEN
            if random.random() > 0.08:  # some leave a stage out
                steps.append((stage, moment))
        moment = self._later(pipe, person, moment)
        if forgotten or moment >= self.calendar.now:
            return steps, StageKind.OPEN
        kind = StageKind.WON if won else StageKind.LOST
        return [*steps, (pipe.of(kind)[0], moment)], kind

    def _later(self, pipe: Pipe, person: Person, moment: datetime.datetime) -> datetime.datetime:
        return self.calendar.after(moment, self.random.lognormvariate(0, 0.7) * pipe.course.days * 0.8, person.iran)

    def _goods(self, person: Person, start: datetime.datetime) -> list[Good]:
        """What the deal is about; products that are no longer sold were so in the first year."""
        sold = [good for good in GOODS if good.active or start < self.calendar.start + 365 * DAY]
        weights = [good.business if person.firm else good.home for good in sold]
        count = self.random.choices((1, 2, 3), (55, 32, 13) if person.firm else (78, 18, 4))[0]
        chosen = self.random.choices(sold, weights, k=count)
        return sorted(dict.fromkeys(chosen), key=lambda good: -good.price_in("EUR").amount)

    def _line(self, good: Good, currency: str, business: bool) -> Row:
        quantity = min(good.most, 1 + int(self.random.expovariate(3 / good.most))) if business or good.most > BULK else 1
        return Row(
            product_id=self.products[good.sku]["id"],
            quantity=Decimal(quantity if business else min(quantity, 6)),
            unit_price=good.price_in(currency),
            discount=Decimal(self.random.choice(DISCOUNTS) if business else 0),
        )

    def _title(self, good: Good, person: Person) -> str:
        name = person.firm.row["name"] if person.firm else f"{person.row['given_name']} {person.row['family_name']}"
        return f"{good.name} برای {name}" if person.iran else f"{good.english} for {name}"

    def _life(self, person: Person, sales: list[Sale]) -> list[tuple[LifecycleStage, datetime.datetime]]:
        random, since = self.random, person.since
        steps = [(LifecycleStage.SUBSCRIBER if random.random() < 0.35 else LifecycleStage.LEAD, since)]
        if not sales:
            if steps[0][0] is LifecycleStage.SUBSCRIBER and random.random() < 0.3:
                steps.append((LifecycleStage.LEAD, self.calendar.draw(person.iran, since)))
            return steps
        first = sales[0].start
        if steps[0][0] is LifecycleStage.SUBSCRIBER:
            steps.append((LifecycleStage.LEAD, since + (first - since) * 0.5))
        steps += [(LifecycleStage.QUALIFIED, since + (first - since) * 0.8), (LifecycleStage.OPPORTUNITY, first)]
        wins = sorted(sale.end for sale in sales if sale.kind is StageKind.WON and sale.end)
        if wins:
            steps.append((LifecycleStage.CUSTOMER, wins[0]))
            quiet = wins[-1] + 300 * DAY
            if quiet < self.calendar.now and random.random() < 0.55:
                steps.append((LifecycleStage.CHURNED, quiet))
        return steps

    def _product(self, good: Good) -> Row:
        return Row(
            id=new_id(),
            name=good.name,
            sku=good.sku,
            family=good.family,
            description=good.english,
            price=Money(good.price, good.currency),
            active=good.active,
            created_at=self.calendar.start,
        )

    def _pipe(self, course: Course, position: int) -> Pipe:
        pipe = Pipe(course, Row(id=new_id(), name=course.name, position=position, created_at=self.calendar.start))
        pipe.stages = [
            Row(
                id=new_id(),
                pipeline_id=pipe.row["id"],
                name=name,
                kind=kind,
                probability=Decimal(chance),
                position=index,
                created_at=self.calendar.start,
            )
            for index, (name, kind, chance) in enumerate(course.stages)
        ]
        return pipe


def _sum(lines: list[Row], currency: str) -> Money:
    total = sum((line["unit_price"].amount * line["quantity"] * (100 - line["discount"]) / 100 for line in lines), Decimal(0))
    return Money(total.quantize(Decimal("0.01")), currency)

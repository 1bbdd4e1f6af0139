"""The activities of the demo: what was said and done about the deals, and what is still to do."""

import datetime
from random import Random

from core.demo.calendar import DAY, Calendar
from core.demo.goods import GOODS, Good
from core.demo.people import People, Person, Row
from core.demo.selling import Sale
from core.demo.words import ABOUT, SUBJECTS
from core.fields import new_id
from core.models import StageKind

ALONE = 0.35  # of the contacts have something that belongs to no deal


class Doings:
    """Draws activities."""

    def __init__(self, random: Random, calendar: Calendar, people: People, products: dict[str, Row]) -> None:
        self.random, self.calendar, self.products = random, calendar, products
        self.care = [seller for seller in people.sellers if seller.team == "Customer care"]

    def activities(self, contacts: list[Person], sales: list[Sale]) -> list[Row]:
        """All activities, in the order in which they were written down."""
        rows = [row for sale in sales for row in self._of_sale(sale)]
        rows += [self._alone(person) for person in contacts if self.random.random() < ALONE]
        return sorted(rows, key=lambda row: row["created_at"])

    def _of_sale(self, sale: Sale) -> list[Row]:
        random, now = self.random, self.calendar.now
        until = sale.end or min(now, sale.start + 120 * DAY)
        count = 1 + min(6, int(random.expovariate(0.62 if sale.person.firm else 0.9)))
        rows = [self._past(sale.person, self._between(sale, until), sale) for _ in range(count)]
        if sale.kind is StageKind.OPEN and random.random() < 0.65:
            rows.append(self._planned(sale))
        if sale.kind is StageKind.WON and random.random() < 0.25:
            after = self.calendar.after(sale.end or now, random.uniform(2, 20), sale.person.iran)
            rows += [self._past(sale.person, after, sale)] if after < now else []
        return rows

    def _between(self, sale: Sale, until: datetime.datetime) -> datetime.datetime:
        return self.calendar.draw(sale.person.iran, sale.start, until) if until - sale.start > DAY else sale.start

    def _alone(self, person: Person) -> Row:
        return self._past(person, self.calendar.draw(person.iran, person.since), None)

    def _past(self, person: Person, moment: datetime.datetime, sale: Sale | None) -> Row:
        """Something that was done; a task may still wait, be late, or have been done after its time."""
        kinds = SUBJECTS[person.iran]
        kind = self.random.choices(list(kinds), [share for share, _ in kinds.values()])[0]
        row = self._row(person, kind, moment, sale)
        if kind != "TASK":
            return row | Row(done_at=moment)
        due = self.calendar.after(moment, self.random.uniform(1, 9), person.iran)
        done = self.calendar.after(moment, self.random.uniform(0.5, 11), person.iran)
        return row | Row(due_at=due, done_at=done if done < self.calendar.now and self.random.random() < 0.95 else None)

    def _planned(self, sale: Sale) -> Row:
        """The next step of an open deal: mostly in the days to come, now and then overdue."""
        now = self.calendar.now
        kind = self.random.choices(("TASK", "CALL", "MEETING"), (5, 3, 2))[0]
        written = self.calendar.draw(sale.person.iran, max(sale.start, now - 14 * DAY), now)
        late = self.random.random() < 0.2
        due = self.calendar.after(written if late else now, self.random.uniform(0.5, 3 if late else 20), sale.person.iran)
        return self._row(sale.person, kind, written, sale) | Row(due_at=due)

    def _row(self, person: Person, kind: str, moment: datetime.datetime, sale: Sale | None) -> Row:
        random = self.random
        good = sale.good if sale and random.random() < 0.8 else random.choice(GOODS)
        owner = person.owner if random.random() < 0.85 else random.choice(self.care)
        row = Row(
            id=new_id(),
            kind=kind,
            subject=self._subject(person, kind, good),
            contact_id=person.row["id"],
            assignee_id=owner.id,
            created_at=moment,
            company_id=person.row.get("company_id"),
            deal_id=sale.row["id"] if sale else None,
            product_id=self.products[good.sku]["id"] if random.random() < 0.85 else None,
        )
        if kind in ("NOTE", "MEETING") and random.random() < 0.6:
            row["body"] = random.choice(ABOUT[person.iran])
        return row

    def _subject(self, person: Person, kind: str, good: Good) -> str:
        return self.random.choice(SUBJECTS[person.iran][kind][1]).format(good.called(person.iran))

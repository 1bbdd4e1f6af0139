"""The people of the demo: those who sell, and those whom they sell to."""

import datetime
import uuid
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from core.demo.calendar import DAY, Calendar
from core.demo.goods import LEFT, STAFF, TAGS, TEAMS
from core.demo.names import PERSIAN, Name
from core.demo.places import CITIES, City, postal_code, street
from core.demo.words import ABOUT, JOBS, KINDS, KINDS_ABROAD, SOURCES, TITLES, TITLES_ABROAD
from core.fields import new_id
from core.models import Gender
from core.money import Money

Row = dict[str, Any]
ARABIC = str.maketrans("یک", "يك")  # what the keyboards of old phones type
HOME_MAIL = ("example.com", "example.org", "example.net", "mail.example", "post.example")


@dataclass
class Seller:
    """A user of the CRM."""

    row: Row
    team: str
    skill: float

    @property
    def id(self) -> uuid.UUID:
        """The key."""
        return self.row["id"]


@dataclass
class Firm:
    """A company, and where it is."""

    row: Row
    city: City
    owner: Seller


@dataclass
class Person:
    """A contact: `firm` is the company of a business customer."""

    row: Row
    city: City
    owner: Seller
    firm: Firm | None = None

    @property
    def since(self) -> datetime.datetime:
        """When we met."""
        return self.row["created_at"]

    @property
    def iran(self) -> bool:
        """Whether the market is Iran, and the language Persian."""
        return self.city.country.code == "IR"


class People:
    """Draws teams, users, tags, companies and contacts."""

    def __init__(self, random: Random, calendar: Calendar) -> None:
        self.random, self.calendar = random, calendar
        begin = calendar.start
        self.teams = {name: Row(id=new_id(), name=name, created_at=begin) for name in TEAMS}
        for name, parent in TEAMS.items():
            self.teams[name]["parent_id"] = self.teams[parent]["id"] if parent else None
        self.sellers = [self._seller(begin, *entry) for entry in STAFF]
        self.tags = {name: Row(id=new_id(), name=name, created_at=begin) for name in TAGS}
        self._used: set[str] = set()

    def firms(self, count: int) -> list[Firm]:
        """Companies, the oldest first; a few are subsidiaries of others."""
        at_home = [(kind, title) for kind in KINDS for title in TITLES]
        abroad = {code: [(kind, title) for kind in kinds for title in TITLES_ABROAD] for code, kinds in KINDS_ABROAD.items()}
        moments = sorted(self._met(True) for _ in range(count))
        cities = self.random.choices(CITIES, [city.weight for city in CITIES], k=count)
        for pool in (at_home, *abroad.values()):
            self.random.shuffle(pool)
        firms: list[Firm] = []
        for city, moment in zip(cities, moments, strict=True):
            if city.country.code == "IR":
                (kind, word, industry, size), title = at_home.pop()
                firms.append(self._firm(city, moment, f"{kind} {title.shown}", f"{title.latin}-{word}", industry, size))
                continue
            (pattern, industry, size), title = abroad[city.country.code].pop()
            word = f"{_plain(title.shown)}-{_plain(pattern.replace('{}', '')).strip('-')}-{city.country.code.lower()}"
            firms.append(self._firm(city, moment, pattern.format(title.shown), word, industry, size))
        for firm in self.random.sample(firms[len(firms) // 2 :], len(firms) // 20):
            firm.row["parent_id"] = self.random.choice(firms[: len(firms) // 2]).row["id"]
        return firms

    def contacts(self, count: int, firms: list[Firm]) -> list[Person]:
        """Contacts, the oldest first: business people of the companies, home customers, and some who are there twice."""
        moments = sorted(self._met(True) for _ in range(count))
        people: list[Person] = []
        for moment in moments:
            known = [firm for firm in firms if firm.row["created_at"] <= moment] if self.random.random() < 0.45 else []
            people.append(self._person(moment, self.random.choice(known) if known else None))
        for old, new in zip(
            self.random.sample(people[: count // 2], count // 80), self.random.sample(people[count // 2 :], count // 80), strict=True
        ):
            self._again(old, new)
        return people

    def _met(self, iran: bool) -> datetime.datetime:
        """A moment of the two years; one in five was brought over from the old spreadsheet in the first weeks."""
        old = self.random.random() < 0.2
        return self.calendar.draw(iran, until=self.calendar.start + 45 * DAY) if old else self.calendar.draw(iran)

    def _seller(self, begin: datetime.datetime, team: str, name: str, address: str, skill: float) -> Seller:
        row = Row(
            id=new_id(), name=name, email=f"{address}@example.com", team_id=self.teams[team]["id"], active=address != LEFT, created_at=begin
        )
        return Seller(row, team, skill)

    def _owner(self, city: City) -> Seller:
        team = "Sales Iran" if city.country.code == "IR" else "Sales Europe"
        return self.random.choice([one for one in self.sellers if one.team in (team, "Sales")])

    def _tags(self, chances: dict[str, float]) -> list[uuid.UUID]:
        return [self.tags[name]["id"] for name, chance in chances.items() if self.random.random() < chance]

    def _firm(self, city: City, moment: datetime.datetime, name: str, word: str, industry: str, size: int) -> Firm:
        random, owner = self.random, self._owner(city)
        employees = max(2, round(size * random.lognormvariate(0, 0.6)))
        turnover = employees * round(random.uniform(30, 120)) * 1_000
        iran = city.country.code == "IR"
        domain = f"{word}.example"
        row = Row(
            id=new_id(),
            name=name,
            domain=domain,
            website=f"https://www.{domain}",
            industry=industry,
            employees=employees,
            founded_year=random.randrange(1960, moment.year - 1),
            owner_id=owner.id,
            created_at=moment,
            tag_ids=self._tags({"VIP": 0.05, "wholesale": 0.2}),
            annual_revenue=Money(Decimal(turnover) * 300_000, "IRR") if iran else Money(Decimal(turnover), "EUR"),
            **self._address(city),
        )
        return Firm(row, city, owner)

    def _person(self, moment: datetime.datetime, firm: Firm | None) -> Person:
        random = self.random
        city = firm.city if firm else random.choices(CITIES, [one.weight for one in CITIES])[0]
        iran = city.country.code == "IR"
        persian = iran or random.random() < 0.12
        names = PERSIAN if persian else city.country.names
        woman = random.random() < 0.48
        given, family = random.choice(names.women if woman else names.men), random.choice(names.families)
        owner = firm.owner if firm and random.random() < 0.8 else self._owner(city)
        row = Row(
            id=new_id(),
            **self._spelt(given, family, iran or not persian),
            created_at=moment,
            owner_id=owner.id,
            gender=(Gender.FEMALE if woman else Gender.MALE) if random.random() < 0.93 else None,
            source=random.choices(list(SOURCES), list(SOURCES.values()))[0],
            locale="fa-IR" if persian else city.country.locale,
            time_zone=city.zone,
            emails=self._mails(given, family, firm),
            phones=self._phones(city, firm),
            tag_ids=self._tags(TAGS),
            email_consent=random.random() < 0.62,
            sms_consent=random.random() < (0.5 if iran else 0.1),
            call_consent=random.random() < 0.35,
        )
        if firm:
            row |= Row(company_id=firm.row["id"], job_title=random.choice(JOBS[iran]), city=city.name, country=city.country.code)
        else:
            row |= self._address(city) if random.random() < 0.7 else Row(city=city.name, country=city.country.code)
        if random.random() < (0.35 if firm else 0.6):
            row["birth_date"] = self._birth()
        if random.random() < 0.12:
            row["description"] = random.choice(ABOUT[iran])
        return Person(row, city, owner, firm)

    def _spelt(self, given: Name, family: Name, native: bool) -> Row:
        """The name as someone typed it: in Latin letters abroad and now and then in Iran, or with Arabic ي and ك."""
        chance = self.random.random()
        if not native or chance < 0.05:
            return Row(given_name=given.latin, family_name=family.latin)
        if chance < 0.13:
            return Row(given_name=given.shown.translate(ARABIC), family_name=family.shown.translate(ARABIC))
        return Row(given_name=given.shown, family_name=family.shown)

    def _mails(self, given: Name, family: Name, firm: Firm | None) -> list[Row]:
        who = f"{_plain(given.latin)}.{_plain(family.latin)}"
        mails = [Row(address=self._unique(who, firm.row["domain"]), label="work")] if firm else []
        if self.random.random() < (0.12 if firm else 0.9):
            mails.append(Row(address=self._unique(who, self.random.choice(HOME_MAIL)), label="home"))
        return mails

    def _unique(self, who: str, domain: str) -> str:
        number, address = 1, f"{who}@{domain}"
        while address in self._used:
            number += 1
            address = f"{who}{number}@{domain}"
        self._used.add(address)
        return address

    def _phones(self, city: City, firm: Firm | None) -> list[Row]:
        kinds = {"mobile": 0.85, "work": 0.4 if firm else 0.0}
        numbers = [(label, self._number(city, label)) for label, chance in kinds.items() if self.random.random() < chance]
        return [Row(number=number, label=label) for label, number in numbers if number]

    def _number(self, city: City, label: str) -> str | None:
        make = city.country.mobile if label == "mobile" else city.country.landline
        for _ in range(20):
            number = make(self.random)
            if number not in self._used:
                self._used.add(number)
                return number
        return None  # the range is small, and nearly all of it is taken

    def _address(self, city: City) -> Row:
        return Row(
            street=street(self.random, city),
            city=city.name,
            region=city.region,
            postal_code=postal_code(self.random, city),
            country=city.country.code,
        )

    def _birth(self) -> datetime.date:
        age = min(80.0, max(18.0, self.random.gauss(38, 11)))
        return (self.calendar.now - datetime.timedelta(days=age * 365.25)).date()

    def _again(self, old: Person, new: Person) -> None:
        """The same person came a second time by another way, and was typed in anew."""
        again = {name: old.row.get(name) for name in ("given_name", "family_name", "gender", "birth_date", "phones", "city", "country")}
        again["family_name"] = str(again["family_name"]).translate(ARABIC)
        new.row |= {**again, "phones": [Row(one) for one in old.row["phones"]]}


def _plain(text: str) -> str:
    """Text as addresses take it."""
    letters = str.maketrans({"é": "e", "ô": "o", "É": "e", "è": "e", "ä": "ae", "ö": "oe", "ü": "ue", "&": "and", " ": "-", "'": ""})
    return "".join(letter for letter in text.translate(letters).lower() if letter.isalnum() or letter == "-")

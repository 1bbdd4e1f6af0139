"""Where people and companies are: cities, streets, and numbers that ring nowhere."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from core.demo.names import ENGLISH, FRENCH, GERMAN, PERSIAN, SWEDISH, Names


@dataclass(frozen=True)
class Country:
    """A market: its codes, its names and how its telephone numbers are made."""

    code: str
    locale: str
    names: Names
    streets: tuple[str, ...]
    mobile: Callable[[Random], str]
    landline: Callable[[Random], str]


@dataclass(frozen=True)
class City:
    """A city and how many of a thousand records are there."""

    name: str
    region: str
    country: Country
    zone: str
    weight: int


def _digits(prefix: str, count: int, low: int = 0) -> Callable[[Random], str]:
    """Numbers of a range. Abroad these are kept free for films; in Iran, which keeps none, mobile numbers with 999000."""
    return lambda random: f"{prefix}{random.randrange(low, 10**count):0{count}}"


_IRAN = Country(
    "IR",
    "fa-IR",
    PERSIAN,
    (
        "خیابان ولیعصر",
        "خیابان آزادی",
        "بلوار کشاورز",
        "خیابان شریعتی",
        "خیابان حافظ",
        "کوچه‌ی یاس",
        "خیابان انقلاب",
        "بلوار ارم",
        "خیابان فردوسی",
    ),
    _digits("+98999000", 4),
    _digits("+98210000", 4),
)
_GERMANY = Country(
    "DE",
    "de-DE",
    GERMAN,
    ("Hauptstraße", "Lindenstraße", "Bahnhofstraße", "Goethestraße", "Gartenweg", "Am Markt"),
    _digits("+4917139200", 2),
    _digits("+493023125", 3),
)
_FRANCE = Country(
    "FR",
    "fr-FR",
    FRENCH,
    ("rue de la Paix", "avenue Victor Hugo", "rue des Lilas", "boulevard Voltaire", "place du Marché"),
    _digits("+3363998", 4),
    _digits("+3319900", 4),
)
_BRITAIN = Country(
    "GB",
    "en-GB",
    ENGLISH,
    ("High Street", "Station Road", "Church Lane", "Victoria Road", "Mill Lane"),
    _digits("+447700900", 3),
    _digits("+442079460", 3),
)
_SWEDEN = Country(
    "SE",
    "sv-SE",
    SWEDISH,
    ("Storgatan", "Drottninggatan", "Kungsgatan", "Skolgatan"),
    _digits("+467017406", 2, 5),
    _digits("+468465004", 2),
)

IRAN = (
    City("تهران", "تهران", _IRAN, "Asia/Tehran", 370),
    City("اصفهان", "اصفهان", _IRAN, "Asia/Tehran", 90),
    City("شیراز", "فارس", _IRAN, "Asia/Tehran", 90),
    City("مشهد", "خراسان رضوی", _IRAN, "Asia/Tehran", 80),
    City("تبریز", "آذربایجان شرقی", _IRAN, "Asia/Tehran", 60),
    City("کرج", "البرز", _IRAN, "Asia/Tehran", 40),
    City("رشت", "گیلان", _IRAN, "Asia/Tehran", 25),
    City("یزد", "یزد", _IRAN, "Asia/Tehran", 15),
    City("کرمان", "کرمان", _IRAN, "Asia/Tehran", 10),
)
ABROAD = (
    City("Berlin", "Berlin", _GERMANY, "Europe/Berlin", 60),
    City("München", "Bayern", _GERMANY, "Europe/Berlin", 35),
    City("Hamburg", "Hamburg", _GERMANY, "Europe/Berlin", 25),
    City("Paris", "Île-de-France", _FRANCE, "Europe/Paris", 35),
    City("Lyon", "Auvergne-Rhône-Alpes", _FRANCE, "Europe/Paris", 10),
    City("London", "England", _BRITAIN, "Europe/London", 40),
    City("Stockholm", "Stockholms län", _SWEDEN, "Europe/Stockholm", 15),
)
CITIES = IRAN + ABROAD


def postal_code(random: Random, city: City) -> str:
    """A code of the right shape."""
    match city.country.code:
        case "IR":
            return f"{random.randrange(10**9, 10**10)}"
        case "GB":
            inward = f"{random.randrange(1, 10)}{random.choice('ABDEF')}{random.choice('GHJLN')}"
            return f"{random.choice(('N', 'E', 'SW', 'SE'))}{random.randrange(1, 20)} {inward}"
        case "SE":
            return f"{random.randrange(100, 200)} {random.randrange(10, 100)}"
    return f"{random.randrange(10_000, 99_999)}"


def street(random: Random, city: City) -> str:
    """A street and number, in the order of the country."""
    name, number = random.choice(city.country.streets), random.randrange(1, 240)
    match city.country.code:
        case "IR":
            return f"{name}، پلاک {number}"
        case "GB" | "FR":
            return f"{number} {name}"
    return f"{name} {number}"

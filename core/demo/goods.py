"""What the seller of the demo sells, to whom, in which steps and by which people."""

from dataclasses import dataclass
from decimal import Decimal

from core.models import StageKind
from core.money import Money

RIALS = 1_000_000  # of one euro, when a price is carried over


@dataclass(frozen=True)
class Good:
    """A product: its name in Persian and in English, its price, and how often business and home customers want it."""

    name: str
    english: str
    sku: str
    family: str
    price: Decimal
    currency: str
    business: int
    home: int
    most: int = 1
    active: bool = True

    def price_in(self, currency: str) -> Money:
        """The price in rials or in euros, rounded as prices are."""
        if currency == self.currency:
            return Money(self.price, currency)
        if currency == "IRR":
            return Money((self.price * RIALS / 1_000_000).to_integral_value() * 1_000_000, currency)
        return Money((self.price / RIALS).quantize(Decimal(1)) - Decimal("0.10"), currency)

    def called(self, persian: bool) -> str:
        """The name in the language of a customer."""
        return self.name if persian else self.english


def _rials(millions: int) -> Decimal:
    return Decimal(millions) * 1_000_000


GOODS = (
    Good("دستگاه اسپرسو نیما", "Nima espresso machine", "ESP-100", "Espresso", _rials(420), "IRR", 6, 30, 2),
    Good("دستگاه اسپرسو نیما پلاس", "Nima Plus espresso machine", "ESP-200", "Espresso", _rials(690), "IRR", 10, 16, 3),
    Good("دستگاه حرفه‌ای کاوه دو گروپ", "Kaveh Pro two-group machine", "PRO-220", "Professional", Decimal("4900.00"), "EUR", 22, 0, 3),
    Good("دستگاه حرفه‌ای کاوه سه گروپ", "Kaveh Pro three-group machine", "PRO-330", "Professional", Decimal("7400.00"), "EUR", 10, 0, 2),
    Good("قهوه‌ساز اداری آرش", "Arash office brewer", "OFF-300", "Office", _rials(980), "IRR", 22, 2, 6),
    Good("آسیاب قهوه", "Coffee grinder", "GRD-050", "Grinders", _rials(160), "IRR", 12, 18, 3),
    Good("آسیاب حرفه‌ای", "Professional grinder", "GRD-500", "Grinders", Decimal("890.00"), "EUR", 14, 1, 4),
    Good("دان قهوه عربیکا، یک کیلو", "Arabica beans, 1 kg", "BEA-101", "Coffee", _rials(19), "IRR", 34, 40, 60),
    Good("دان قهوه ترکیبی، یک کیلو", "House blend beans, 1 kg", "BEA-102", "Coffee", _rials(15), "IRR", 34, 30, 90),
    Good("قرارداد سرویس سالانه", "Service contract, one year", "SRV-012", "Service", _rials(120), "IRR", 22, 4, 3),
    Good("دوره‌ی باریستا", "Barista training", "TRN-001", "Service", _rials(65), "IRR", 8, 8, 4),
    Good("فرنچ پرس یلدا", "Yalda French press", "FRP-010", "Accessories", _rials(22), "IRR", 1, 26, 2, active=False),
)


@dataclass(frozen=True)
class Course:
    """A pipeline: its stages with kind and chance, how many days a deal spends in one, and how often it is won."""

    name: str
    stages: tuple[tuple[str, StageKind, str], ...]
    days: float
    rate: float


BUSINESS = Course(
    "فروش سازمانی – Business",
    (
        ("درخواست – Inquiry", StageKind.OPEN, "0.10"),
        ("بررسی نیاز – Qualified", StageKind.OPEN, "0.25"),
        ("تست قهوه – Tasting", StageKind.OPEN, "0.40"),
        ("پیش‌فاکتور – Offer", StageKind.OPEN, "0.60"),
        ("مذاکره – Negotiation", StageKind.OPEN, "0.80"),
        ("موفق – Won", StageKind.WON, "1"),
        ("ناموفق – Lost", StageKind.LOST, "0"),
    ),
    days=13,
    rate=0.34,
)
HOME = Course(
    "فروش خانگی – Home",
    (
        ("تماس تازه – New", StageKind.OPEN, "0.20"),
        ("مشاوره – Advice", StageKind.OPEN, "0.45"),
        ("پیشنهاد – Offer", StageKind.OPEN, "0.70"),
        ("موفق – Won", StageKind.WON, "1"),
        ("ناموفق – Lost", StageKind.LOST, "0"),
    ),
    days=4,
    rate=0.52,
)

# Teams with the team that they are part of, and their people: name, address, how well they sell.
TEAMS = {"Sales": None, "Sales Iran": "Sales", "Sales Europe": "Sales", "Customer care": None}
STAFF = (
    ("Sales", "نیلوفر پارسا", "niloufar.parsa", 1.1),
    ("Sales Iran", "علی‌رضا کریمی", "alireza.karimi", 1.2),
    ("Sales Iran", "زهرا حسینی", "zahra.hosseini", 1.15),
    ("Sales Iran", "مهدی رحیمی", "mehdi.rahimi", 0.95),
    ("Sales Iran", "سارا نیک‌نام", "sara.niknam", 1.0),
    ("Sales Iran", "کامران بیات", "kamran.bayat", 0.7),
    ("Sales Europe", "Lena Hoffmann", "lena.hoffmann", 1.1),
    ("Sales Europe", "Arash Tehrani", "arash.tehrani", 1.0),
    ("Sales Europe", "Camille Durand", "camille.durand", 0.9),
    ("Customer care", "مینا صادقی", "mina.sadeghi", 1.0),
    ("Customer care", "پویا عباسی", "pouya.abbasi", 1.0),
    ("Customer care", "Jonas Weber", "jonas.weber", 1.0),
)
LEFT = "kamran.bayat"  # is no longer there, as happens

TAGS = {
    "VIP": 0.04, "خبرنامه": 0.22, "نمایشگاه تهران": 0.09, "HOST Milano": 0.03, "باریستا": 0.05, "wholesale": 0.05, "نیاز به پیگیری": 0.06,
    "service contract": 0.07, "معرف": 0.04, "press": 0.01,
}  # fmt: skip
DEAL_TAGS = {"wholesale": 0.08, "service contract": 0.08, "نیاز به پیگیری": 0.05, "VIP": 0.03}

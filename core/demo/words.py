"""The words of the demo: what companies are called, what people do, and what is said and written."""

from core.demo.names import names

# Kind of company in Persian, in Latin letters, its industry, and how many people work there.
KINDS = (
    ("کافه", "cafe", "Gastronomy", 8),
    ("رستوران", "restaurant", "Gastronomy", 25),
    ("هتل", "hotel", "Hospitality", 90),
    ("شرکت فناوری", "tech", "Software", 60),
    ("دفتر معماری", "studio", "Architecture", 15),
    ("گروه صنعتی", "group", "Manufacturing", 350),
    ("فروشگاه", "store", "Retail", 20),
    ("کلینیک", "clinic", "Health", 40),
    ("آموزشگاه", "academy", "Education", 30),
    ("بانک", "bank", "Finance", 800),
)
TITLES = names("""
        نارنج:narenj، البرز:alborz، پارسیان:parsian، آفتاب:aftab، مهتاب:mahtab، دماوند:damavand، سپیدار:sepidar،
        باران:baran، نگین:negin، آریا:arya، زاگرس:zagros، کارون:karoon، خزر:khazar، ارس:aras، سهند:sahand، پاسارگاد:pasargad،
        هخامنش:hakhamanesh، نوین:novin، پیشرو:pishro، راهیان:rahian، گلستان:golestan، لاله:laleh، یاقوت:yaghout،
        فیروزه:firouzeh، رز:rose، سیمرغ:simorgh، هما:homa، شب~یلدا:yalda، مهر:mehr، آبان:aban، کیمیا:kimia، رویال:royal،
        ونک:vanak، تجریش:tajrish
    """)
KINDS_ABROAD = {
    "DE": (("Café {}", "Gastronomy", 9), ("Hotel {}", "Hospitality", 80), ("{} GmbH", "Software", 70), ("{} AG", "Manufacturing", 600)),
    "FR": (("Café {}", "Gastronomy", 7), ("Hôtel {}", "Hospitality", 60), ("{} SARL", "Retail", 25), ("{} SA", "Finance", 400)),
    "GB": (("{} Coffee", "Gastronomy", 10), ("The {} Hotel", "Hospitality", 90), ("{} Ltd", "Software", 50), ("{} & Sons", "Retail", 18)),
    "SE": (("Kafé {}", "Gastronomy", 6), ("{} AB", "Software", 45)),
}
TITLES_ABROAD = names("""
        Linden، Astoria، Nordlicht، Aurora، Central، Bellevue، Meridian، Kontor، Atlas، Orion، Morgen، Lumière، Rivage،
        Harbour، Foundry، Oakfield، Kestrel، Juniper، Solstice، Parallel، Silberfuchs، Hafen، Étoile، Vivaldi، Copper
    """)

JOBS = {
    True: (
        "مدیر خرید",
        "مدیرعامل",
        "مدیر کافه",
        "مسئول تدارکات",
        "مدیر مالی",
        "مدیر منابع انسانی",
        "سرآشپز",
        "باریستا",
        "کارشناس خرید",
        None,
    ),
    False: ("Head of purchasing", "Managing director", "Office manager", "Café manager", "CFO", "Head barista", "Chef", "Buyer", None),
}
SOURCES = {
    "Website": 30,
    "Instagram": 22,
    "Referral": 14,
    "نمایشگاه قهوه تهران": 8,
    "Google Ads": 10,
    "Cold call": 8,
    "HOST Milano": 3,
    "Partner": 5,
}
CLOSING = {"Referral": 1.35, "Partner": 1.2, "نمایشگاه قهوه تهران": 1.1, "Cold call": 0.6, "Instagram": 0.85}  # how well sources sell

LOST = {
    True: ("قیمت بالا بود", "از رقیب خرید", "بودجه نداشت", "پاسخ نداد", "پروژه متوقف شد", "زمان تحویل طولانی بود"),
    False: ("Too expensive", "Bought from a competitor", "No budget", "No answer", "Project stopped", "Delivery took too long"),
}
ABOUT = {
    True: (
        "می‌خواهد پیش از خرید دستگاه را ببیند.",
        "تصمیم نهایی با هیئت‌مدیره است.",
        "به پرداخت اقساطی علاقه دارد.",
        "تماس فقط بعد از ساعت ۱۶.",
        "از سرویس قبلی راضی بود.",
        "قهوه‌ی تیره‌برشت را ترجیح می‌دهد.",
    ),
    False: (
        "Wants to see the machine before buying.",
        "The board decides in the end.",
        "Interested in leasing.",
        "Please call after 4 pm only.",
        "Was happy with the last service.",
        "Prefers a dark roast.",
    ),
}

# By kind of activity: how often, and its subjects; {} is the product.
SUBJECTS: dict[bool, dict[str, tuple[int, tuple[str, ...]]]] = {
    True: {
        "CALL": (34, ("تماس درباره‌ی {}", "پیگیری پیش‌فاکتور {}", "پاسخ به پرسش درباره‌ی {}", "تماس تلفنی: قیمت {}", "هماهنگی تحویل {}")),
        "EMAIL": (22, ("ارسال پیش‌فاکتور {}", "کاتالوگ {}", "شرایط گارانتی {}", "پاسخ به ایمیل درباره‌ی {}")),
        "MEETING": (14, ("جلسه‌ی معرفی {}", "تست قهوه با {}", "بازدید از محل نصب {}", "جلسه‌ی مذاکره درباره‌ی {}")),
        "NOTE": (16, ("علاقه‌مند به {}", "مقایسه‌ی {} با رقیب", "یادداشت درباره‌ی {}")),
        "TASK": (14, ("ارسال نمونه‌ی {}", "تهیه‌ی پیش‌فاکتور {}", "پیگیری پرداخت {}", "هماهنگی نصب {}")),
    },
    False: {
        "CALL": (28, ("Call about {}", "Follow-up on the offer for {}", "Questions about {}", "Price of {}", "Delivery of {}")),
        "EMAIL": (32, ("Offer for {} sent", "Brochure: {}", "Warranty terms of {}", "Re: {}")),
        "MEETING": (13, ("Demo of {}", "Tasting with {}", "Visit on site for {}", "Negotiation about {}")),
        "NOTE": (14, ("Interested in {}", "Compares {} with a competitor", "Note on {}")),
        "TASK": (13, ("Send a sample: {}", "Prepare an offer for {}", "Check the payment for {}", "Arrange installation of {}")),
    },
}

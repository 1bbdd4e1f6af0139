"""Names of people, Persian ones in both scripts."""

from dataclasses import dataclass

ZWNJ = "\u200c"


@dataclass(frozen=True)
class Name:
    """A name as it is shown, and in Latin letters for addresses."""

    shown: str
    latin: str


@dataclass(frozen=True)
class Names:
    """The given and family names of one language."""

    women: tuple[Name, ...]
    men: tuple[Name, ...]
    families: tuple[Name, ...]


def names(text: str) -> tuple[Name, ...]:
    """The names in a text, with `،` between two, each `as it is shown:in Latin letters`; `~` is a ZWNJ."""
    pairs = [entry.strip().partition(":") for entry in text.replace("\n", " ").split("،")]
    return tuple(Name(shown.replace("~", ZWNJ), latin or shown) for shown, _, latin in pairs if shown)


PERSIAN = Names(
    women=names("""
        فاطمه:Fatemeh، زهرا:Zahra، مریم:Maryam، سارا:Sara، نرگس:Narges، مینا:Mina، لیلا:Leila، شیرین:Shirin،
        نسرین:Nasrin، پریسا:Parisa، مهسا:Mahsa، نگار:Negar، الهام:Elham، سمیرا:Samira، آزاده:Azadeh، رویا:Roya،
        هانیه:Hanieh، یاسمن:Yasaman، پروانه:Parvaneh، شهرزاد:Shahrzad، نیلوفر:Niloufar، مهناز:Mahnaz، سپیده:Sepideh،
        کیمیا:Kimia، غزل:Ghazal، بهاره:Bahareh، فرزانه:Farzaneh، ملیکا:Melika، ترانه:Taraneh، آیدا:Aida، ژاله:Zhaleh،
        گلناز:Golnaz، معصومه:Masoumeh، طاهره:Tahereh، زینب:Zeinab، پریناز:Parinaz، مهتاب:Mahtab، سحر:Sahar، ندا:Neda،
        هدیه:Hedieh، فاطمه~زهرا:Fatemeh Zahra، مه~لقا:Mahlagha، گل~آرا:Golara، نازنین~زهرا:Nazanin Zahra، آرزو:Arezou،
        یگانه:Yeganeh، ستاره:Setareh
    """),
    men=names("""
        محمد:Mohammad، علی:Ali، حسین:Hossein، رضا:Reza، مهدی:Mehdi، امیر:Amir، سعید:Saeed، حمید:Hamid، مجید:Majid،
        کیوان:Keyvan، بهرام:Bahram، آرش:Arash، کاوه:Kaveh، سیاوش:Siavash، فرهاد:Farhad، پویا:Pouya، نیما:Nima،
        سینا:Sina، بابک:Babak، کامران:Kamran، شهرام:Shahram، داریوش:Dariush، کوروش:Kourosh، یوسف:Yousef،
        ابراهیم:Ebrahim، مصطفی:Mostafa، یحیی:Yahya، هادی:Hadi، جواد:Javad، بهزاد:Behzad، فرزاد:Farzad، مسعود:Masoud،
        ناصر:Naser، آرمان:Arman، پارسا:Parsa، ماهان:Mahan، کیان:Kian، شایان:Shayan، علی~رضا:Alireza،
        محمد~رضا:Mohammadreza، امیر~حسین:Amirhossein، محمد~علی:Mohammadali، غلام~رضا:Gholamreza، حمید~رضا:Hamidreza،
        امیر~علی:Amirali، عبد~الله:Abdollah، مهیار:Mahyar، سام:Sam، رامین:Ramin
    """),
    families=names("""
        احمدی:Ahmadi، محمدی:Mohammadi، حسینی:Hosseini، رضایی:Rezaei، کریمی:Karimi، موسوی:Mousavi، جعفری:Jafari،
        صادقی:Sadeghi، رحیمی:Rahimi، ابراهیمی:Ebrahimi، قاسمی:Ghasemi، اکبری:Akbari، نوری:Nouri، شریفی:Sharifi،
        کاظمی:Kazemi، یوسفی:Yousefi، عباسی:Abbasi، میرزایی:Mirzaei، رستمی:Rostami، طاهری:Taheri، زارعی:Zarei،
        بهرامی:Bahrami، فرهادی:Farhadi، کیانی:Kiani، شیرازی:Shirazi، تبریزی:Tabrizi، اصفهانی:Esfahani، تهرانی:Tehrani،
        خراسانی:Khorasani، مشهدی:Mashhadi، نیک~نام:Niknam، حسین~زاده:Hosseinzadeh، تقی~پور:Taghipour، قلی~پور:Gholipour،
        رفیعی:Rafiei، شکوهی:Shokouhi، کاویانی:Kaviani، پارسا:Parsa، دهقان:Dehghan، باقری:Bagheri، سلطانی:Soltani،
        حیدری:Heidari، مرادی:Moradi، امینی:Amini، هاشمی:Hashemi، گل~محمدی:Golmohammadi، ملک~زاده:Malekzadeh،
        نصرت~الهی:Nosratollahi، فتح~الله~زاده:Fathollahzadeh، صفری:Safari، پورمحمدی:Pourmohammadi،
        خان~محمدی:Khanmohammadi، ناظری:Nazeri، شایسته:Shayesteh، وکیلی:Vakili، یزدانی:Yazdani، کمالی:Kamali، اسدی:Asadi،
        نجفی:Najafi، حکیمی:Hakimi، آقایی:Aghaei، ایزدی:Izadi، فروتن:Foroutan، بیات:Bayat، زندی:Zandi، رهنما:Rahnama،
        دانش:Danesh، خوش~رفتار:Khoshraftar، پاک~نژاد:Paknejad، علی~پور:Alipour، مهدی~زاده:Mehdizadeh، بیگی:Beigi،
        قربانی:Ghorbani، پناهی:Panahi، توکلی:Tavakoli
    """),
)
GERMAN = Names(
    women=names("Anna، Lena، Sophie، Marie، Katharina، Julia، Laura، Franziska، Jana، Claudia، Sabine، Renate، Zoë:Zoe، Käthe:Kaethe"),
    men=names("Jonas، Lukas، Felix، Max، Paul، Stefan، Thomas، Andreas، Jürgen:Juergen، Björn:Bjoern، Karl-Heinz، Moritz، Jan، Emre"),
    families=names("""
        Müller:Mueller، Schmidt، Schneider، Fischer، Weber، Wagner، Becker، Hoffmann، Schäfer:Schaefer، Koch، Richter،
        Klein، Wolf، Neumann، Schwarz، Zimmermann، Krüger:Krueger، Hartmann، Lange، Krause، Lehmann، Köhler:Koehler،
        Maier، Groß:Gross، Yılmaz:Yilmaz، von Stein:vonStein
    """),
)
FRENCH = Names(
    women=names(
        "Camille، Chloé:Chloe، Léa:Lea، Manon، Inès:Ines، Élise:Elise، Amélie:Amelie، Hélène:Helene، Nathalie، Françoise:Francoise"
    ),
    men=names("Louis، Hugo، Jules، Gabriel، Antoine، François:Francois، Jérôme:Jerome، Théo:Theo، Mathieu، Jean-Luc، Étienne:Etienne"),
    families=names("""
        Martin، Bernard، Dubois، Durand، Leroy، Moreau، Lefèvre:Lefevre، Garnier، Faure، Rousseau، Blanc، Chevalier،
        Lambert، Fontaine، Noël:Noel، Gauthier، Perrin، Morel، Renaud، D'Almeida:Dalmeida، de La Tour:delatour
    """),
)
ENGLISH = Names(
    women=names("Emily، Charlotte، Olivia، Amelia، Grace، Sophia، Hannah، Lucy، Alice، Siobhan، Priya، Aisha"),
    men=names("James، Oliver، George، Harry، Jack، William، Thomas، Daniel، Edward، Callum، Arjun، Omar"),
    families=names("""
        Smith، Jones، Taylor، Brown، Wilson، Johnson، Walker، Wright، Green، Hall، Clarke، Turner، Hill، Cooper، Ward،
        O'Connor:OConnor، Patel، Khan، Bennett، Shaw، Fletcher، Harper
    """),
)
SWEDISH = Names(
    women=names("Elsa، Astrid، Freja، Ingrid، Linnéa:Linnea، Åsa:Asa، Karin، Saga"),
    men=names("Erik، Lars، Nils، Gustav، Oskar، Björn:Bjorn، Håkan:Hakan، Anders"),
    families=names(
        "Andersson، Johansson، Karlsson، Nilsson، Lindberg، Lindström:Lindstrom، Åkesson:Akesson، Öberg:Oberg، Sjögren:Sjogren، Holm"
    ),
)

//! What the shop sells, and names of people, companies and cities.

/// A category with its products: name, lowest and highest price in cents.
pub type Category = (&'static str, [(&'static str, u32, u32); 8]);

pub const CATEGORIES: [Category; 6] = [
    (
        "Coffee",
        [
            ("House blend, 500 g", 990, 1290),
            ("Single origin Ethiopia, 250 g", 1090, 1490),
            ("Decaf, 500 g", 1090, 1390),
            ("Espresso dark roast, 1 kg", 1890, 2390),
            ("Cold brew bags, 12 pieces", 1290, 1590),
            ("Green beans, 1 kg", 1190, 1490),
            ("Capsules, 50 pieces", 1690, 1990),
            ("Barista course voucher", 6900, 7900),
        ],
    ),
    (
        "Tea",
        [
            ("Earl Grey, 100 g", 690, 890),
            ("Sencha, 100 g", 890, 1190),
            ("Rooibos vanilla, 150 g", 590, 790),
            ("Chai masala, 200 g", 790, 990),
            ("Peppermint, 80 g", 490, 590),
            ("Matcha, 40 g", 1990, 2690),
            ("Tasting box, 12 teas", 2490, 2990),
            ("Darjeeling first flush, 100 g", 1290, 1690),
        ],
    ),
    (
        "Equipment",
        [
            ("Hand grinder", 5900, 7900),
            ("French press, 1 l", 2990, 3990),
            ("Gooseneck kettle", 4900, 6900),
            ("Moka pot, 6 cups", 2690, 3490),
            ("Digital scale", 2990, 3990),
            ("Pour-over set", 3490, 4490),
            ("Milk frother", 2490, 3990),
            ("Espresso machine", 39900, 49900),
        ],
    ),
    (
        "Tableware",
        [
            ("Stoneware mug", 1290, 1690),
            ("Espresso cups, set of 4", 2490, 2990),
            ("Glass teapot", 2990, 3690),
            ("Travel mug", 1990, 2690),
            ("Latte glasses, set of 2", 1690, 1990),
            ("Sugar bowl", 1190, 1490),
            ("Oak tray", 2490, 3290),
            ("Mug \u{1F98A} limited edition", 1690, 1990),
        ],
    ),
    (
        "Sweets",
        [
            ("Dark chocolate, 100 g", 350, 490),
            ("Almond biscuits", 490, 690),
            ("Caramel wafers", 390, 550),
            ("Honey, 500 g", 790, 1090),
            ("Jam trio", 990, 1290),
            ("Gift box \u{1F381} small", 1990, 2490),
            ("Gift box \u{1F381} large", 3990, 4990),
            ("Marzipan", 590, 790),
        ],
    ),
    (
        "Accessories",
        [
            ("Paper filters, 100 pieces", 390, 590),
            ("Descaler", 690, 890),
            ("Storage tin", 1290, 1690),
            ("Cleaning brush", 490, 690),
            ("Thermometer", 1290, 1690),
            ("Tamper", 1990, 2990),
            ("Tea strainer", 690, 990),
            ("Linen towel", 990, 1390),
        ],
    ),
];

/// First names, with the form used in addresses.
pub const FIRST: [(&str, &str); 40] = [
    ("Ada", "ada"),
    ("Amélie", "amelie"),
    ("Andrés", "andres"),
    ("Anna", "anna"),
    ("Björn", "bjorn"),
    ("Chiara", "chiara"),
    ("Daniel", "daniel"),
    ("Elif", "elif"),
    ("Emma", "emma"),
    ("Farid", "farid"),
    ("Felix", "felix"),
    ("Grace", "grace"),
    ("Hannah", "hannah"),
    ("Ines", "ines"),
    ("Ivan", "ivan"),
    ("Jakub", "jakub"),
    ("Jonas", "jonas"),
    ("Kwame", "kwame"),
    ("Lars", "lars"),
    ("Leïla", "leila"),
    ("Liam", "liam"),
    ("Lucía", "lucia"),
    ("Mateo", "mateo"),
    ("Mia", "mia"),
    ("Mikko", "mikko"),
    ("Nadia", "nadia"),
    ("Noah", "noah"),
    ("Olga", "olga"),
    ("Pedro", "pedro"),
    ("Priya", "priya"),
    ("Rosa", "rosa"),
    ("Samuel", "samuel"),
    ("Sofia", "sofia"),
    ("Søren", "soren"),
    ("Tariq", "tariq"),
    ("Thea", "thea"),
    ("Tomás", "tomas"),
    ("Yara", "yara"),
    ("Yusuf", "yusuf"),
    ("Zoë", "zoe"),
];

/// Family names, with the form used in addresses.
pub const FAMILY: [(&str, &str); 40] = [
    ("Almeida", "almeida"),
    ("Andersson", "andersson"),
    ("Bauer", "bauer"),
    ("Bianchi", "bianchi"),
    ("Castillo", "castillo"),
    ("Dąbrowski", "dabrowski"),
    ("Demir", "demir"),
    ("Dubois", "dubois"),
    ("Eriksen", "eriksen"),
    ("Fernández", "fernandez"),
    ("Fischer", "fischer"),
    ("Garnier", "garnier"),
    ("Haddad", "haddad"),
    ("Hansen", "hansen"),
    ("Horváth", "horvath"),
    ("Ivanova", "ivanova"),
    ("Jensen", "jensen"),
    ("Kaya", "kaya"),
    ("Keller", "keller"),
    ("Kowalczyk", "kowalczyk"),
    ("Krüger", "krueger"),
    ("Lefèvre", "lefevre"),
    ("Lindqvist", "lindqvist"),
    ("Marino", "marino"),
    ("Mensah", "mensah"),
    ("Moreau", "moreau"),
    ("Nguyen", "nguyen"),
    ("Novák", "novak"),
    ("O'Brien", "obrien"),
    ("Okafor", "okafor"),
    ("Pereira", "pereira"),
    ("Rossi", "rossi"),
    ("Schmidt", "schmidt"),
    ("Sharma", "sharma"),
    ("Silva", "silva"),
    ("Smith", "smith"),
    ("Tanaka", "tanaka"),
    ("Van Dijk", "vandijk"),
    ("Virtanen", "virtanen"),
    ("Weber", "weber"),
];

/// Whole names in other scripts, some outside the basic plane (four bytes in UTF-8), with the form
/// used in addresses.
pub const OTHER_SCRIPTS: [(&str, &str); 8] = [
    ("\u{20BB7}野 健太", "kenta.yoshino"),
    ("\u{20BB7}田 葵", "aoi.yoshida"),
    ("Анна Петрова", "anna.petrova"),
    ("Ελένη Παπαδοπούλου", "eleni.papadopoulou"),
    ("محمد الحسن", "mohamed.alhasan"),
    ("김민준", "minjun.kim"),
    ("李\u{2070E}", "li.li"),
    ("नेहा वर्मा", "neha.varma"),
];

/// Companies that buy here.
pub const COMPANIES: [&str; 16] = [
    "Atelier Nord",
    "Bluebird Studios",
    "Café \u{1F331} Verde",
    "Cooper & Daughters",
    "Delta Logistics",
    "Fjord Design AS",
    "Hotel Miramar",
    "Kanzlei Vogt",
    "Lumen Architects",
    "Mercato 21",
    "North Sea Clinic",
    "Office \u{1F98A} Works",
    "Papier & Co",
    "Quantum Bakery",
    "Studio Ñandú",
    "Zentrum für Tanz",
];

/// Cities with their country.
pub const CITIES: [(&str, &str); 16] = [
    ("Berlin", "DE"),
    ("Hamburg", "DE"),
    ("München", "DE"),
    ("Köln", "DE"),
    ("Paris", "FR"),
    ("Lyon", "FR"),
    ("Madrid", "ES"),
    ("Porto", "PT"),
    ("Milano", "IT"),
    ("Wien", "AT"),
    ("Zürich", "CH"),
    ("Amsterdam", "NL"),
    ("København", "DK"),
    ("Malmö", "SE"),
    ("Kraków", "PL"),
    ("Dublin", "IE"),
];

/// What customers write on an order.
pub const NOTES: [&str; 6] = [
    "Please ring twice.",
    "It is a present \u{1F381}, no invoice in the parcel.",
    "Leave it with the neighbour.",
    "Deliver after 17:00.",
    "Invoice to the company, please.",
    "Ground for French press.",
];

/// Why a payment failed.
pub const FAILURES: [&str; 4] = [
    "insufficient funds",
    "card expired",
    "declined by bank",
    "timed out",
];

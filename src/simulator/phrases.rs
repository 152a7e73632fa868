//! The words of a small shop's support desk, in the three languages of its customers.

use super::account::SenderKind;

/// Who says a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The customer.
    Contact,
    /// A person at the desk.
    Operator,
    /// The account's bot.
    Bot,
}

impl From<Speaker> for SenderKind {
    fn from(speaker: Speaker) -> Self {
        match speaker {
            Speaker::Contact => Self::Contact,
            Speaker::Operator => Self::Operator,
            Speaker::Bot => Self::Project,
        }
    }
}

/// One line of a conversation.
pub(super) type Line = (Speaker, &'static str);

use Speaker::{Bot as B, Contact as C, Operator as O};

/// The conversations of one language; a chat runs through them.
pub(super) type Language = &'static [&'static [Line]];

/// One entry a language.
pub(super) const LANGUAGES: [Language; 3] = [UKRAINIAN, RUSSIAN, ENGLISH];

const UKRAINIAN: Language = &[
    &[
        (C, "Добрий день! Чи є в наявності чашка «Карпати» 350 мл?"),
        (
            B,
            "Вітаємо у крамниці «Сонячний глек»! Оператор відповість за кілька хвилин 😊",
        ),
        (O, "Добрий день! Так, є синя та зелена. Яку відкласти?"),
        (C, "Синю, будь ласка, і дві тарілки до неї"),
        (
            O,
            "Готово. Разом 1 240 грн, доставка Новою поштою за ваш рахунок.",
        ),
        (C, "Дякую! Оплачу сьогодні ввечері 🙏"),
    ],
    &[
        (C, "Де моє замовлення №4821? Обіцяли вчора"),
        (O, "Перевіряю, зачекайте хвилинку"),
        (
            O,
            "Посилка вже у Львові, ТТН 20450698112233. Сьогодні буде у відділенні.",
        ),
        (C, "Супер, дякую"),
        (B, "Оцініть, будь ласка, нашу роботу від 1 до 5 ⭐"),
        (C, "5"),
    ],
    &[
        (C, "Чашка приїхала з тріщиною 😢"),
        (
            O,
            "Нам дуже прикро! Надішліть, будь ласка, фото чашки та упаковки.",
        ),
        (C, "Ось, видно біля ручки"),
        (O, "Бачу. Надішлемо нову завтра, стару повертати не треба."),
        (C, "Ви найкращі ❤️"),
    ],
    &[
        (C, "А чи можна забрати з майстерні самому?"),
        (
            O,
            "Звісно, вул. Ґалаґанівська, 7, з 10:00 до 19:00, крім понеділка.",
        ),
        (C, "Буду о пів на шосту, об'їду затори"),
        (O, "Чекаємо!"),
    ],
    &[
        (C, "Підкажіть, глечик можна ставити в посудомийку?"),
        (
            O,
            "Можна, до 60 °C. А от мікрохвильовку краще оминати: є золото на вінцях.",
        ),
        (C, "Зрозуміло, дякую за \"золото\" 😄"),
    ],
];

const RUSSIAN: Language = &[
    &[
        (C, "Здравствуйте, сколько стоит доставка в Одессу?"),
        (
            B,
            "Здравствуйте! Мы получили ваше сообщение и скоро ответим.",
        ),
        (O, "Добрый день! До 2 кг — 70 грн, срок 1–2 дня."),
        (C, "Отлично. Тогда беру чайник и набор из шести пиал"),
        (O, "Оформила, заказ № 5102. Реквизиты отправила ниже."),
        (C, "Оплатил, чек прикрепляю"),
        (O, "Вижу оплату, завтра отправим 👍"),
    ],
    &[
        (C, "Можно поменять адрес в заказе? Ошибся отделением"),
        (O, "Можно, посылка ещё у нас. Какое нужно?"),
        (C, "Отделение № 14, а не 41"),
        (O, "Исправила. Хорошего дня!"),
    ],
    &[
        (C, "у вас оптовые цены есть? мы кафе, нужно 60 чашек"),
        (O, "Да, от 30 штук скидка 15 %, от 100 — 25 %."),
        (C, "А с логотипом? Вот такой: «Ёж & Ко»"),
        (O, "Сделаем, деколь +18 грн за штуку, срок две недели."),
        (C, "Согласовано, ждём счёт"),
        (O, "Счёт отправила на почту и сюда."),
    ],
    &[
        (
            C,
            "Пришёл не тот цвет. Заказывала «охру», а это просто жёлтый…",
        ),
        (
            O,
            "Простите за путаницу! Обменяем бесплатно. Когда удобно встретить курьера?",
        ),
        (C, "В субботу после 12"),
        (O, "Записала: суббота, 12:00–15:00."),
        (C, "Спасибо большое ☀️"),
    ],
    &[
        (C, "Не могу войти в личный кабинет, пишет \"ошибка 403\""),
        (O, "Сбросила пароль, письмо придёт в течение пяти минут"),
        (C, "Пришло, всё работает"),
    ],
];

const ENGLISH: Language = &[
    &[
        (C, "Hi! Do you ship the \"Carpathian Blue\" mug to Poland?"),
        (
            B,
            "Hello and welcome to Sunny Jug! A person will be with you shortly.",
        ),
        (O, "Hello! Yes, 4 to 6 working days, 9 € up to 2 kg."),
        (C, "Great, two mugs and the small jug then"),
        (O, "Order 5230 is ready, the payment link is below."),
        (C, "Paid 🎉"),
    ],
    &[
        (
            C,
            "It's been a week & the tracking page still says \"accepted\"",
        ),
        (
            O,
            "I'm sorry. I've asked the courier, they owe us an answer by noon.",
        ),
        (O, "The parcel was scanned in Warsaw this morning."),
        (C, "Phew, thank you!"),
    ],
    &[
        (C, "Can I get an invoice for my company?"),
        (O, "Sure. Please send the company's name and tax number."),
        (C, "O'Brien & Sons <Ceramics> Ltd, PL5260001246"),
        (O, "Done, it is in your inbox."),
        (C, "Perfect 👌🏽"),
    ],
    &[
        (C, "do you give pottery lessons?"),
        (
            O,
            "Every Saturday at 11, 600 UAH with clay and firing included.",
        ),
        (C, "Two places for next Saturday please"),
        (O, "Booked. See you in the workshop!"),
    ],
];

/// First names and surnames.
pub(super) const FIRST_NAMES: &[&str] = &[
    "Олена",
    "Мар'яна",
    "Тарас",
    "Ігор",
    "Ґреґор",
    "Соломія",
    "Анна",
    "Алёна",
    "Дмитрий",
    "Сергей",
    "Ольга",
    "Юлия",
    "Helena",
    "Oleksandr",
    "Kate",
    "Zoë",
    "Łukasz",
    "Marta",
];

/// Surnames to go with them.
pub(super) const SURNAMES: &[&str] = &[
    "Коваль",
    "Шевчук",
    "Дем'яненко",
    "Їжакевич",
    "Бондар",
    "Сидоров",
    "Щербакова",
    "Лебедева",
    "O'Brien",
    "Serdiuk",
    "Baday",
    "Nowak",
    "Müller",
    "Smith",
];

/// Customers who call themselves something else.
pub(super) const NICKNAMES: &[&str] = &[
    "ФОП \"Сонечко\"",
    "кафе «Ёж & Ко»",
    "🌻 Марічка 🌻",
    "Robert'); --",
    "ООО \"Рога и копыта\"",
    "👩🏽‍🍳",
];

/// What the system notes about a chat.
pub(super) const ACTIVITIES: &[&str] = &[
    "Chat was opened",
    "Chat was closed by the operator",
    "Operator joined the chat",
    "Тег «постійний клієнт» додано",
    "Funnel \"Первая покупка\" started",
];

/// What operators write under an edited message.
pub(super) const CORRECTIONS: &[&str] = &[
    "Виправлення: доставка безкоштовна від 1 500 грн.",
    "Уточнение: самовывоз до 19:00, а не до 20:00.",
    "Correction: the invoice number is 5231.",
    "Перепрошую, одруківка: ТТН 20450698112234 🙈",
];

/// Notes among operators.
pub(super) const INTERNAL_NOTES: &[&str] = &[
    "Клієнт телефонував, передзвонити після 15:00",
    "Скидку 10 % согласовала с Ириной",
    "VIP, be nice",
];

/// Words under a picture.
pub(super) const CAPTIONS: &[&str] = &[
    "Ось так виглядає",
    "Скол возле ручки",
    "The blue one",
    "Наша новинка ✨",
];

"""Made-up people, pages and adverts; every number and host is one that cannot exist."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

# ACTIVE is missing on purpose: only the newest calls are still in progress.
STATUSES = (
    ["ANSWER"] * 30
    + ["NOANSWER"] * 8
    + ["BUSY"] * 4
    + ["CANCEL"] * 3
    + ["TORTURE"] * 2
    + ["CONGESTION", "CHANUNAVAIL", "DONTCALL"]
)
ALL_STATUSES = frozenset({*STATUSES, "ACTIVE"})
COMMENTS = (
    "Перезвонить завтра",
    "Просил прайс на почту",
    "Повторный клиент; договор «Весна»",
    "Ошиблись номером",
    "Интересует доставка, уточнить адрес",
)
CITIES = (
    ("Москва", "Московская область"),
    ("Санкт-Петербург", "Ленинградская область"),
    ("Казань", "Татарстан"),
    ("Екатеринбург", "Свердловская область"),
    ("Новосибирск", "Новосибирская область"),
    ("Самара", "Самарская область"),
    ("Пермь", "Пермский край"),
)
# system name, display name, utm_source, utm_medium, names by level
SOURCES: tuple[tuple[str, str, str | None, str | None, list[str | None]], ...] = (
    ("", "Прямые визиты", None, None, [None]),
    ("site", "Переходы с сайтов", None, "referral", ["site", None]),
    ("yandex", "Яндекс", None, "organic", ["seo", "yandex"]),
    ("google", "Google", None, "organic", ["seo", "google"]),
    ("direct_search_18000022", "Яндекс.Директ: поиск", "direct", "cpc", ["direct", "search", None]),
    ("adwords2_search_4011", "Google Ads: поиск", "google", "cpc", ["adwords2", "search"]),
    ("vk_promo", "ВКонтакте", "vk", "social", ["vk", "promo"]),
)
TERMS = ("окна пвх", "ремонт квартир", "купить диван", "доставка цветов")
TAGS: tuple[dict[str, str] | None, ...] = (
    None,
    None,
    {"12": "Целевой"},
    {"7": "Спам", "12": "VIP"},
)
STATES = ((31, "paid", "Оплачен"), (10, "progress", "В работе"), (44, "canceled", "Отказ"))
# How an order's id comes: as a number, as a text of digits, or with a word before it.
ORDER_IDS = ("<order#>", "<order>", "deal_<order>", "lead_<order>", "order_<order>")

SCRIPT_NAMES = ("Динамический: сайт", "Статический: наружная реклама", "Старый лендинг")
# phone, id of its script
PHONES = (
    ("74950000001", 1),
    ("74950000002", 1),
    ("74950000003", 1),
    ("74950000004", 2),
    ("74950000005", 2),
    ("74950000006", 3),
    ("74950000007", None),
)
PREFIXES: tuple[Row, ...] = (
    {
        "system_name": "7495",
        "display_name": "+7 495",
        "city": "Москва",
        "month_price": 300,
        "minute_price": 1.5,
    },
    {
        "system_name": "7499",
        "display_name": "+7 499",
        "city": "Москва",
        "month_price": 250,
        "minute_price": 1.5,
    },
)


def static_source() -> Row:
    """Describe the one offline channel of the made-up projects."""
    return {
        "system_name": "offline",
        "display_name": "Наружная реклама",
        "icon_url": None,
        "utm_source": None,
        "utm_medium": None,
        "utm_campaign": None,
        "utm_term": None,
        "utm_content": None,
        "openstat": None,
        "referrer": None,
        "system_name_by_level": ["offline", None],
        "display_name_by_level": ["Наружная реклама", None],
    }


def script(number: int, *, static: bool, enabled: int, created: str) -> Row:
    """Describe a script in the spelling of script/list."""
    return {
        "id": number,
        "name": SCRIPT_NAMES[number - 1],
        "creation_date": created,
        "is_enabled": enabled,
        "call_count": 0,
        "accuracy": 100 if static else 0.31451612903226001,
        "options": {
            "calltracking_type": "static" if static else "dynamic",
            "static_source": "offline" if static else None,
            "css_selector": [] if static else ["#phone", "header-phone"],
            "phone_format": "8 (XXX) XXX-XX-XX",
            "redirect": {"type": "phone", "value": "74950000009", "sip_trunk_postfix": None},
            "segments": None if static else [["source", "like%", "organic"]],
            "target_call_time": 0,
            "replaceable_numbers": ["74950000008"],
        },
        "integration": {
            "is_lead_auto_create": "1",
            "crm": {"enabled": 0, "custom_fields": []},
            # Real scripts carry custom_fields with macros beside the url.
            "webhook": {"url": "site.example/hook", "custom_fields": {"agent": "{agent}"}},
            "webhook_start": {"url": None},
            "google_analytics": {
                "tracking_id": "",
                "action": "call",
                "category": "phone",
                "label": "roistat",
            },
        },
        "needed_phone_count": None,
    }


def phone(number: int, digits: str, script_id: int | None, created: str) -> Row:
    """Describe a phone as the state keeps it; its script is looked up when it is answered."""
    external = number % 3 != 0
    return {
        "id": number,
        "phone": digits,
        "prefix": None if external else digits[:4],
        "script_id": script_id,
        "is_external": int(external),
        "last_use_date": None,
        "call_count": 0,
        "creation_date": created,
    }

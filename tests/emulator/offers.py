# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated Partner Center offers. Source: the field profile of a recorded list (names, types, how often, values).

The same in every run; needs the standard library only. For the United States the values keep to the profile; the two
other markets lack some of the offers and have a few that can no longer be purchased.
"""

from __future__ import annotations

import hashlib
import uuid
from functools import lru_cache
from typing import Any

COUNTRIES = ("US", "GB", "DE")
#: Locales in which offers can be asked for. That of Great Britain is not among them, as reported.
LOCALES = ("en-US", "de-DE", "fr-FR", "ja-JP")
COUNT = 340
AZURE_ID = "MS-AZR-0145P"
#: Offers that are sold in some markets only: every offer whose number leaves this rest when divided by 17.
_MISSING = {"GB": 3, "DE": 9}

_CATEGORIES = {
    "enterprise": ("Enterprise_Key", "Enterprise", 20),
    "smallbusiness": ("SmallBusiness_Key", "Small business", 30),
    "nonprofit": ("Nonprofit_Key", "Nonprofit", 60),
    "trial": ("Trial_Key", "Trial", 70),
    "addon": ("", "", 0),
}
_CATEGORY_NAMES = {
    "de-DE": {"Small business": "Kleine Unternehmen", "Nonprofit": "Gemeinnützig", "Trial": "Testversion"},
    "fr-FR": {"Small business": "Petites entreprises", "Nonprofit": "Associations", "Trial": "Essai"},
    "ja-JP": {"Enterprise": "エンタープライズ", "Small business": "中小企業", "Nonprofit": "非営利", "Trial": "試用版"},
}
_DESCRIPTIONS = {
    "en-US": "Everything that a team needs from {name}.",
    "de-DE": "Alles, was ein Team von {name} braucht, auch für größere Büros.",
    "fr-FR": "Tout ce dont une équipe a besoin : {name}.",
    "ja-JP": "{name} のすべて。",
}
_WORDS = (
    "Analytics",
    "Mail Protection",
    "Büro-Paket",
    "Café Insights",
    "Project Portfolio",
    "R&D <Team> Planner",
    'Meetings "Plus"',
    "Übersetzer",
    "Visual Diagrams™",
    "Dynamics · Ventes",
    "会議室",
    "Device Management®",
    "Storage",
    "Identity",
    "Voice Conferencing",
)
_PLANS = ("Plan 1", "Plan 2", "E1", "E3", "E5", "F1", "Premium", "Basic", "Standard")
# (kind, how many): the proportions of the profile, scaled.
_KINDS = (("enterprise", 139), ("addon", 93), ("nonprofit", 69), ("trial", 21), ("smallbusiness", 18))
_QUANTITIES = ((10_000_000, 83), (25, 6), (50, 4), (300, 3), (10, 2), (30_000, 1), (999_999_999, 1))
_MINIMA = ((1, 86), (25, 6), (10, 3), (20, 2), (2, 2), (100, 1))


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _weighted(table: tuple[tuple[int, int], ...], choice: int) -> int:
    choice %= sum(weight for _unused, weight in table)
    for value, weight in table:
        if choice < weight:
            return value
        choice -= weight
    return table[-1][0]


@lru_cache(maxsize=1)
def kinds() -> tuple[str, ...]:
    """The kind of each offer, mixed; the first is the usage-based one."""
    mixed = sorted((_number(f"{kind} {index}"), kind) for kind, count in _KINDS for index in range(count))
    rest = [kind for _unused, kind in mixed]
    rest.remove("enterprise")
    return ("enterprise", *rest)


@lru_cache(maxsize=1)
def ids() -> tuple[str, ...]:
    """The id of each offer: GUIDs, but for the first."""
    guids = (str(uuid.uuid5(uuid.NAMESPACE_OID, f"offer {index}")).upper() for index in range(1, COUNT))
    return (AZURE_ID, *guids)


@lru_cache(maxsize=1)
def _prerequisites() -> dict[int, list[str]]:
    """For each add-on, the offers that it can be added to; some of those are no longer listed."""
    bases = [index for index, kind in enumerate(kinds()) if kind not in ("addon", "trial")]
    # Only part of the offers have add-ons.
    parents = [index for index in bases if _number(f"parent {index}") % 11 < 7]
    result = {}
    addons = [index for index, kind in enumerate(kinds()) if kind == "addon"]
    for place, index in enumerate(addons):
        count = 1 + _number(f"prerequisites {index}") % 12
        chosen = [parents[(place * 7 + step * 5) % len(parents)] for step in range(min(count, len(parents)))]
        old = [str(uuid.uuid5(uuid.NAMESPACE_OID, f"delisted {index} {step}")).upper() for step in range(count % 4)]
        result[index] = [ids()[parent] for parent in dict.fromkeys(chosen)] + old
    # One add-on fits nearly everything.
    result[addons[0]] = [ids()[parent] for parent in parents] + [
        str(uuid.uuid5(uuid.NAMESPACE_OID, f"delisted {step}")).upper() for step in range(249 - len(parents))
    ]
    return result


@lru_cache(maxsize=1)
def _with_addons() -> frozenset[str]:
    return frozenset(parent for parents in _prerequisites().values() for parent in parents)


def sold(index: int, country: str) -> bool:
    """Whether an offer is sold in a country."""
    return country in COUNTRIES and (index == 0 or index % 17 != _MISSING.get(country, -1))


def _category(kind: str, country: str, locale: str) -> dict[str, Any]:
    category_id, name, rank = _CATEGORIES[kind]
    return {
        "id": category_id,
        "name": _CATEGORY_NAMES.get(locale, {}).get(name, name),
        "rank": rank,
        "locale": locale,
        "country": country,
        "attributes": {"objectType": "OfferCategory"},
    }


def categories(country: str, locale: str) -> list[dict[str, Any]]:
    """The categories of a market. Add-ons are in none."""
    return [_category(kind, country, locale) for kind in _CATEGORIES if kind != "addon"]


def _term(kind: str, index: int) -> tuple[str, int]:
    if index == 0:
        return "Month", 9999
    if kind != "trial":
        return "Year", 1
    return ("Day", 45) if index % 3 == 0 else ("Month", 1)


def _limit(kind: str, index: int) -> tuple[str, int]:
    if kind == "trial":
        return "Lifetime", 1
    return ("Concurrent", 2) if kind == "smallbusiness" else ("None", 0)


def _unit(kind: str, index: int) -> str:
    if index == 0:
        return "Usage-based"
    if kind == "addon":
        return "Add-On Licenses" if index % 9 < 5 else "Licenses"
    if index % 20 == 4:
        return "Instances"
    return "Gigabytes" if index % 55 == 6 else "Licenses"


def _name(index: int, kind: str) -> str:
    if index == 0:
        return "Azure-Plan · nutzungsabhängig"
    if index == 5:
        index = 4  # two offers share a name
    suffix = {"addon": " add-on", "nonprofit": " (Nonprofit)", "trial": " Trial"}.get(kinds()[index], "")
    return f"{_WORDS[index % len(_WORDS)]} {_PLANS[index // len(_WORDS) % len(_PLANS)]}{suffix} {index:03d}"


@lru_cache(maxsize=4096)
def _offer(index: int, country: str, locale: str) -> dict[str, Any]:
    kind, offer_id, name = kinds()[index], ids()[index], _name(index, kinds()[index])
    number = _number(f"offer {index}")
    limit_unit, limit = _limit(kind, index)
    term_unit, term = _term(kind, index)
    unit = _unit(kind, index)
    product = index // 2
    learn_more: dict[str, Any] = {"method": "GET", "headers": []}
    if index % 8 == 1:
        learn_more = {"uri": f"https://learn.example/offers/{index // 11}", **learn_more}
    result: dict[str, Any] = {
        "id": offer_id,
        "name": name,
        "description": _DESCRIPTIONS[locale].format(name=name),
        "minimumQuantity": _weighted(_MINIMA, number),
        "maximumQuantity": _weighted(_QUANTITIES, number >> 8),
        "rank": 10 + index * 3,
        "uri": f"/offers/{offer_id}",
        "locale": locale,
        "country": country,
        "category": _category(kind, country, locale),
        "limitUnitOfMeasure": limit_unit,
        "limit": limit,
        "termUnitOfMeasure": term_unit,
        "term": term,
        "prerequisiteOffers": _prerequisites().get(index, []),
        "isAddOn": kind == "addon",
        "hasAddOns": offer_id in _with_addons(),
        "isAvailableForPurchase": country == "US" or index % 23 != 7,
        "billing": "usage" if index == 0 else "license",
        "supportedBillingCycles": ["none"] if kind == "trial" else ["monthly"] if index == 0 else ["annual", "monthly"],
        "isAutoRenewable": kind != "trial" and index % 110 != 50,
        "isInternal": False,
        "isMicrosoftProduct": True,
        "conversionTargetOffers": [ids()[(index + 1 + step) % COUNT] for step in range(index % 3)]
        if kind == "trial"
        else [],
        "reselleeQualifications": ["Nonprofit"] if kind == "nonprofit" or (kind == "addon" and index % 3 == 0) else [],
        "resellerQualifications": [],
        "salesGroupId": f"SG{number % 19:02d}",
        "isTrial": kind == "trial",
        "acquisitionType": "purchase",
        "supportedCatalogTypes": ["live"] if index == 1 else ["live", "sandbox"],
        "actions": ["Edit", "Cancel"],
        "product": {
            "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"product {product}")).upper(),
            "name": _WORDS[product % len(_WORDS)] + f" {product}",
            "unit": unit,
        },
        "unitType": unit,
        "links": {
            "learnMore": learn_more,
            "self": {"uri": f"/offers/{offer_id}?country={country}", "method": "GET", "headers": []},
        },
        "attributes": {"objectType": "Offer"},
    }
    if index % 6 == 2:
        count = 1 + number % 10 if index % 24 == 2 else 0
        result["upgradeTargetOffers"] = [ids()[(index + step + 1) % COUNT] for step in range(count)]
    return result


def find(offer_id: str) -> int | None:
    """The number of the offer of this id, in any casing; none when there is no such offer."""
    return _numbers().get(offer_id.lower())


@lru_cache(maxsize=1)
def _numbers() -> dict[str, int]:
    return {offer_id.lower(): index for index, offer_id in enumerate(ids())}


def offer(index: int, country: str = "US", locale: str = "en-US") -> dict[str, Any]:
    """The body of offer number ``index`` (0 to COUNT - 1) as the service sends it. Do not change it."""
    return _offer(index, country, locale)


def offers(country: str = "US", locale: str = "en-US") -> list[dict[str, Any]]:
    """All offers of a market, in the order of the service."""
    return [offer(index, country, locale) for index in range(COUNT) if sold(index, country)]


def addons(offer_id: str, country: str = "US", locale: str = "en-US") -> list[dict[str, Any]]:
    """The add-ons of an offer that are sold in a market."""
    wanted = offer_id.upper()
    return [entry for entry in offers(country, locale) if wanted in entry["prerequisiteOffers"]]

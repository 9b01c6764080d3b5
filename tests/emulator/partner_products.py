# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated products, SKUs and availabilities of new commerce. Source: docs of the Partner Center catalog.

The same in every run; needs the standard library only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from . import offers

SEGMENTS = ("commercial", "education", "government", "nonprofit")
#: How many products of license-based services there are; together they have 300 SKUs.
LICENSE_PRODUCTS = 100
#: How many of the legacy license-based products the new catalog has, too.
LEGACY_PRODUCTS = 20
AZURE_PLAN = "DZH318Z0BPS6"
SAVINGS_PLAN = "DZH318Z0BSP1"
RESERVATION = "DZH318Z0BQ36"
PLAN_RESERVATION = "DZH318Z0BQ37"
SOFTWARE = "DG7GMGF0D5VJ"
SAAS = "DZH318Z0SAA5"
#: Listed; by id, the answer has the status 200 and is a fault.
UNAVAILABLE = "CFQ7TTC0GONE"
#: The catalog has no inventory of it, and says nothing about it.
NOT_IN_INVENTORY = SOFTWARE
VIEWS = (
    "OnlineServices", "MicrosoftAzure", "Azure", "AzureReservations", "AzureReservationsVM", "AzureReservationsSQL",
    "AzureReservationsCosmosDb", "Software", "SoftwarePerpetual", "SoftwareSubscriptions", "SoftwareSUSELinux",
    "SpecializedOffers", "MarketplaceSaaS",
)  # fmt: skip
#: This partner may not use it.
REFUSED_VIEW = "SoftwareSUSELinux"
#: Products that are not sold in a country: every one whose number leaves this rest when divided by 17.
_MISSING = {"GB": 3, "DE": 9}
_CURRENCIES = {"US": ("USD", "$"), "GB": ("GBP", "£"), "DE": ("EUR", "€")}


@dataclass(frozen=True)
class Sku:
    """A SKU: its number over all products, and in which segments it is sold."""

    product_id: str
    id: str
    number: int
    segments: tuple[str, ...]
    trial: bool = False
    #: Number of the license that it stands for, of those that offers have; none without one.
    license: int | None = None
    #: Number of the offer that it is another form of; none for new commerce.
    offer: int | None = None


@dataclass(frozen=True)
class Product:
    """A product: its number, its kind, and its SKUs."""

    id: str
    number: int
    kind: str
    skus: tuple[Sku, ...]


def product_id(number: int) -> str:
    """The id of the license-based product of this number."""
    return f"CFQ7TTC0{number:02d}ZZ"


def license_id(number: int) -> str:
    """The id of a license, as offers write it in ``product.id``."""
    return str(offers.offer(2 * number)["product"]["id"])


@lru_cache(maxsize=1)
def products() -> dict[str, Product]:
    """All products by their id in upper case."""
    found, number = [], 0
    for index in range(LICENSE_PRODUCTS):
        skus = []
        for place in range(1 + index % 5):
            segments = [segment for segment in _segments(place) if segment != "government" or index % 3 == 0]
            # The first license is Azure, and the last ones have no successor.
            skus.append(Sku(product_id(index), _sku_id(place), number, tuple(segments), place == 4, 1 + number % 139))
            number += 1
        found.append(Product(product_id(index), index, "OnlineServicesNCE", tuple(skus)))
    for index in range(LEGACY_PRODUCTS + 1):
        both = (2 * index, 2 * index + 1) if index else (0,)
        legacy = tuple(
            Sku(license_id(index), offers.ids()[one], one, ("commercial",), offers.kinds()[one] == "trial", None, one)
            for one in both
        )
        kind = "Azure" if index == 0 else "OnlineServices"
        found.append(Product(license_id(index), 17 * index, kind, legacy))
    for name, kind, count in (
        (AZURE_PLAN, "Azure", 2),
        (SAVINGS_PLAN, "Azure", 1),
        (RESERVATION, "AzureReservations", 3),
        (PLAN_RESERVATION, "AzureReservations", 3),
        (SOFTWARE, "Software", 2),
        (SAAS, "MarketplaceSaaS", 1),
        (UNAVAILABLE, "OnlineServicesNCE", 1),
    ):
        skus = tuple(Sku(name, f"{place + 1:04d}", place, ("commercial",)) for place in range(count))
        found.append(Product(name, 0, kind, skus))
    return {one.id.upper(): one for one in found}


def _sku_id(place: int) -> str:
    return "000P" if place == 3 else f"{place + 1:04d}"


def _segments(place: int) -> tuple[str, ...]:
    return (
        ("commercial",),
        ("commercial", "education", "government"),
        ("commercial", "nonprofit"),
        ("nonprofit",),
        ("commercial",),
    )[place]


def sold(product: Product, country: str) -> bool:
    """Whether a product is sold in a country."""
    return country in offers.COUNTRIES and (not product.number or product.number % 17 != _MISSING.get(country, -1))


def in_segment(sku: Sku, segment: str) -> bool:
    """Whether a SKU is sold to a segment; an empty one stands for all but nonprofit."""
    return segment in sku.segments if segment else any(one != "nonprofit" for one in sku.segments)


def in_view(view: str, country: str, segment: str, scope: str) -> list[Product]:
    """The products of a view. ``scope`` is that of reservations."""
    kinds = {
        "OnlineServices": ("OnlineServicesNCE", "OnlineServices"),
        "MicrosoftAzure": ("Azure",),
        "Azure": ("Azure", "AzureReservations"),
        "AzureReservations": ("AzureReservations",),
        "AzureReservationsVM": ("AzureReservations",),
        "Software": ("Software",),
        "SoftwareSubscriptions": ("Software",),
        "MarketplaceSaaS": ("MarketplaceSaaS",),
    }.get(view, ())
    hidden = RESERVATION if scope.lower() == "azureplan" else PLAN_RESERVATION
    found = [one for one in products().values() if one.kind in kinds and sold(one, country) and one.id != hidden]
    if view == "MicrosoftAzure":
        found = [one for one in found if one.id != SAVINGS_PLAN]
    return [one for one in found if any(in_segment(sku, segment) for sku in one.skus)]


def in_reservation_scope(product: Product, scope: str) -> bool:
    """Whether a product is shown in a reservation scope."""
    return product.id != (RESERVATION if scope.lower() == "azureplan" else PLAN_RESERVATION)


def product_body(product: Product, root: str, query: str, locale: str) -> dict[str, Any]:
    """A product as the service sends it; ``root`` and ``query`` are of its links."""
    here = f"{root}/products/{product.id}"
    body: dict[str, Any] = {
        "id": product.id,
        "title": _title(product, locale),
        "description": "" if product.number % 9 == 4 else f"Für Teams: {_title(product, locale)} &amp; mehr.",
        "productType": {"id": product.kind, "displayName": product.kind},
        "isMicrosoftProduct": True,
        "publisherName": "Microsoft Corporation",
        "links": {"skus": _link(f"{here}/skus{query}"), "self": _link(f"{here}{query}")},
    }
    if product.kind == "AzureReservations":
        body["productType"]["subType"] = {"id": "VirtualMachines", "displayName": "VirtualMachines"}
    if product.kind == "Software":
        # As in answers of 2018.
        for name in ("isMicrosoftProduct", "publisherName"):
            del body[name]
    return body


def _title(product: Product, locale: str) -> str:
    words = {"de-DE": "Arbeitsplatz", "fr-FR": "Bureau", "ja-JP": "デスク"}
    return f"Contoso {words.get(locale, 'Desk')} {product.number if product.number else product.id[-4:]}"


def sku_body(product: Product, sku: Sku, root: str, query: str, locale: str) -> dict[str, Any]:
    """A SKU as the service sends it."""
    here = f"{root}/products/{product.id}/skus/{sku.id}"
    reservation = product.kind == "AzureReservations"
    body: dict[str, Any] = {
        "id": sku.id,
        "productId": product.id,
        "title": f"{_title(product, locale)} {'Trial' if sku.trial else sku.id}",
        "description": f"{sku.id}: für alle.",
        "minimumQuantity": 1,
        "maximumQuantity": 25 if sku.trial else 999999999,
        "isTrial": sku.trial,
        "supportedBillingCycles": ["one_time"] if reservation else ["annual", "monthly"],
        "purchasePrerequisites": ["InventoryCheck"] if reservation else ["MicrosoftCustomerAgreement"],
        "inventoryVariables": ["CustomerId", "AzureSubscriptionId"] if reservation else [],
        "provisioningVariables": ["Scope", "SubscriptionId", "Duration"] if reservation else [],
        "actions": ["Refund"],
        "dynamicAttributes": _attributes(product, sku),
        "links": {"availabilities": _link(f"{here}/availabilities{query}"), "self": _link(f"{here}{query}")},
    }
    if product.kind == "Software":
        del body["inventoryVariables"], body["provisioningVariables"]
    if product.id == SAVINGS_PLAN:
        body["minimumPurchaseCommitment"] = {
            "grain": "Hourly",
            "currencyCode": {"code": "USD", "symbol": "$"},
            "amount": "0.001",
        }
    return body


def _attributes(product: Product, sku: Sku) -> dict[str, Any]:
    if sku.offer is not None:
        offer = offers.offer(sku.offer)
        names = ("category", "rank", "hasAddOns", "isAutoRenewable", "conversionTargetOffers", "unitType", "limit")
        return {**{name: offer[name] for name in names}, "upgradeTargetOffers": None, "billingType": offer["billing"]}
    body: dict[str, Any] = {"isMicrosoftProduct": True, "hasConstraints": False, "internal": False}
    if sku.license is None:
        return {**body, "cores": "4", "armRegionName": "westus", "termDuration": "1Year"}
    return {
        **body,
        "isAddon": offers.kinds()[2 * sku.license] == "addon",
        "prerequisiteSkus": [],
        "upgradeTargetOffers": [f"{product_id((product.number + 1) % LICENSE_PRODUCTS)}:0001"],
        # Offers write the same id in upper case.
        "provisioningId": license_id(sku.license).lower(),
        "billingType": "license",
    }


def availability_id(sku: Sku, segment: str, place: int, country: str, generation: int) -> str:
    """The id of an availability; another one in each generation."""
    text = f"{sku.product_id} {sku.id} {segment} {place} {country} {generation}"
    return "CFQ7" + hashlib.sha256(text.encode()).hexdigest()[:8].upper()


def availabilities(
    product: Product, sku: Sku, country: str, segment: str, generation: int, root: str, query: str
) -> list[dict[str, Any]]:
    """The availabilities of a SKU as the service lists them; an empty segment stands for all but nonprofit."""
    return [
        _availability(product, sku, country, one, place, generation, root, query)
        for one in sku.segments
        if (one == segment if segment else one != "nonprofit")
        # Several for one SKU are normal.
        for place in range(2 if sku.id == "0001" and product.number % 10 == 3 else 1)
    ]


def availability_by_id(listed: dict[str, Any]) -> dict[str, Any]:
    """A listed availability as the service sends it by id, which for a few SKUs has other terms."""
    if len(listed.get("terms", ())) < 3:
        return listed
    return {**listed, "terms": [{**listed["terms"][0], "id": "other", "duration": "P1M", "billingCycle": "Monthly"}]}


def _availability(
    product: Product, sku: Sku, country: str, segment: str, place: int, generation: int, root: str, query: str
) -> dict[str, Any]:
    own = availability_id(sku, segment, place, country, generation)
    code, symbol = _CURRENCIES[country]
    durations = ("P1M", "P1Y", "P3Y") if sku.id == "0001" and product.number % 10 == 0 else ("P1Y",)
    body: dict[str, Any] = {
        "id": own,
        "productId": product.id,
        "skuId": sku.id,
        "catalogItemId": f"{product.id}:{sku.id}:{own}",
        "defaultCurrency": {"code": code, "symbol": symbol},
        "segment": segment,
        "country": country,
        "isPurchasable": place == 0,
        "isRenewable": not sku.trial,
        "renewalInstructions": []
        if sku.trial
        else [
            {
                "applicableTermIds": [f"{own.lower()}0"],
                "renewalOptions": [{"renewToId": f"{product.id}:{sku.id}", "isAutoRenewable": True}],
            }
        ],
        "terms": [_term(own, number, duration) for number, duration in enumerate(durations)],
        "links": {"self": _link(f"{root}/products/{product.id}/skus/{sku.id}/availabilities/{own}{query}")},
    }
    if product.kind == "Software":
        # As in answers of 2018.
        for name in ("isRenewable", "terms", "renewalInstructions"):
            del body[name]
    return body


def _term(own: str, number: int, duration: str) -> dict[str, Any]:
    return {
        "id": f"{own.lower()}{number}",
        "duration": duration,
        "description": f"Laufzeit {duration}",
        "billingCycle": "Annual",
        "cancellationPolicies": [{"refundOptions": [{"sequenceId": 0, "type": "Full", "expiresAfter": "P1D"}]}],
    }


def _link(uri: str) -> dict[str, Any]:
    return {"uri": uri, "method": "GET", "headers": []}


@lru_cache(maxsize=1)
def promotions() -> list[dict[str, Any]]:
    """The promotions; the last one has ended and is not listed."""
    found = []
    for number in range(4):
        target = products()[product_id(number)].skus[0]
        own = f"39NFJQT1X0{number:02d}:0001:39NFJQT1Q{number:03d}"
        found.append(
            {
                "id": own,
                "name": f"{10 + number} % off für alle",
                "description": "",
                "startDate": "2026-01-01T00:00:00.0000000+00:00",
                "endDate": "2025-06-30T23:59:59.0000000+00:00" if number == 3 else "9999-12-31T00:00:00+00:00",
                "properties": {"isAutoApplicable": True},
                "requiredProducts": [
                    {
                        "productId": target.product_id,
                        "skuId": target.id,
                        "term": {"duration": "P1Y", "billingCycle": "Annual"},
                        "pricingPolicies": [{"policyType": "PercentDiscount", "value": f"0.{10 + number}"}],
                    }
                ],
                "promotionConstraints": {
                    "seatConstraints": [{"minSeats": 1, "maxSeats": 2400, "type": "SubscriptionQuantity"}],
                    "productOwnershipConstraints": [[{"bigId": f"{target.product_id}/{target.id}", "minSeats": 1}]],
                },
            }
        )
    return found

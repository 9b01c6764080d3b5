# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Partner Center of one cloud: offers, and the door to the catalog. Source: docs of the Partner Center offers."""

from __future__ import annotations

import json
import re
import secrets
import uuid
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from . import offers
from .clouds import OLD_PARTNER_AUDIENCE, Cloud
from .identity import Identity
from .messages import BOM, JSON, Request, Response
from .partner_catalog import ANSWERS as CATALOG_ANSWERS
from .partner_catalog import Catalog
from .partner_faults import MFA_REQUIRED, REFUSALS, PartnerFault, fault
from .routing import NoRoute, Router
from .settings import Settings
from .tokens import TokenIssuer, TokenRefused

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?-[A-Za-z]{2}")
_NEW_COMMERCE = re.compile(r"CFQ7[0-9A-Z]{8}.*|DZH[0-9A-Z]+:.*", re.IGNORECASE)
#: Markets that exist, in which this partner does not sell.
ELSEWHERE = {"FR": 2030, "JP": 2030, "AU": 2030, "CA": 0, "CO": 0}
#: What the service can be told to do with answers that are no refusals.
ANSWERS = {
    "other_offer": "another offer than the one asked for",
    "no_id": "an offer without an id",
    "lower_case_id": "the offer with its id in lower case (must be accepted)",
    "next_elsewhere": "the next link of a collection leads to another host",
    "next_scheme_relative": "the next link leads to another host without naming a scheme",
    "next_outside": "the next link leads out of /v1",
    "next_absolute": "the next link is absolute, on this host (must be accepted)",
    "next_loop": "the next link leads to the same page again",
    "next_endless": "there is always another page",
    "overlapping_pages": "each page repeats the last item of the one before",
    "no_items": "a collection without items",
}
BEHAVIORS = {**{name: f"fault {name}" for name in REFUSALS}, **ANSWERS, **CATALOG_ANSWERS}
_RULES = {
    "US": ("en-US", ["en-US", "es-US"]),
    "GB": ("en-GB", ["en-GB"]),
    "DE": ("de-DE", ["de-DE", "en-US"]),
}


def customer_id(country: str) -> str:
    """The id of the customer that the partner has in a country."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"customer {country}"))


class PartnerCenter:
    """The service behind the listener of one cloud. It takes tokens of that cloud's Entra alone."""

    def __init__(self, cloud: Cloud, identity: Identity, issuer: TokenIssuer, settings: Settings) -> None:
        self._cloud = cloud
        self._identity = identity
        self._issuer = issuer
        self._settings = settings
        #: URLs of all listeners by name, for links that point elsewhere.
        self.listeners: dict[str, str] = {}
        self._catalog = Catalog(settings, _country, _locale, _country_of_customer)
        self._catalog.listeners = self.listeners
        self._router: Router[Response] = Router()
        self._catalog.add_routes(self._router)
        for path, handler in (
            ("/v1/offers", self._offers),
            ("/v1/offers/{offer_id}", self._offer),
            ("/v1/offers/{offer_id}/addons", self._addons),
            ("/v1/offercategories", self._categories),
            ("/v1/customers/{customer}/offers", self._customer_offers),
            ("/v1/countryvalidationrules/{country}", self._rules),
        ):
            self._router.add("GET", path, handler)

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        try:
            handler, parameters = self._router.find(request)
        except NoRoute as error:
            if error.allowed:
                return Response(405, headers={"Allow": ", ".join(error.allowed)})
            return Response.text("<html><body><h2>404 - Resource not found</h2></body></html>", 404)
        try:
            self._admit(request)
            _check_headers(request)
            behavior = request.effects.get("partner_behavior", "")
            if behavior in REFUSALS:
                raise PartnerFault(REFUSALS[behavior])
            response = _presented(handler(request, **parameters), request)
        except PartnerFault as error:
            response = error.refusal.response()
        return self._finish(request, response)

    def _finish(self, request: Request, response: Response) -> Response:
        """Add the ids that support asks for, and the byte-order mark."""
        for name in ("MS-RequestId", "MS-CorrelationId"):
            own = request.headers.get(name.lower()) or str(uuid.uuid4())
            # Answers about the catalog have ids twice in one header.
            response.headers[name] = f"{own},{own}" if self._catalog.has(request) else own
        response.headers["MS-CV"] = secrets.token_urlsafe(12).replace("-", "A").replace("_", "B") + ".0"
        response.headers["MS-ServerId"] = "201022015"
        with_bom = request.effects.get("bom", self._settings.partner_bom)
        if with_bom and response.body and response.headers.get("Content-Type") == JSON:
            response.body = BOM + response.body
        return response

    def _admit(self, request: Request) -> None:
        """Check the bearer token. Raises PartnerFault."""
        audiences = (self._cloud.partner_audience, OLD_PARTNER_AUDIENCE)
        header = request.headers.get("authorization")
        try:
            claims = self._issuer.check(header, audiences, self._identity.tenant_id, request.now())
        except TokenRefused as error:
            request.entry.note = f"token refused: {error.reason}"
            raise PartnerFault(REFUSALS["token_missing" if error.reason == "missing" else "token_refused"]) from None
        if claims["aud"] == OLD_PARTNER_AUDIENCE:
            raise PartnerFault(REFUSALS["wrong_audience"])
        if "scp" in claims and "mfa" not in claims.get("amr", []):
            raise PartnerFault(MFA_REQUIRED)
        if not self._identity.activated(claims["appid"]):
            raise PartnerFault(REFUSALS["access_denied"])

    def _offer(self, request: Request, offer_id: str) -> Response:
        country, locale = _country(request), _locale(request)
        index = _find(offer_id, country)
        behavior = request.effects.get("partner_behavior")
        if behavior == "other_offer":
            index = (index + 1) % offers.COUNT
        body = offers.offer(index, country, locale)
        if behavior == "no_id":
            body = {name: value for name, value in body.items() if name != "id"}
        if behavior == "lower_case_id":
            body = {**body, "id": body["id"].lower()}
        return Response.of(body)

    def _offers(self, request: Request) -> Response:
        country, locale = _country(request), _locale(request)
        found = offers.offers(country, locale)
        category = request.first("offer_category_id")
        if category is not None:
            found = [entry for entry in found if entry["category"]["id"].lower() == category.lower()]
        return self._collection(request, found)

    def _addons(self, request: Request, offer_id: str) -> Response:
        country, locale = _country(request), _locale(request)
        index = _find(offer_id, country)
        return self._collection(request, offers.addons(offers.ids()[index], country, locale))

    def _categories(self, request: Request) -> Response:
        found = offers.categories(_country(request), _locale(request))
        return self._collection(request, found, paged=False)

    def _customer_offers(self, request: Request, customer: str) -> Response:
        locale = _locale(request)
        found = offers.offers(_country_of_customer(customer), locale)
        return self._collection(request, [entry for entry in found if entry["isAvailableForPurchase"]])

    def _rules(self, request: Request, country: str) -> Response:
        rule = _RULES.get(country.upper())
        if rule is None:
            raise PartnerFault(fault(404, 1000, "There are no rules for this country."))
        default, cultures = rule
        return Response.of(
            {
                "iso2Code": country.upper(),
                "defaultCulture": default,
                "isStateRequired": country.upper() == "US",
                "supportedStatesList": ["NY", "WA"] if country.upper() == "US" else [],
                "supportedLanguagesList": sorted({culture.partition("-")[0] for culture in cultures}),
                "supportedCulturesList": cultures,
                "isPostalCodeRequired": True,
                "isVatIdSupported": country.upper() != "US",
                "attributes": {"objectType": "CountryValidationRules"},
            }
        )

    def _collection(self, request: Request, found: list[dict[str, Any]], paged: bool = True) -> Response:
        offset = _natural(request, "offset", 0) or 0
        size = _natural(request, "size", 1) or self._settings.partner_page_size
        if not paged or size is None:
            offset, size = 0 if not paged else offset, max(1, len(found))
        behavior = request.effects.get("partner_behavior", "")
        end = offset + size
        page = found[offset:end]
        more = end < len(found)
        if behavior == "next_endless" and found:
            page, more = [found[number % len(found)] for number in range(offset, end)], True
        if behavior == "overlapping_pages" and offset:
            page = found[offset - 1 : end]
        body: dict[str, Any] = {
            "totalCount": len(page) if self._settings.partner_total_of_page else len(found),
            "items": page,
        }
        if self._settings.partner_links:
            links = {"self": _link(request, offset, size, paged)}
            if more:
                links["next"] = self._next(request, end, size, behavior)
            if offset:
                links["previous"] = _link(request, max(0, offset - size), size, paged)
            body["links"] = links
        body["attributes"] = {"objectType": "Collection"}
        if behavior == "no_items":
            del body["items"]
        return Response.of(body)

    def _next(self, request: Request, offset: int, size: int, behavior: str) -> dict[str, Any]:
        link = _link(request, offset, size, True)
        here, stranger = self.listeners.get(request.listener, ""), self.listeners.get("stranger", "")
        uris = {
            "next_elsewhere": f"{stranger}/v1{link['uri']}",
            "next_scheme_relative": f"{stranger.partition(':')[2]}/v1{link['uri']}",
            "next_outside": f"/../outside{link['uri']}",
            "next_absolute": f"{here}/v1{link['uri']}",
            "next_loop": _link(request, offset - size, size, True)["uri"],
        }
        return {**link, "uri": uris.get(behavior, link["uri"])}


def _link(request: Request, offset: int, size: int, paged: bool) -> dict[str, Any]:
    """A link as the service writes it: relative and without /v1."""
    query = [(name, values[0]) for name, values in request.query.items() if name.lower() not in ("offset", "size")]
    if paged:
        query += [("offset", str(offset)), ("size", str(size))]
    path = request.path[len("/v1") :]
    return {"uri": f"{path}?{urlencode(query)}" if query else path, "method": "GET", "headers": []}


def _presented(response: Response, request: Request) -> Response:
    """The response as XML for those who did not ask for JSON, as it is otherwise."""
    accepted = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    if "application/json" in accepted:
        return response
    page = '<?xml version="1.0" encoding="utf-8"?>' + _xml("Result", json.loads(response.body))
    return Response.text(page, response.status, "application/xml; charset=utf-8")


def _xml(name: str, value: Any) -> str:
    if isinstance(value, dict):
        content = "".join(_xml(key, item) for key, item in value.items())
    elif isinstance(value, list):
        content = "".join(_xml("item", item) for item in value)
    else:
        content = escape(str(value))
    return f"<{name}>{content}</{name}>"


def _check_headers(request: Request) -> None:
    """Refuse what the headers of a request must not be. Raises PartnerFault."""
    for name in ("MS-RequestId", "MS-CorrelationId"):
        value = request.headers.get(name.lower())
        if value is not None and not _GUID.fullmatch(value):
            raise PartnerFault(fault(400, 2000, f"The header {name} must be a GUID."))
    if request.headers.get("ms-contract-version", "v1").lower() != "v1":
        raise PartnerFault(fault(400, 2000, "The contract version is not supported."))


def _locale(request: Request) -> str:
    value = request.headers.get("x-locale", "").strip()
    if not value:
        raise PartnerFault(fault(400, 2000, "The header X-Locale is missing."))
    if not _LOCALE.fullmatch(value):
        raise PartnerFault(fault(400, 2000, "The locale must be a language and a country."))
    for known in offers.LOCALES:
        if known.lower() == value.lower():
            return known
    raise PartnerFault(fault(400, 0, f"Locale {value} is not supported."))


def _country(request: Request) -> str:
    value = (request.first("country") or "").strip().upper()
    if not value:
        raise PartnerFault(fault(400, "800002", "The parameter country is missing."))
    if value in offers.COUNTRIES:
        return value
    if value in ELSEWHERE:
        raise PartnerFault(REFUSALS["not_onboarded" if ELSEWHERE[value] else "not_onboarded_zero"])
    raise PartnerFault(fault(400, "800002", "The country is not valid."))


def _country_of_customer(customer: str) -> str:
    if not _GUID.fullmatch(customer):
        raise PartnerFault(fault(400, 2000, "The customer id must be a GUID."))
    for country in offers.COUNTRIES:
        if customer.lower() == customer_id(country):
            return country
    raise PartnerFault(fault(403, 20002, "There is no reseller relationship.", [f"CustomerId: {customer}"]))


def _natural(request: Request, name: str, least: int) -> int | None:
    value = request.first(name)
    if value is None:
        return None
    if not value.isdigit() or int(value) < least:
        raise PartnerFault(fault(400, 2000, f"The parameter {name} must be a number of at least {least}."))
    return int(value)


def _find(offer_id: str, country: str) -> int:
    """The number of an offer that is sold in a country.

    Raises PartnerFault; of unknown ids the first digit decides which of the three known answers there is.
    """
    if _NEW_COMMERCE.fullmatch(offer_id):
        raise PartnerFault(REFUSALS["new_commerce"])
    index = offers.find(offer_id)
    if index is None:
        if not _GUID.fullmatch(offer_id) or offer_id[0] in "cdefCDEF":
            raise PartnerFault(REFUSALS["unknown_800004"])
        raise PartnerFault(REFUSALS["unknown" if offer_id[0] in "01234567" else "unknown_empty"])
    if not offers.sold(index, country):
        raise PartnerFault(REFUSALS["not_in_country"])
    return index

# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The client of Partner Center's offers API. Source: the document "Get an offer by ID" and the reference facts."""

from __future__ import annotations

import typing as t
import uuid
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.market import Market
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    ServiceError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import json_object
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.strict_session import USER_AGENT
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.client import ServiceSession
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center.meanings import (
    is_unknown_offer,
    meaning,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

Offer = dict[str, t.Any]

# One recorded market has 274 offers on one page.
_MOST_PAGES = 1000


class PartnerCenter:
    """Makes the calls of the offers API, one method per operation. May be used by several threads at once.

    Every method raises UnavailableError, ServiceError, SignInError, OptionError or MissingLibraryError. Bodies are
    returned as the service sent them.
    """

    def __init__(self, settings: Settings, cache: Cache, market: Market, connections: int = 1) -> None:
        self._session = ServiceSession(settings, cache, connections)
        self._market = market

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def sign_in(self) -> None:
        """Make sure that there is a token."""
        self._session.sign_in()

    def get_offer(self, offer_id: str) -> Offer:
        """Get an offer by id. Raises NotFoundError when there is none."""
        attempted = f"Could not get the offer {printable(offer_id)} in {self._market.country}"
        answer = self._call(attempted, ("offers", offer_id), {"country": self._market.country})
        if answer.status != 200:
            raise self._refused(attempted, answer, of_one_offer=True)
        offer = json_object(answer, attempted)
        found = offer.get("id")
        if not isinstance(found, str) or not found:
            raise _unusable(attempted, answer, "without an offer in it")
        if found.lower() != offer_id.lower():
            raise _unusable(attempted, answer, f"with another offer, {printable(found, 100)}")
        return offer

    def offers_of_market(self, category_id: str = "") -> list[Offer]:
        """Get all offers of the market, or those of one category, page after page."""
        params = {"country": self._market.country}
        if category_id:
            params["offer_category_id"] = category_id
        return self._collection(f"Could not list the offers in {self._market.country}", ("offers",), params)

    def addons(self, offer_id: str) -> list[Offer]:
        """Get the add-ons of an offer; none when the service says that it has none by not finding them."""
        attempted = f"Could not list the add-ons of {printable(offer_id)} in {self._market.country}"
        try:
            return self._collection(attempted, ("offers", offer_id, "addons"), {"country": self._market.country}, True)
        except NotFoundError:
            return []

    def offers_of_customer(self, customer_id: str) -> list[Offer]:
        """Get the offers that a customer may buy."""
        return self._collection(
            f"Could not list the offers of customer {customer_id}", ("customers", customer_id, "offers"), {}
        )

    def offer_categories(self) -> list[dict[str, t.Any]]:
        """Get the offer categories of the market."""
        attempted = f"Could not list the offer categories in {self._market.country}"
        return self._collection(attempted, ("offercategories",), {"country": self._market.country})

    def _call(self, attempted: str, path: tuple[str, ...], params: Mapping[str, str]) -> Response:
        headers = {
            # XML is offered too.
            "Accept": "application/json",
            "X-Locale": self._market.locale,
            # The same on every try of this call.
            "MS-RequestId": str(uuid.uuid4()),
            "MS-CorrelationId": str(uuid.uuid4()),
            "MS-Contract-Version": "v1",
            "MS-PartnerCenter-Application": USER_AGENT,
        }
        try:
            return self._session.call("GET", ("v1", *path), params=params, headers=headers)
        except UnavailableError as exc:
            raise exc.within(attempted) from None

    def _collection(
        self, attempted: str, path: tuple[str, ...], params: dict[str, str], of_one_offer: bool = False
    ) -> list[dict[str, t.Any]]:
        found: list[dict[str, t.Any]] = []
        ids: set[str] = set()
        seen: set[t.Any] = set()
        while True:
            where = (path, tuple(sorted(params.items())))
            if where in seen or len(seen) >= _MOST_PAGES:
                raise _endless(attempted, len(seen))
            seen.add(where)
            answer = self._call(attempted, path, params)
            if answer.status != 200:
                raise self._refused(attempted, answer, of_one_offer)
            page = json_object(answer, attempted)
            entries = page.get("items")
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise _unusable(attempted, answer, "without a list of items in it")
            # Pages overlap when the list changes meanwhile.
            before = len(found)
            for entry in entries:
                entry_id = str(entry.get("id") or "").lower()
                if not entry_id or entry_id not in ids:
                    ids.add(entry_id)
                    found.append(entry)
            links = page.get("links")
            following = links.get("next") if isinstance(links, dict) else None
            uri = following.get("uri") if isinstance(following, dict) else None
            total = page.get("totalCount")
            news = len(found) > before
            if uri:
                if not news:
                    raise _endless(attempted, len(seen))
                path, params = self._next_page(attempted, str(uri))
            elif news and isinstance(total, int) and total > len(found):
                # Links can be absent though there is more.
                params = {**params, "offset": str(len(found)), "size": str(len(entries))}
            else:
                return found

    def _next_page(self, attempted: str, uri: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """Turn a link into path and query below the service's root. Links are relative and leave out the version."""
        base = urlsplit(self._session.settings.base_url)
        no_path = ServiceError(attempted, "the service's next page is no path", "Ask Microsoft's support")
        try:
            link = urlsplit(uri)
            uri.encode("utf-8")
        except ValueError:
            raise no_path from None
        if (link.scheme or link.netloc) and (
            (link.scheme or base.scheme, link.netloc.lower()) != (base.scheme, base.netloc.lower())
        ):
            raise ServiceError(
                attempted,
                f"the service's next page is on another host, {printable(link.netloc, 100)}, to which no token is sent",
                "Check base_url, and whether a proxy answers in the service's place",
            )
        path = link.path
        if base.path and path.startswith(base.path + "/"):
            path = path[len(base.path) :]
        segments = [unquote(segment) for segment in path.split("/") if segment]
        if segments and segments[0].lower() == "v1":
            segments = segments[1:]
        if not segments or ".." in segments or "." in segments:
            raise no_path
        return tuple(segments), dict(parse_qsl(link.query, keep_blank_values=True))

    def _refused(self, attempted: str, answer: Response, of_one_offer: bool = False) -> ServiceError | UnavailableError:
        fault = self._session.fault(answer)
        cause = fault.text(answer.request)
        if answer.gave_up:
            cause = f"{cause}; {answer.gave_up}"
            remedy = meaning(fault)[1] if fault.status == 429 else "Run again later"
            return UnavailableError(attempted, cause, remedy, answer.deadline_exceeded)
        page = answer.body.lstrip()[:1] == b"<"
        if of_one_offer and is_unknown_offer(fault) and not page:
            return NotFoundError(
                attempted,
                f"there is no such offer ({cause})",
                "Check offer_id and country",
                status=fault.status,
                code=fault.code,
            )
        why, remedy = meaning(fault)
        if page:
            why, remedy = "a page came instead of the service's answer", "Check base_url and the proxy"
        return ServiceError(
            attempted, f"{why} ({cause})" if why else cause, remedy, status=fault.status, code=fault.code
        )


def _endless(attempted: str, pages: int) -> ServiceError:
    return ServiceError(
        attempted,
        f"the service's pages never end ({pages} so far)",
        "Run again; if it stays so, ask Microsoft's support",
    )


def _unusable(attempted: str, answer: Response, how: str) -> ServiceError:
    return ServiceError(
        attempted,
        f"{answer.request} answered HTTP {answer.status} {how}",
        "Check base_url, and whether a proxy answers in the service's place",
        status=answer.status,
    )

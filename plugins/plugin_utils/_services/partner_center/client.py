# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The base of Partner Center's clients: headers, paging and refusals. Source: reference facts on Partner Center."""

from __future__ import annotations

import re
import typing as t
import uuid
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.market import Market
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    ServiceError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import MEBIBYTE
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.strict_session import USER_AGENT
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import Deadline
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.client import (
    Meaning,
    ServiceClient,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.fault import ErrorDetails
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center import meanings
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

Item = dict[str, t.Any]
CHECK_ADDRESS = "Check base_url, and whether a proxy responds in the service's place"
# The recorded market has 274 offers on one page of 0.6 MB.
_MAX_PAGES = 1000
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
_OWN_HEADERS = frozenset(
    ("accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "cookie", "expect",
     "host", "proxy-authorization", "te", "transfer-encoding", "upgrade", "user-agent")
)  # fmt: skip
_MAX_LIST_BYTES = 32 * MEBIBYTE


class PartnerCenterClient(ServiceClient):
    """Base of the clients of Partner Center's API. Bodies are returned as the service sent them."""

    OFFSETS: t.ClassVar[bool] = False
    """Whether a list without links, shorter than its `totalCount`, goes on by `offset` and `size`."""

    def __init__(self, settings: Settings, cache: Cache, connections: int = 1, market: Market | None = None) -> None:
        """Take also the market, which is US in English unless it is given."""
        super().__init__(settings, cache, connections)
        self.market = market or Market("US", "en-US")

    def get(
        self,
        attempted: str,
        path: tuple[str, ...],
        params: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        deadline: Deadline | None = None,
        method: str = "GET",
        data: t.Any = None,
    ) -> Response:
        """Send a request that changes nothing to a path below `/v1`."""
        own = {
            "X-Locale": self.market.locale,
            # The same on every try of this call.
            "MS-RequestId": str(uuid.uuid4()),
            "MS-CorrelationId": str(uuid.uuid4()),
            "MS-Contract-Version": "v1",
            "MS-PartnerCenter-Application": USER_AGENT,
        }
        return self.call(attempted, method, ("v1", *path), params, {**own, **(headers or {})}, data, deadline)

    def meaning(self, details: ErrorDetails, subject: t.Any) -> Meaning:
        """See ServiceClient; `subject` names what was requested by id, with an article, if anything was."""
        if subject and meanings.is_unknown(details):
            return Meaning(f"there is no such {subject}", f"Check {subject}_id and country", not_found=True)
        return meanings.meaning(details)

    def list_all(
        self, attempted: str, path: tuple[str, ...], params: Mapping[str, str], subject: str = ""
    ) -> list[Item]:
        """Return all items of a list, page after page, each once: pages overlap when the list changes
        meanwhile."""
        return unique((item for page in self._pages(attempted, path, params, subject) for item in page), self.identify)

    def identify(self, item: Item) -> str:
        """Return what tells an item of a list from the others, or an empty text; ids differ in more than case."""
        return str(item.get("id") or "").lower()

    def _pages(
        self, attempted: str, path: tuple[str, ...], params: Mapping[str, str], subject: str
    ) -> Iterator[list[Item]]:
        """Yield the items of each page. All pages share one deadline and one limit in bytes."""
        deadline = Deadline(self.settings.deadline)
        ids: set[str] = set()
        count = size = 0
        headers: Mapping[str, str] = {}
        for number in range(1, _MAX_PAGES + 1):
            response = self.get(attempted, path, params, headers, deadline)
            page = self.json(attempted, response, subject)
            size += len(response.body)
            items = page.get("items")
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise self.unusable(attempted, response, "without a list of items in it", CHECK_ADDRESS)
            if size > _MAX_LIST_BYTES:
                raise self.unusable(
                    attempted, response, f"and the list is larger than {_MAX_LIST_BYTES // MEBIBYTE} MiB", CHECK_ADDRESS
                )
            yield items
            known = len(ids)
            ids.update(self.identify(item) or f"{number}/{place}" for place, item in enumerate(items))
            count += len(items)
            link = _next_link(page)
            total = page.get("totalCount")
            if link and len(ids) > known:
                path, params = self._parse_link(attempted, response, str(link["uri"]))
                headers = _link_headers(link)
            elif link:
                raise _endless(attempted, number)
            elif self.OFFSETS and len(ids) > known and isinstance(total, int) and total > len(ids):
                params = {**params, "offset": str(len(ids)), "size": str(len(items))}
            else:
                return
            if not deadline.remaining():
                raise UnavailableError(
                    attempted,
                    f"{number} pages with {count} items came within the deadline of {deadline.seconds:g} seconds, and"
                    " there are more",
                    "Set deadline to more seconds",
                    deadline_exceeded=True,
                )
        raise _endless(attempted, _MAX_PAGES)

    def _parse_link(self, attempted: str, response: Response, uri: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """Turn a link into path and query below the service's root. Links are relative and leave out the version."""
        base = urlsplit(self.settings.base_url)
        no_path = ServiceError(attempted, "the service's next page is no path", "Ask Microsoft's support")
        try:
            link = urlsplit(uri)
            uri.encode("utf-8")
        except ValueError:
            raise no_path from None
        if (link.scheme or link.netloc) and (
            (link.scheme or base.scheme, link.netloc.lower()) != (base.scheme, base.netloc.lower())
        ):
            how = f"with a link to the next page on another host, {printable(link.netloc)}, to which no token is sent"
            raise self.unusable(attempted, response, how, CHECK_ADDRESS)
        path = link.path
        if base.path and path.startswith(base.path + "/"):
            path = path[len(base.path) :]
        segments = [unquote(segment) for segment in path.split("/") if segment]
        if segments and segments[0].lower() == "v1":
            segments = segments[1:]
        if not segments or ".." in segments or "." in segments:
            raise no_path
        return tuple(segments), dict(parse_qsl(link.query, keep_blank_values=True))


def unique(items: t.Iterable[Item], identify: t.Callable[[Item], str]) -> list[Item]:
    """Return the items in their order, of those that are identified alike the first."""
    found: dict[t.Any, Item] = {}
    for item in items:
        found.setdefault(identify(item) or (len(found),), item)
    return list(found.values())


def _next_link(page: Item) -> Item | None:
    links = page.get("links")
    link = links.get("next") if isinstance(links, dict) else None
    return link if isinstance(link, dict) and link.get("uri") else None


def _link_headers(link: Item) -> dict[str, str]:
    """Return the headers with which a link has to be followed, but for those that are the client's own to decide."""
    headers = link.get("headers")
    pairs = [one for one in headers if isinstance(one, dict)] if isinstance(headers, list) else []
    return {
        name: value
        for name, value in ((one.get("key"), one.get("value")) for one in pairs)
        if isinstance(name, str)
        and isinstance(value, str)
        and _HEADER_NAME.fullmatch(name)
        and name.lower() not in _OWN_HEADERS
        and value.isascii()
        and value.isprintable()
    }


def _endless(attempted: str, pages: int) -> ServiceError:
    return ServiceError(
        attempted,
        f"the service's pages never end ({pages} so far)",
        "Run again; if it stays so, ask Microsoft's support",
    )

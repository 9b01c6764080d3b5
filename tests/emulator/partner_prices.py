# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host of price sheets of one cloud. Source: docs of the Partner Center catalog, price sheets."""

from __future__ import annotations

import gzip
import io
import re
import uuid
import zipfile
from functools import lru_cache

from . import offers
from . import partner_products as catalog
from .clouds import PRICES_AUDIENCE
from .identity import Identity
from .messages import Delivery, Request, Response
from .settings import Settings
from .tokens import TokenIssuer, TokenRefused

VIEWS = (
    "azure_consumption",
    "azure_reservations",
    "updatedlicensebased",
    "marketplace",
    "software",
    "licensebasedest",
    "licensebasedeos",
)
#: What the host can be told to do with its files.
BEHAVIORS = {
    "no_access": "403: this user has no access to prices",
    "bomb": "a ZIP of a few megabytes that unpacks to 3 GiB",
    "two_files": "a ZIP that holds two sheets",
    "no_files": "a ZIP that holds nothing",
    "broken_zip": "a ZIP whose end is missing",
    "damaged_zip": "a ZIP whose content does not fit its checksum",
    "broken_gzip": "gzip data that ends early",
    "encrypted_zip": "a ZIP whose file is marked as encrypted",
    "path_in_zip": "a ZIP whose file is named as if it lay elsewhere (must be accepted)",
    "page": "an HTML page with the status 200",
    "json": "a JSON document with the status 200",
    "empty": "nothing, with the status 200",
    "no_columns": "a file whose first line has no columns",
}
_SHEET = re.compile(r"/v1\.0/sales/pricesheets\(Market='([A-Za-z]{2})',PricesheetView='([a-z0-9_]+)'\)/\$value")
_MEBIBYTE = 1024 * 1024
_COLUMNS = (
    "ProductTitle,ProductId,SkuId,SkuTitle,Publisher,SkuDescription,UnitOfMeasure,TermDuration,BillingPlan,Market,"
    "Currency,UnitPrice,PricingTierRangeMin,PricingTierRangeMax,EffectiveStartDate,EffectiveEndDate,Tags,ERP Price,"
    "Segment"
)


class PriceSheets:
    """The service behind the listener ``prices``. It takes tokens of users for its own audience alone."""

    def __init__(self, identity: Identity, issuer: TokenIssuer, settings: Settings) -> None:
        self._identity = identity
        self._issuer = issuer
        self._settings = settings

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        response = self._answer(request)
        response.headers["Request-ID"] = str(uuid.uuid4())
        return response

    def _answer(self, request: Request) -> Response:
        # Literal: what is percent-encoded is another path.
        match = _SHEET.fullmatch(request.path)
        if match is None or request.method != "GET":
            return _fault(404, "itemNotFound", "Resource not found for the segment.")
        try:
            claims = self._issuer.check(
                request.headers.get("authorization"), (PRICES_AUDIENCE,), self._identity.tenant_id, request.now()
            )
        except TokenRefused as error:
            request.entry.note = f"token refused: {error.reason}"
            return _fault(401, "unauthenticated", "Invalid Authorization header")
        if "scp" not in claims or request.effects.get("price_behavior") == "no_access":
            return _fault(403, "accessDenied", "The caller may not read prices.")
        return self._sheet(request, match[1].upper(), match[2])

    def _sheet(self, request: Request, market: str, view: str) -> Response:
        names = {name.lower(): values[0].lower() for name, values in request.query.items()}
        timeline, month = names.get("timeline", "current"), names.get("month", "")
        if set(names) - {"timeline", "month"} or timeline not in ("current", "history", "future"):
            return _fault(400, "invalidRequest", "The query is not valid.", "timeline")
        if (timeline == "history") != bool(month) or (month and not re.fullmatch("20[0-9]{2}(0[1-9]|1[0-2])", month)):
            return _fault(400, "invalidRequest", "The month is not valid.", "month")
        behavior = request.effects.get("price_behavior", "")
        if (view not in VIEWS and not behavior) or market not in offers.COUNTRIES:
            return _fault(404, "itemNotFound", "There is no such sheet.")
        if timeline == "future" and view in ("marketplace", "software"):
            return _fault(404, "itemNotFound", "There are no changes.")
        name = "updatedoffice.csv" if view == "updatedlicensebased" else "sheets.csv"
        accepted = [part.partition(";")[0].strip().lower() for part in _list(request, "accept-encoding")]
        form = self._settings.price_sheet_form
        if form == "auto":
            # Sheets of those days are never compressed.
            form = "zip" if "deflate" in accepted and not (month and month < "202004") else "text"
        chosen = (market, view, timeline + month, self._settings.price_sheet_revision)
        if behavior:
            body = _bad_file(behavior, *chosen)
        elif form == "text":
            body = _csv(*chosen, self._settings.price_sheet_mebibytes)
        else:
            body = _packed(form, name, *chosen, self._settings.price_sheet_mebibytes)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f"attachment; filename={name}",
        }
        if len(body) <= _MEBIBYTE:
            # Only of what is no stream can fault rules change the delivery.
            return Response(200, body, headers)
        stream = (body[start : start + 65536] for start in range(0, len(body), 65536))
        return Response(200, headers=headers, delivery=Delivery(stream=stream, stream_length=len(body)))


def _list(request: Request, name: str) -> list[str]:
    return request.headers.get(name, "").split(",")


def _fault(status: int, code: str, message: str, target: str = "") -> Response:
    error = {"code": code, "message": message, **({"target": target} if target else {})}
    return Response.of({"error": error}, status)


@lru_cache(maxsize=4)
def _csv(market: str, view: str, period: str, revision: int, mebibytes: int) -> bytes:
    """A sheet, longer than so many mebibytes; each revision has other prices."""
    lines = []
    currency = {"US": "USD", "GB": "GBP", "DE": "EUR"}[market]
    for product in catalog.products().values():
        if not catalog.sold(product, market) or product.kind != "OnlineServicesNCE":
            continue
        lines += [
            f'"Contoso Büro, {product.number}",{product.id},{sku.id},"{segment} ""{sku.id}""",Microsoft Corporation,'
            f"Für alle,,P1Y,Annual,{market},{currency},{10 + sku.number + revision}.50,1,,"
            f"2026-01-01T00:00:00.0000000Z,9999-11-30T00:00:00.0000000Z,License,{20 + sku.number}.00,"
            f"{'Charity' if segment == 'nonprofit' else segment.capitalize()}"
            for sku in product.skus
            for segment in sku.segments
        ]
    block = ("\r\n".join(lines) + "\r\n").encode()
    head = f"\ufeff{_COLUMNS}\r\n".encode()
    return head + block * max(1, -(-mebibytes * _MEBIBYTE // len(block)))


@lru_cache(maxsize=4)
def _packed(form: str, name: str, market: str, view: str, period: str, revision: int, mebibytes: int) -> bytes:
    content = _csv(market, view, period, revision, mebibytes)
    return gzip.compress(content, 1, mtime=0) if form == "gzip" else _zip({name: content})


def _zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _bad_file(behavior: str, market: str, view: str, period: str, revision: int) -> bytes:
    content = _csv(market, view, period, revision, 0)
    whole = _zip({"sheets.csv": content})
    if behavior == "bomb":
        return _bomb()
    if behavior == "encrypted_zip":
        encrypted = bytearray(whole)
        encrypted[6] |= 1
        encrypted[encrypted.rindex(b"PK\x01\x02") + 8] |= 1
        return bytes(encrypted)
    if behavior == "damaged_zip":
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            wrong = archive.infolist()[0].CRC ^ 1
        crc = (wrong ^ 1).to_bytes(4, "little")
        return whole.replace(crc, wrong.to_bytes(4, "little"))
    return {
        "two_files": _zip({"sheets.csv": content, "others.csv": content}),
        "no_files": _zip({}),
        "broken_zip": whole[: len(whole) // 2],
        "broken_gzip": gzip.compress(content)[:-200],
        "path_in_zip": _zip({"../../sheets.csv": content}),
        "page": b"<!DOCTYPE html><html><body>Sign in</body></html>",
        "json": b'{"value": []}',
        "empty": b"",
        "no_columns": b"Prices\r\nDesk\r\n",
    }[behavior]


@lru_cache(maxsize=1)
def _bomb() -> bytes:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("sheets.csv", "w", force_zip64=True) as stream,
    ):
        stream.write(f"{_COLUMNS}\r\n".encode())
        for _block in range(3 * 1024):
            stream.write(b" " * _MEBIBYTE)
    return packed.getvalue()

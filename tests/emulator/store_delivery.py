# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The delivery service ("Simple File Solution"): category to version, prerequisites and files. It takes no sign-in.
Source: reference facts on packages, section 3."""

from __future__ import annotations

import json
import uuid
from typing import Any

from .cdn import Cdn
from .messages import Request, Response
from .releases import Release, file_entry, find_release
from .routing import NoRoute, Router

_ROOT = "/api/v2/contents/storeapps/namespaces/default/names"


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class StoreDelivery:
    """The service behind the listener ``delivery``."""

    def __init__(self, cdn: Cdn) -> None:
        self._cdn = cdn
        self._router: Router[Response] = Router()
        self._router.add("POST", _ROOT, self._batch)
        self._router.add("POST", _ROOT + "/{category}/versions/latest", self._select)
        self._router.add("GET", _ROOT + "/{category}/versions/{version}", self._version)
        self._router.add("POST", _ROOT + "/{category}/versions/{version}/files", self._files)

    def __call__(self, request: Request) -> Response:
        """Answer a request. Bodies of refusals are not known, so there are none."""
        try:
            handler, parameters = self._router.find(request)
            return handler(request, **parameters)
        except NoRoute as error:
            return Response(405, headers={"Allow": ", ".join(error.allowed)}) if error.allowed else Response(404)
        except _Refused as error:
            return Response(error.status)

    def _select(self, request: Request, category: str) -> Response:
        _action(request, "select")
        _attributes(_json(request))
        found = self._known(category, request)
        behavior = _behavior(request, found)
        answer: dict[str, Any] = {
            "ContentId": _content_id(category, found.version),
            "UpdateId": found.update_id,
            "Prerequisites": [_content_id(name, self._known(name, request).version) for name in found.prerequisites],
        }
        if behavior == "other_name":
            answer["ContentId"]["Name"] = str(uuid.uuid5(uuid.NAMESPACE_OID, "another category"))
        elif behavior == "no_update_id":
            answer = {"ContentId": answer["ContentId"]}
        return Response.of(answer)

    def _files(self, request: Request, category: str, version: str) -> Response:
        _action(request, "GenerateDownloadInfo")
        if request.body:
            raise _Refused(400)
        found = self._known(category, request)
        if version != found.version:
            raise _Refused(404)
        behavior = _behavior(request, found)
        lifetime = float(request.effects.get("url_lifetime", self._cdn.settings.url_lifetime))
        listed = []
        for package in found.packages:
            stored = self._cdn.stored(package, main=found.product is not None)
            url = self._cdn.sign(stored, request.now() + lifetime)
            if behavior == "stranger_url":
                url = url.replace("localhost", "127.0.0.1")
            listed.append(file_entry(package, stored.sha256, stored.size, url))
        return Response.of(listed)

    def _version(self, request: Request, category: str, version: str) -> Response:
        if self._known(category, request).version != version:
            raise _Refused(404)
        return Response.of({"ContentId": _content_id(category, version)})

    def _batch(self, request: Request) -> Response:
        _action(request, "BatchUpdates")
        wanted = _json(request)
        if not isinstance(wanted, list) or not wanted:
            raise _Refused(400)
        answers = []
        for one in wanted:
            _attributes(one)
            found = find_release(str(one.get("Product")))
            if found is not None:
                answers.append({"ContentId": _content_id(found.category, found.version), "UpdateId": found.update_id})
        if not answers:
            raise _Refused(404)
        return Response.of(answers)

    def _known(self, category: str, request: Request) -> Release:
        found = find_release(category)
        if found is None:
            raise _Refused(404)
        request.entry.note = request.entry.note or (found.product.product_id if found.product else "prerequisite")
        return found


def _behavior(request: Request, found: Release) -> str:
    return str(request.effects.get("delivery_behavior", found.behavior))


def _content_id(category: str, version: str) -> dict[str, str]:
    return {"Namespace": "default", "Name": category, "Version": version}


def _action(request: Request, expected: str) -> None:
    if request.query.get("action") != [expected]:
        raise _Refused(404)


def _json(request: Request) -> Any:
    try:
        return json.loads(request.body)
    except ValueError:
        raise _Refused(400) from None


def _attributes(value: Any) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("TargetingAttributes"), dict):
        raise _Refused(400)

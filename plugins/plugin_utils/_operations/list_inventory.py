# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Lists what the organization owns in Store for Business, with the content ids and titles of each product."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
    list_failures,
    raise_failures,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey, key_problem
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache, Entry
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_all import (
    Progress,
    Source,
    fetch_all,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.resolve_content_ids import (
    MAX_CONTENT_IDS,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    check_max_concurrency,
    settings_from,
)


def list_inventory(
    options: Mapping[str, t.Any],
    open_cache: Callable[[Settings], Cache],
    warn: Callable[[str], None],
    progress: Progress | None = None,
) -> dict[str, t.Any]:
    """Return what ms_store_inventory_info returns.

    A product whose packages cannot be listed has an `error`, and is warned of. Raises ProvisioningError when the
    inventory, or the packages of every product, cannot be listed.
    """
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", options["language"]):
        raise OptionError("Could not use the options", "language is no language tag", "Set it to one such as en-us")
    concurrency = check_max_concurrency(options["max_concurrency"])
    settings = settings_from(options, "store_for_business")
    cache = open_cache(settings)

    def source(get: Callable[[t.Any, t.Any], Entry], kind: str) -> Source:
        def connect() -> t.Any:
            from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.table import open_client

            return open_client(settings, cache, concurrency)

        return Source(connect, get, cache, settings.fingerprint, kind, "/".join)

    kind = "" if options["license_type"] == "all" else options["license_type"]
    listed = source(lambda client, key: {"rows": [one._asdict() for one in client.list_inventory(kind)]}, "inventory")
    outcome = fetch_all([(kind,)], listed, 1)[(kind,)]
    if isinstance(outcome, ProvisioningError):
        raise outcome
    rows: list[dict[str, t.Any]] = outcome["rows"]
    titles, language = options["include_titles"], options["language"]

    def details(client: t.Any, key: tuple[str, str]) -> Entry:
        title = client.get_title(*key, language) if titles else ""
        return {"content_ids": client.get_content_ids(*key), "title": title}

    keys = [(row["product_id"], row["sku_id"]) for row in rows if not key_problem(_key(row), True)]
    found = fetch_all(keys, source(details, f"product {titles} {language}"), concurrency, progress)
    return _result(rows, found, warn)


def _key(row: Mapping[str, t.Any], content_id: str = "") -> LicenseKey:
    return LicenseKey(row["product_id"], row["sku_id"], content_id)


def _result(
    rows: Sequence[dict[str, t.Any]],
    found: Mapping[tuple[str, str], Entry | ProvisioningError],
    warn: Callable[[str], None],
) -> dict[str, t.Any]:
    inventory, licenses = [], []
    failures: dict[str, ProvisioningError] = {}
    for row in rows:
        outcome = found.get((row["product_id"], row["sku_id"])) or OptionError(
            f"Could not use the entry {_key(row)}", key_problem(_key(row), True), "The service may have changed"
        )
        content_ids: list[str] = []
        if isinstance(outcome, ProvisioningError):
            failures[str(_key(row))] = outcome
        else:
            content_ids = [one for one in outcome["content_ids"] if not key_problem(_key(row, one))][:MAX_CONTENT_IDS]
        failed = isinstance(outcome, ProvisioningError)
        title = None if isinstance(outcome, ProvisioningError) else outcome["title"] or None
        inventory.append({**row, "title": title, "content_ids": content_ids, "error": str(outcome) if failed else None})
        if row["license_type"] == "offline":
            licenses += [
                {"product_id": row["product_id"], "sku_id": row["sku_id"], "content_id": one} for one in content_ids
            ]
    if failures and len(failures) == len(rows):
        raise_failures(failures, len(rows), "lists of packages")
    if failures:
        warn(list_failures(((name, str(error)) for name, error in failures.items()), len(rows)))
    return {"inventory": inventory, "licenses": licenses}

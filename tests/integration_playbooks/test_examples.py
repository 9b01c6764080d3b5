# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of the documentation run as they are written, but for the ids, which must be the emulator's."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from emulator.catalog import find
from emulator.client import Emulator
from license_services import LicenseService

from ansible_collections.msdevices.provisioning.plugins.modules import ms_offline_license

from .conftest import NewLab, Served
from .harness import MODULE, default_name


def _examples(emulator: Emulator) -> list[dict[str, Any]]:
    """The tasks of the module's examples; each product of theirs is replaced by one of the emulator's."""
    text: str = ms_offline_license.EXAMPLES
    products: dict[str, str] = {}
    for task in yaml.safe_load(text):
        options = task[MODULE]
        for entry in options.get("licenses", [options]):
            # One that leaves the content id out names a product of another example.
            products[entry["product_id"]] = entry.get("content_id") or products[entry["product_id"]]
    for index, (product_id, content_id) in enumerate(products.items()):
        mine = emulator.product(index)
        text = text.replace(product_id, mine.product_id).replace(content_id, mine.content_id)
    return list(yaml.safe_load(text))


@pytest.mark.once
def test_examples_run(new_lab: NewLab, served: Served) -> None:
    lab = new_lab(windows=["win1"])
    emulator = lab.emulator
    tasks = _examples(emulator)
    assert len(tasks) >= 4
    staged: dict[str, bytes] = {}
    variables = {
        "tenant": emulator.tenant_id,
        "app": emulator.client_id,
        "app_secret": emulator.client_secret,
        "stage_dir": "{{ stage }}",
        "vaulted_license": base64.b64encode(served(emulator.product(0).request())).decode(),
        "archive_dir": str(lab.directory / "archive"),
        "token_file": str(lab.directory / "refresh-token"),
    }
    Path(variables["token_file"]).write_text(emulator.refresh_token, encoding="utf-8")
    Path(variables["token_file"]).chmod(0o600)
    for task in tasks:
        options = task[MODULE]
        entries = options.get("licenses", [options])
        # An example that holds its credential, or needs none, gets none from the environment.
        own = "client_secret" in options or all("license_blob" in entry for entry in entries)
        lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra} if own else emulator.environment()
        service = LicenseService(emulator, options.get("service", "store_for_business"))
        lab.defaults = {name: value for name, value in service.options.items() if name != "service"}
        run = lab.run([task], vars=variables)
        assert run.status == 0, run.output
        form = options.get("format", "xml")
        fetched = {}
        for entry in entries:
            ids = {"sku_id": "0015", **entry}
            if "content_id" not in ids:
                ids["content_id"] = find(ids["product_id"]).content_id
            document = served(ids)
            data = base64.b64encode(document) if form == "base64" else document
            fetched[entry.get("filename") or default_name(ids, form)] = data
        if "dest" in options:
            staged.update(fetched)
        else:
            assert task["no_log"] is True
        for host in ("linux1", "win1"):
            assert lab.files(host) == staged, task["name"]
        if all("license_blob" in entry for entry in entries):
            assert run.requests == []

# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The way of a package, for a check of the access: from the catalog by the delivery service to the CDN."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from contextlib import closing

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ServiceError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import NoCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.download import Downloader
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.package_services import PackageServices
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.threads import result_of
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_delivery import DeliveryFile
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings


def find_file(options: Mapping[str, t.Any]) -> DeliveryFile:
    """Return a file of the product in the options, with its URL. Raises what both services raise, and ServiceError."""
    product_id = str(options["product_id"]).upper()
    with closing(PackageServices({**options, "max_concurrency": 1}, lambda settings: NoCache())) as services:
        product = result_of(services.product(product_id, "US"))
        categories = [package.wu_category_id for package in product.packages if package.wu_category_id]
        for category in dict.fromkeys(categories):
            release = result_of(services.release(category))
            for file in result_of(services.files(release.id)):
                if not file.problem:
                    return file
    raise ServiceError(
        f"Could not find a package of {product_id}",
        "neither the catalog nor the delivery service names one that can be downloaded",
        "Set product_id to an app that the Store lets you install",
    )


def request_head(file: DeliveryFile, options: Mapping[str, t.Any], settings: Settings) -> str:
    """Request the headers of a file from the CDN; return what came, as a clause. Raises ServiceError and others."""
    downloader = Downloader(settings, options["download_hosts"])
    size = downloader.size_of(file.url)
    if size != file.size:
        raise ServiceError(
            "Could not check the CDN",
            f"it says that the package has {size} bytes, and the delivery service says {file.size}",
            "Check whether a proxy or a sign-in page answers in the place of the CDN",
        )
    return f"a package of {file.size / 1000000:.1f} MB can be downloaded"

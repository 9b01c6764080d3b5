# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hostile values: what reaches the collection from outside.

The tests are property-based, and work on what the callers share: the columns say which callers that is.
"""

from __future__ import annotations

from ..faults import CALLERS, LOOKUP, MODULE, STAGING, SURVIVES, VALUES, Fault

ANYWHERE = "any"
_DECLARED = "no exception but the declared ones, with messages that are fit to be shown"
_REQUESTS = "no request leaves the base path; " + _DECLARED
_FILES = "no file leaves dest; " + _DECLARED


def _row(name: str, title: str, holds: str, callers: tuple[str, ...] = CALLERS) -> Fault:
    return Fault(name, VALUES, title, SURVIVES, servers=(ANYWHERE,), callers=callers, holds=holds, quick=True)


VALUES_FAULTS: tuple[Fault, ...] = (
    _row("values-license-ids", "ids of products, SKUs and contents", _REQUESTS),
    _row("values-offer-ids", "ids of offers, categories and customers", _REQUESTS, (MODULE, LOOKUP)),
    _row("values-links", "links to the next page", _REQUESTS + "; no token goes to another host", (MODULE, LOOKUP)),
    _row("values-options", "options that say where to go and how to sign in", _REQUESTS),
    _row("values-terms", "lists of licenses as texts, and terms", _DECLARED),
    _row("values-license-answers", "answers of both license services", "no other license is taken; " + _DECLARED),
    _row("values-catalog-answers", "answers of the catalog", _FILES),
    _row("values-partner-answers", "answers of Partner Center", _DECLARED, (MODULE, LOOKUP)),
    _row("values-headers", "statuses, headers and bodies of any kind", _DECLARED),
    _row("values-sign-in", "answers of the token endpoint and of discovery", "no secret goes elsewhere; " + _DECLARED),
    _row("values-documents", "license documents", "what is taken is the license that was asked for; " + _DECLARED),
    _row("values-files", "file names and licenses that the user brings", _FILES, STAGING),
    _row("values-manifests", "manifests on Linux hosts", _FILES, STAGING),
    _row("values-windows-manifests", "manifests on Windows hosts", _FILES, STAGING),
)

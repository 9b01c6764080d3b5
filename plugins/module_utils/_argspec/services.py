# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The names of the services in options, and what options depend on. The services themselves stand in the table of the
controller (plugin_utils/_services/table.py)."""

from __future__ import annotations

LICENSE_SERVICES = ("store_for_business", "store_licensing")
"""Those that issue offline licenses; the first is the default."""
ACCESS_SERVICES = (*LICENSE_SERVICES, "store_catalog", "store_delivery", "partner_center", "partner_price_sheets")
"""Those whose access can be checked."""
CONTENT_ID_OPTIONAL = ("store_licensing",)
"""Those whose licenses may be requested without a content id, which the catalog then yields."""

# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What modules and lookups have in common as to their options."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

NOT_VERIFIED = (
    "validate_certs is false: certificates of servers are not verified, so that anybody on the way can read tokens and"
    " licenses. Set ca_path to the CA instead"
)


def describe_unsupported(names: Iterable[str], known: Iterable[str]) -> str:
    """Return a clause that names options that do not exist, each with the one that may be meant."""
    choices = sorted(known)
    texts = []
    for name in sorted(names):
        meant = difflib.get_close_matches(name, choices, 1, cutoff=0.75)
        texts.append(f"{name} (did you mean {meant[0]}?)" if meant else name)
    return f"unsupported option{'s' if len(texts) > 1 else ''} {', '.join(texts)}"

# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare the collection with what a user would do instead, side by side in one run.

Prints tables, keeps them as JSON below .build/bench, and ends with status 1 when a target is missed.
"""

from __future__ import annotations

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import images
import jobs
import licenses
import lookups
import offers
import packages
import products

BENCHES = {
    "licenses": licenses.main,
    "jobs": jobs.main,
    "offers": offers.main,
    "lookups": lookups.main,
    "packages": packages.main,
    "products": products.main,
    "images": images.main,
}


def main() -> int:
    """Run the benches that are named, or all."""
    chosen = sys.argv[1:] or list(BENCHES)
    reached = [BENCHES[name]() for name in chosen]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())

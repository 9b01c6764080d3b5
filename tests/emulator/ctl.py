# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python tests/emulator/ctl.py STATE_DIR COMMAND``: talk to a running emulator from a shell."""

from __future__ import annotations

import argparse
import json
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [os.path.dirname(_HERE)] + [entry for entry in sys.path if os.path.abspath(entry or ".") != _HERE]

from emulator.client import Emulator, EmulatorError


def main() -> None:
    """Run one command and print its result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state_dir")
    commands = parser.add_subparsers(dest="command", required=True)
    requests = commands.add_parser("requests", help="the request log")
    requests.add_argument("--listener")
    requests.add_argument("--path-contains")
    commands.add_parser("stats", help="totals by listener")
    commands.add_parser("reset", help="forget requests, faults, revocations and settings")
    commands.add_parser("fault", help="add a fault rule").add_argument("rule", type=json.loads, help="as JSON")
    commands.add_parser("latency", help="delay every answer").add_argument("ms", type=float)
    commands.add_parser("products", help="licenses to ask for").add_argument("count", type=int)
    commands.add_parser("packages", help="what the catalog holds of a product").add_argument("index", type=int)
    commands.add_parser("revoke", help="refuse all tokens issued so far")
    options = parser.parse_args()
    emulator = Emulator.attach(options.state_dir)
    actions = {
        "requests": lambda: emulator.requests(options.listener, options.path_contains),
        "stats": emulator.stats,
        "reset": emulator.reset,
        "fault": lambda: emulator.fault(options.rule),
        "latency": lambda: emulator.latency(options.ms),
        "products": lambda: emulator.licenses(options.count),
        "packages": lambda: emulator.product_packages(options.index),
        "revoke": emulator.revoke_tokens,
    }
    try:
        json.dump(actions[options.command](), sys.stdout, indent=1)
    except EmulatorError as error:
        sys.exit(str(error))
    print()


if __name__ == "__main__":
    main()

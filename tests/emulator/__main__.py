# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python tests/emulator --state-dir DIR``: run the emulator until it is told to stop."""

from __future__ import annotations

import os
import sys

# Run as a directory, Python puts this directory itself on the path; the package is one level up.
_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [os.path.dirname(_HERE)] + [entry for entry in sys.path if os.path.abspath(entry or ".") != _HERE]

from emulator.server import main

if __name__ == "__main__":
    main()

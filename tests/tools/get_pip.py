# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-test runs as its pip bootstrap script: pip from ensurepip, then the pip version that was asked for.

ansible-test would download such a script from a host of its own. This one needs nothing but the package index that pip
is configured for. It runs in a new virtual environment of any Python that ansible-test supports.
"""

from __future__ import annotations

import os
import subprocess
import sys


def main():
    """Install pip. The arguments are those of pip, and options that only the downloaded script knows."""
    environment = dict(os.environ)
    environment.pop("PIP_CONFIG_FILE", None)
    subprocess.check_call([sys.executable, "-m", "ensurepip"], env=environment, stdout=subprocess.DEVNULL)
    wanted = [argument for argument in sys.argv[1:] if not argument.startswith("--no-")]
    subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", *wanted], env=environment)


if __name__ == "__main__":
    main()

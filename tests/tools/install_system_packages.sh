#!/bin/sh
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Install what the containers (or the tests with a browser) need and Debian's package manager has, unless it is there.
# Usage: install_system_packages.sh [COMMAND[:PACKAGE]...]     (default: podman runc debootstrap)

set -eu

if [ "$#" -eq 0 ]; then
    set -- podman runc debootstrap
fi

missing=
for entry in "$@"; do
    # Debian keeps runc and debootstrap where the PATH of a plain user does not look.
    if ! PATH="$PATH:/usr/sbin:/sbin" command -v "${entry%%:*}" >/dev/null 2>&1; then
        missing="$missing ${entry#*:}"
    fi
done
if [ -z "$missing" ]; then
    exit 0
fi

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing:$missing. There is no apt-get here: install them with the package manager of this system." >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "Missing:$missing. Installing packages needs root. As root: apt-get install$missing" >&2
    exit 1
fi

echo "Installing:$missing"
# Suites that run side by side may both come here.
mkdir -p .build
exec 9>.build/packages.lock
if command -v flock >/dev/null 2>&1; then
    flock 9
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# Word splitting is wanted: one argument for each package.
# shellcheck disable=SC2086
apt-get install -qq --yes --no-install-recommends $missing </dev/null >/dev/null

#!/bin/sh
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Usage: find_python.sh [--all] [LOWEST [HIGHEST]]     (default: 3.10 3.13)
#
# Prints the path of the newest usable Python within the bounds. With --all prints one line "VERSION PATH" for each
# version found, newest first. Usable: venv, ensurepip and ssl can be imported, so that virtual environments with pip work.
# Looked at: the commands on PATH and, where pyenv exists, every version that it manages (its shims refuse to run
# versions that are not selected).

set -u

all=no
if [ "${1:-}" = --all ]; then
    all=yes
    shift
fi
lowest=${1:-3.10}
highest=${2:-3.13}

probe='import sys
import ensurepip, ssl, venv
print("%d.%d %s" % (sys.version_info[0], sys.version_info[1], sys.executable))'

candidates() {
    minor=${highest#3.}
    while [ "$minor" -ge "${lowest#3.}" ]; do
        if command -v pyenv >/dev/null 2>&1; then
            for path in "$(pyenv root)"/versions/3."$minor"*/bin/python3."$minor"; do
                if [ -x "$path" ]; then
                    echo "$path"
                fi
            done | sort -rV
        fi
        command -v "python3.$minor"
        minor=$((minor - 1))
    done
    command -v python3
    command -v python
}

found=$(
    candidates | while read -r path; do
        "$path" -c "$probe" </dev/null 2>/dev/null
    done | awk -v lowest="${lowest#3.}" -v highest="${highest#3.}" '
        { split($1, version, ".") }
        version[1] == 3 && version[2] + 0 >= lowest + 0 && version[2] + 0 <= highest + 0 && !seen[$1]++ { print }
    ' | sort -rV
)

if [ -z "$found" ]; then
    echo "find_python.sh: no usable Python $lowest to $highest (with the modules venv, ensurepip and ssl) was found." >&2
    echo "Install one; on Debian and Ubuntu: apt-get install python3 python3-venv" >&2
    exit 1
fi

if [ "$all" = yes ]; then
    echo "$found"
else
    echo "$found" | head -n 1 | cut -d ' ' -f 2-
fi

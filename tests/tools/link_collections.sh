#!/bin/sh
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Usage: link_collections.sh VENV OTHER...
#
# Lets a virtual environment have the collections of the first of the others that has some.

set -eu

venv=$1
shift
for other in "$@"; do
    for directory in "$PWD/$other"/lib/python3*/site-packages/ansible_collections; do
        if [ "$other" != "$venv" ] && [ -d "$directory/ansible/windows" ]; then
            for packages in "$venv"/lib/python3*/site-packages; do
                ln -sfn "$directory" "$packages/ansible_collections"
            done
            exit 0
        fi
    done
done
echo "link_collections.sh: no virtual environment has the package ansible" >&2
exit 1

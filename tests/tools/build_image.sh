#!/bin/sh
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Build the image of the managed hosts, once: a minimal Debian with Python, from the package mirror of this machine.
# Usage: build_image.sh IMAGE DIRECTORY     DIRECTORY takes the temporary root file system.

set -eu

image=$1
directory=$2
PATH="$PATH:/usr/sbin:/sbin"

if podman image exists "$image"; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "debootstrap needs root to build the image $image" >&2
    exit 1
fi

# The distribution's own main archive, not its updates: a code name without a suffix.
targets() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
        awk '($1 == "Debian" || $1 == "Ubuntu") && $2 == "main" && $3 !~ /-/ { print $3, $4; exit }'
}
target=$(targets)
if [ -z "$target" ]; then
    apt-get update -qq
    target=$(targets)
fi
if [ -z "$target" ]; then
    echo "apt knows no Debian or Ubuntu archive to build $image from" >&2
    exit 1
fi

echo "Building the image $image: ${target% *} from ${target#* }"
rm -rf --one-file-system "$directory"
mkdir -p "$directory"
trap 'rm -rf --one-file-system "$directory"' EXIT
if ! debootstrap --variant=minbase --include=python3 "${target% *}" "$directory/root" "${target#* }" \
    </dev/null >"$directory/log" 2>&1; then
    tail -n 20 "$directory/log" >&2
    exit 1
fi
rm -rf "$directory"/root/var/cache/apt/archives "$directory"/root/var/lib/apt/lists
tar -C "$directory/root" -c . | podman import --quiet - "$image" >/dev/null

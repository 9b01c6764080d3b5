#!/bin/sh
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Build the HTML pages of the plugins, the roles and the guides. A warning is a failure, and so is a reference within the
# collection that leads nowhere. Links to other projects stay text, so that no network is needed.
# Usage: build_docs.sh DIRECTORY     The first page is DIRECTORY/html/index.html.

set -eu

directory=$1
sphinx=$(dirname "$0")/../../docs/sphinx
rm -rf "$directory"
mkdir -p "$directory/rst"
# antsibull-docs refuses a directory that others may write to.
chmod go-w "$directory/rst"

antsibull-docs collection --use-current --squash-hierarchy --fail-on-error --cleanup everything \
    --dest-dir "$directory/rst" msdevices.provisioning

sphinx-build -q -b html -c "$sphinx" -W --keep-going -n "$directory/rst" "$directory/html"

echo "The pages are in $directory/html, from index.html on"

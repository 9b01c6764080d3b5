# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to the controller and its run."""

from __future__ import annotations

from ..faults import CONTROLLER, FAILS, LOOKUP, MODULE, PARTNER, STAGING, STORE, SURVIVES, Fault

_WHOLE = (
    "each file is whole, old or new; good ones stay; nothing left behind can be read but by its owner, and what is"
    " left of the run cache by nobody; the next run puts all right"
)

CONTROLLER_FAULTS: tuple[Fault, ...] = (
    Fault(
        "killed",
        CONTROLLER,
        "SIGKILL to all processes of a run of 200 licenses, at a random moment",
        SURVIVES,
        servers=(STORE,),
        holds=_WHOLE,
        quick=True,
    ),
    Fault(
        "two-runs",
        CONTROLLER,
        "two runs at once on the same host and dest",
        SURVIVES,
        servers=(STORE,),
        callers=STAGING,
        holds="they take turns; each file and the manifest are whole, and the next run changes nothing",
    ),
    Fault(
        "cache-full",
        CONTROLLER,
        "the temporary directory has no space from the start",
        FAILS,
        cause=r"cannot write to its temporary directory .*No space left",
        remedy=r"local_tmp",
        servers=(STORE,),
        # Of the role and of what writes the values of lookups, modules of Ansible itself come first.
        callers=(MODULE,),
        tries=0,
        every_item=False,
        quick=True,
    ),
    Fault(
        "cache-filled",
        CONTROLLER,
        "the temporary directory fills up during the run",
        SURVIVES,
        servers=(STORE, PARTNER),
        callers=(MODULE, LOOKUP),
        holds="goes on without the run cache",
    ),
    Fault(
        "cache-read-only",
        CONTROLLER,
        "the temporary directory becomes read-only during the run",
        SURVIVES,
        servers=(STORE, PARTNER),
        callers=(MODULE, LOOKUP),
        holds="goes on without the run cache",
    ),
    Fault(
        "proxy",
        CONTROLLER,
        "HTTPS_PROXY leads to a proxy",
        SURVIVES,
        servers=(STORE, PARTNER),
        holds="all requests go by the proxy, but those to hosts that NO_PROXY names",
        quick=True,
    ),
    Fault(
        "proxy-dead",
        CONTROLLER,
        "HTTPS_PROXY leads to a proxy that is not there",
        FAILS,
        cause=r"the proxy could not be reached",
        remedy=r"HTTPS_PROXY and NO_PROXY",
        servers=(STORE, PARTNER),
        tries=0,
        # What fails before any request fails for all of them.
        every_item=False,
    ),
    Fault(
        "other-ca-bundle",
        CONTROLLER,
        "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names other CAs than ca_path",
        SURVIVES,
        servers=(STORE, PARTNER),
        holds="ca_path wins",
    ),
    Fault(
        "ca-bundle-gone",
        CONTROLLER,
        "REQUESTS_CA_BUNDLE names a file that is not there, and ca_path is not set",
        FAILS,
        cause=r"REQUESTS_CA_BUNDLE leads to \S+, which cannot be read",
        remedy=r"Set ca_path, or REQUESTS_CA_BUNDLE,",
        servers=(STORE, PARTNER),
        options={"ca_path": None},
        tries=0,
        every_item=False,
    ),
    Fault(
        "task-environment",
        CONTROLLER,
        "credentials and a proxy in the environment of a task",
        SURVIVES,
        servers=(STORE,),
        callers=STAGING,
        holds="all requests use them; the module keeps them from the host and from the log of its commands",
    ),
    Fault(
        "task-environment-lookup",
        CONTROLLER,
        "a dead proxy in the environment of a task with a lookup",
        SURVIVES,
        servers=(STORE, PARTNER),
        callers=(LOOKUP,),
        holds="a lookup does not see it: the controller's own environment decides",
    ),
    Fault(
        "become",
        CONTROLLER,
        "become, to a user without a home and with a remote_tmp that he cannot write to",
        SURVIVES,
        servers=(STORE,),
        holds="files belong to that user, and requests are made with what the controller's user has",
    ),
    Fault(
        "home-read-only",
        CONTROLLER,
        "a user of the controller whose home cannot be written to",
        SURVIVES,
        servers=(STORE, PARTNER),
        holds="nothing is missed: only Ansible's own directories have to be elsewhere",
    ),
)

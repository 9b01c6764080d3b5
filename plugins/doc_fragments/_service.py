# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a service is, and how patient to be."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of service_options in module_utils/_argspec/common.py."""

    DOCUMENTATION = r"""
options:
  base_url:
    description:
      - Root URL of the service, without the version path. Only https is accepted.
      - The default depends on the service and on O(cloud).
    type: str
  validate_certs:
    description:
      - Whether the servers' certificates have to verify. Tokens and licenses are at risk without.
    type: bool
    default: true
  ca_path:
    description:
      - A file on the controller with CA certificates in PEM form, or a directory of such files, to verify the servers'
        certificates with.
      - The default is the set of CAs that the Python library C(requests) uses, which the environment variable
        E(REQUESTS_CA_BUNDLE) can replace. This option wins over that variable.
    type: path
  timeout:
    description:
      - How many seconds a single request may take.
    type: float
    default: 30.0
  deadline:
    description:
      - How many seconds all tries of one call may take together, with the waits in between.
    type: float
    default: 120.0
  max_retries:
    description:
      - How often a call is tried again after a connection error or HTTP status 408, 429, 500, 502, 503 or 504. The
        header C(Retry-After) is honored.
    type: int
    default: 4
  run_cache:
    description:
      - Whether tokens and answers are kept for the rest of this run of Ansible and shared by all its hosts and tasks.
      - They lie in encrypted files that only the current user can read, in Ansible's local temporary directory of the
        run, which is deleted at its end. The key is kept in memory alone.
      - That something does not exist is kept as well, so the keyword C(until) does not help against it. That a host
        cannot be reached is kept for five minutes. Set the option to V(false) to make each request anew.
    type: bool
    default: true
"""

    # Where plugins that run on the controller find the same options besides their arguments.
    PLUGINS = r"""
options:
  base_url:
    vars:
      - name: msdevices_base_url
    ini:
      - section: msdevices_provisioning
        key: base_url
  # Not from ansible.cfg, where Ansible takes a misspelt truth value for a false one.
  validate_certs:
    vars:
      - name: msdevices_validate_certs
  ca_path:
    vars:
      - name: msdevices_ca_path
    ini:
      - section: msdevices_provisioning
        key: ca_path
  timeout:
    vars:
      - name: msdevices_timeout
    ini:
      - section: msdevices_provisioning
        key: timeout
  deadline:
    vars:
      - name: msdevices_deadline
    ini:
      - section: msdevices_provisioning
        key: deadline
  max_retries:
    vars:
      - name: msdevices_max_retries
    ini:
      - section: msdevices_provisioning
        key: max_retries
  run_cache:
    vars:
      - name: msdevices_run_cache
    ini:
      - section: msdevices_provisioning
        key: run_cache
"""

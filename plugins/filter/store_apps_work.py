# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: store_apps_work
short_description: Say what the role store_apps does next, and what became of its apps
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - From a list of products and the results of the steps that are done, returns what the modules of the next step take,
    and the report. The role P(msdevices.provisioning.store_apps#role) uses it.
options:
  _input:
    description:
      - The products, as the variable C(store_apps_list) of the role has them.
    type: raw
    required: true
  dest:
    description:
      - The directory on the host in which the folders of the apps are.
    type: str
    required: true
  windows:
    description:
      - Whether the host is a Windows host.
    type: bool
    default: false
  steps:
    description:
      - The steps to do.
    type: list
    elements: str
    choices:
      - packages
      - licenses
      - provisioning
    default:
      - packages
      - licenses
      - provisioning
  service:
    description:
      - The service that issues the licenses.
    type: str
    default: store_licensing
  architectures:
    description:
      - The architectures of apps that name none. V([x64]) when left out.
    type: list
    elements: str
  languages:
    description:
      - The languages of apps that name none.
    type: list
    elements: str
  image_file:
    description:
      - The image file, which gets all apps or none.
    type: str
  check_mode:
    description:
      - Whether the run only looks.
    type: bool
    default: false
  full:
    description:
      - Whether the summary lists unchanged apps, too.
    type: bool
    default: false
  packages:
    description:
      - The result of M(msdevices.provisioning.ms_store_package).
    type: dict
  licenses:
    description:
      - The results of M(msdevices.provisioning.ms_offline_license), a loop over the key C(license_folders) of what this
        filter returned before.
    type: dict
  provisioned:
    description:
      - The result of M(msdevices.provisioning.ms_provisioned_app).
    type: dict
"""

EXAMPLES = r"""
- name: Show the folders in which licenses are to be staged
  ansible.builtin.debug:
    msg: "{{ (['9WZDNCRFJ3PS'] | msdevices.provisioning.store_apps_work(dest='/srv/apps')).license_folders }}"
"""

RETURN = r"""
_value:
  description:
    - A dictionary. C(problem) is why the products cannot be used, or an empty text, and the only key then. Else there
      are C(package_apps), C(license_folders) and C(provisioning_apps) for the modules, C(report), and C(summary), a
      list of lines.
  type: dict
"""

import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.store_apps import (
    STEPS,
    Wishes,
    Work,
    summary_of,
)


def store_apps_work(
    given: t.Any,
    dest: str,
    *,
    windows: bool = False,
    steps: t.Any = STEPS,
    service: str = "store_licensing",
    architectures: t.Any = None,
    languages: t.Any = None,
    image_file: str | None = None,
    check_mode: bool = False,
    full: bool = False,
    packages: Mapping[str, t.Any] | None = None,
    licenses: Mapping[str, t.Any] | None = None,
    provisioned: Mapping[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    """Return what is to be done next, and the report."""
    wishes = Wishes(
        dest=str(dest),
        windows=windows,
        steps=_texts(steps),
        service=service,
        architectures=_texts(architectures) or ("x64",),
        languages=_texts(languages),
        image_file=image_file or "",
        check_mode=check_mode,
    )
    try:
        work = Work(given, wishes, *(_done(one) for one in (packages, licenses, provisioned)))
    except OptionError as exc:
        return {"problem": str(exc)}
    report = work.report
    return {
        "problem": "",
        "package_apps": work.package_apps,
        "license_folders": work.license_folders,
        "provisioning_apps": work.provisioning_apps,
        "report": report,
        "summary": summary_of(report, full, check_mode),
    }


def _texts(value: t.Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value or ()
    return tuple(str(one).strip() for one in parts if str(one).strip())


def _done(result: Mapping[str, t.Any] | None) -> Mapping[str, t.Any]:
    """Return the result of a step, or nothing when the step was skipped."""
    return {} if result is None or result.get("skipped") else result


class FilterModule:
    """What the role store_apps computes."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter."""
        return {"store_apps_work": store_apps_work}

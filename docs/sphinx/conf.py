# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Sphinx turns the pages that antsibull-docs writes into HTML. Needs no network."""

from __future__ import annotations

project = "msdevices.provisioning"
copyright = "2026, The msdevices.provisioning maintainers"  # noqa: A001  (the name is Sphinx's)
extensions = ["sphinx_antsibull_ext"]
highlight_language = "YAML+Jinja"
pygments_style = "ansible"
html_theme = "alabaster"
html_title = "The collection msdevices.provisioning"

# Every reference has to lead somewhere, but for those to other projects, which stay text.
nitpicky = True
nitpick_ignore_regex = [
    ("std:ref", r"ansible_collections\.(?!msdevices\.provisioning\.).*"),
    # What antsibull-docs refers to in Ansible's own documentation.
    ("std:ref", r"action_plugins|ansible_configuration_settings|common_return_values"),
]

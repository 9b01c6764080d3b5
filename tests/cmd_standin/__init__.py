# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulated `cmd.exe`, which runs batch files on the files of a simulated Windows host.

It knows a small part of the language, and is strict: what it does not know fails, as does what cmd.exe would take
another way than its writer thought.
"""

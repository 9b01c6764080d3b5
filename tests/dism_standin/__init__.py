# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulated `dism.exe` and `tar.exe`, for simulated Windows hosts and for scripts that run on them.

Written from the reference facts on DISM, as strict and as awkward as they say. It shares nothing with the collection.
"""

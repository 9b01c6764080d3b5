# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The POSIX half of ms_provisioned_app: an image is prepared, and Windows provisions the apps at its first boot."""

from __future__ import annotations

import os
import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    ImageError,
    OptionError,
    ProvisioningError,
    list_failures,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.change import Change, plan_change
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.directory import (
    DISTRIBUTION_WINDOWS,
    DirectoryScripts,
    distribution_problem,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.hash_cache import HashCache
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.prepared import (
    ImageState,
    WantedApps,
    check_space,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.scripts_tree import ScriptsTree
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.setup_script import (
    SCRIPT_NAME,
    unattend_fragment,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.wim import WimScripts, find_tool
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.wim_header import ImageFacts, read_header
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.app_request import app_requests

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

SCRIPT_PATH = rf"%WINDIR%\Setup\Scripts\msdevices\{SCRIPT_NAME}"


def prepare_image(module: AnsibleModule) -> dict[str, t.Any]:
    """Put the apps of the options into the image, or take them out, and return the module's result.

    All or nothing: when an app fails, nothing is changed, and the result has `failed` and `msg`. Raises
    ProvisioningError when the options or the image as a whole cannot be used.
    """
    params = module.params
    requests = app_requests(params)
    tree = _open(module)
    with tree.locked():
        state = ImageState.of(tree, module.warn)
        hashes = HashCache()
        wanted = WantedApps(state, params, hashes)
        for request in requests:
            wanted.add(request)
        if not module.check_mode:
            hashes.save()
        result: dict[str, t.Any] = {"changed": False, "apps": wanted.results(), "reboot_required": False}
        if wanted.failures:
            return {**result, **_failure(tree, wanted, len(requests))}
        change = plan_change(state, wanted, params)
        result.update(_apply(module, tree, change))
    result["apps"] = wanted.results(done=True)
    if module._diff:
        result["diff"] = {
            "before_header": tree.place,
            "after_header": tree.place,
            "before": state.lines(),
            "after": wanted.lines(),
        }
    result["script"] = SCRIPT_PATH
    result["unattend_fragment"] = unattend_fragment(_script_architecture(module, tree, wanted), params["on_error"])
    return result


def _failure(tree: ScriptsTree, wanted: WantedApps, total: int) -> dict[str, t.Any]:
    listed = list_failures(wanted.failures, total)
    return {
        "failed": True,
        "msg": f"Could not prepare {len(wanted.failures)} of {total} apps for {tree.place}; nothing was changed.\n"
        f"{listed}",
    }


def _apply(module: AnsibleModule, tree: ScriptsTree, change: Change) -> dict[str, t.Any]:
    """Make the change, unless there is none or the run only looks."""
    image_file = module.params["image_file"]
    result: dict[str, t.Any] = {"changed": not change.is_empty, "saved": False, "wim_growth": 0}
    if change.is_empty or module.check_mode:
        return result
    before = os.path.getsize(image_file) if image_file else 0
    if image_file and not os.access(image_file, os.W_OK):
        raise ImageError(
            f"Could not change {tree.place}", "the file is not writable", "Check its permissions, and become"
        )
    backup = bool(image_file and module.params["backup"])
    check_space(tree, change.added_bytes + (before if backup else 0))
    if backup:
        result["backup_file"] = module.backup_local(image_file)
    tree.write(change.added, change.removed)
    if image_file:
        result["saved"] = True
        result["wim_growth"] = os.path.getsize(image_file) - before
    return result


def _open(module: AnsibleModule) -> ScriptsTree:
    """Return the image of the options. Raises OptionError or ImageError."""
    params = module.params
    if params["image_file"]:
        path = params["image_file"]
        tool = find_tool(module.get_bin_path, path)
        header = read_header(path)
        attempted = f"Could not use the image file {path}"
        if header.parts > 1:
            raise ImageError(
                attempted,
                "it is a part of a split WIM, which cannot be changed",
                "Join the parts first, with wimlib-imagex join",
            )
        if header.is_read_only:
            raise ImageError(
                attempted, "it is marked as read-only", "Export the image to a new file: wimlib-imagex export"
            )
        if header.is_solid and not params["allow_solid"]:
            raise ImageError(
                attempted,
                "it is a solid file (ESD). Whether Windows Setup takes a changed one is not known",
                "Export the image to a WIM file (wimlib-imagex export FILE.esd INDEX FILE.wim --compress=LZX), or set"
                " allow_solid to true",
            )
        facts = header.select(params["index"], params["image_name"])
        return WimScripts(module.run_command, tool, header, _with_architecture(facts, params))
    if params["distribution"]:
        root = params["distribution"]
        tree = DirectoryScripts(root, DISTRIBUTION_WINDOWS, _with_architecture(_facts_of_distribution(root), params))
        problem = distribution_problem(root) if os.path.isdir(root) else ""
        if problem:
            module.warn(
                f"Windows Setup ignores $OEM$ in {root}: {problem}. Set UseConfigurationSet in the windowsPE pass of"
                " the answer file, or set image_file, so that the apps go into the image itself."
            )
        return tree
    if params["image"]:
        return DirectoryScripts(params["image"], ("Windows",), _with_architecture(_UNKNOWN, params))
    raise OptionError(
        "Could not provision apps on this host",
        "it does not run Windows, and no image is named",
        "Set image_file and index (or image_name), distribution, or image",
    )


_UNKNOWN = ImageFacts(0, "", "", (0, 0, 0))


def _with_architecture(facts: ImageFacts, params: Mapping[str, t.Any]) -> ImageFacts:
    architecture = facts.architecture or params["architecture"] or ""
    return ImageFacts(facts.index, facts.name, architecture, facts.version)


def _facts_of_distribution(root: str) -> ImageFacts:
    """Return what the images of the distribution folder have in common."""
    for directory in ("sources", "Sources", "SOURCES"):
        for name in ("install.wim", "install.esd", "install.swm"):
            try:
                images = read_header(os.path.join(root, directory, name)).images
            except ProvisioningError:
                continue
            architectures = {image.architecture for image in images}
            version = min((image.version for image in images), default=(0, 0, 0))
            return ImageFacts(0, "", architectures.pop() if len(architectures) == 1 else "", version)
    return _UNKNOWN


def _script_architecture(module: AnsibleModule, tree: ScriptsTree, wanted: WantedApps) -> str:
    """Return the architecture for the answer file."""
    if tree.facts.architecture:
        return tree.facts.architecture
    for architecture in ("x64", "arm64", "x86", "arm"):
        if architecture in wanted.architectures:
            return architecture
    if module.params["hook"] == "none":
        module.warn(
            f"The architecture of {tree.place} is not known. unattend_fragment is for amd64; set architecture for"
            " another one."
        )
    return "x64"

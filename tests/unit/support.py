# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several unit tests need: license documents of every shape, and runs of the module in a process of its own."""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import sys
import traceback
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from unittest import mock

from ansible.module_utils import basic

from ansible_collections.msdevices.provisioning.plugins.modules import ms_offline_license

try:
    from ansible.module_utils import _internal
except ImportError:  # before ansible-core 2.19
    _internal = None

FORK = multiprocessing.get_context("fork")
NAMESPACE = "urn:schemas-microsoft-com:windows:store:licensing:ls"
PRODUCT_ID = "9WZDNCRFJ3PS"
CONTENT_ID = "2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11"
LICENSE_ID = "5d8f1c1e-63a9-4b43-a0d3-0b8f2f2f7c11"
INSTANCE_ID = "8b0f5a5a-1c68-4dd1-93a4-0a1c6f6c3f02"
REQUESTOR_ID = "f2b9c0de-2f87-49ee-8d7b-5f4c1a3e9d20"
FAMILY_NAME = "contoso.app_8wekyb3d8bbwe"
ISSUED = "2026-03-04T05:06:07.0000000Z"


@dataclass(frozen=True)
class License:
    """One license: its ids, and its document in the shape of real ones (one line, no declaration, no newline)."""

    product_id: str = PRODUCT_ID
    content_id: str = CONTENT_ID
    instance_id: str = INSTANCE_ID
    sku_id: str = "0015"
    version: str = "3"
    family_name: str = FAMILY_NAME

    @property
    def xml(self) -> bytes:
        """The document."""
        return (
            f'<License xmlns="{NAMESPACE}" ContentID="{self.content_id}" ID="0d7c2f0e-7f5e-4c55-9a8a-d4a4d2a3b001"'
            f' LicenseID="{LICENSE_ID}" Version="{self.version}"><Binding Binding_Type="Machine">'
            f"<ProductID>{self.product_id}</ProductID><PFM>{self.family_name}</PFM>"
            f"<LicenseInstanceID>{self.instance_id}</LicenseInstanceID><RequestorID>{REQUESTOR_ID}</RequestorID>"
            '<LeaseRequired>false</LeaseRequired></Binding><LicenseInfo Type="Full" LicenseUsage="Offline"'
            f' LicenseCategory="Enterprise"><IssuedDate>{ISSUED}</IssuedDate>'
            f"<LastUpdateDate>{ISSUED}</LastUpdateDate><BeginDate>{ISSUED}</BeginDate></LicenseInfo>"
            "<SPLicenseBlock>FAAAAA==</SPLicenseBlock>"
            '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo><Reference URI=""></Reference>'
            "</SignedInfo><SignatureValue>c2lnbmF0dXJl</SignatureValue></Signature></License>"
        ).encode()

    @property
    def blob(self) -> str:
        """The document in base64."""
        return base64.b64encode(self.xml).decode()

    @property
    def name(self) -> str:
        """The name of its file, unless a name is asked for."""
        return f"{self.product_id}_{self.sku_id}_{self.content_id}_License1.xml"

    def item(self, **others: Any) -> dict[str, Any]:
        """An item of the option ``licenses`` that asks for it."""
        return {"product_id": self.product_id, "sku_id": self.sku_id, "content_id": self.content_id, **others}

    def brought(self, **others: Any) -> dict[str, Any]:
        """An item of the option ``licenses`` that brings it."""
        return self.item(license_blob=self.blob, **others)


def licenses(count: int) -> list[License]:
    """So many different licenses, the same ones each time."""
    return [
        License(f"9WZDNCRF{number:04d}", str(uuid.UUID(int=number + 1)), str(uuid.UUID(int=number + 10_001)))
        for number in range(count)
    ]


@dataclass
class Run:
    """What a run of the module answered. ``warnings`` are texts, ``output`` is all that it printed."""

    result: dict[str, Any]
    output: str
    warnings: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether it failed."""
        return bool(self.result.get("failed"))

    @property
    def states(self) -> list[str]:
        """The state of each license or app, in their order."""
        return [item["state"] for item in self.result.get("licenses", self.result.get("apps"))]

    @property
    def reasons(self) -> list[str | None]:
        """Why each license did not count as staged."""
        return [item["reason"] for item in self.result["licenses"]]


class ModuleProcess:
    """A module, running in a fork of this process with its real main(), at the head of a process group."""

    def __init__(
        self,
        output: Path,
        arguments: dict[str, Any],
        check_mode: bool = False,
        diff: bool = False,
        main: Callable[[], None] = ms_offline_license.main,
    ) -> None:
        self._output = output
        values = {**arguments, "_ansible_check_mode": check_mode, "_ansible_diff": diff}
        self.process: BaseProcess = FORK.Process(target=_main, args=(main, values, str(output)))
        self.process.start()

    def wait(self) -> Run:
        """Wait for its end, and return its answer."""
        self.process.join(60)
        output = self._output.read_text(encoding="utf-8")
        try:
            result = json.loads(output)
        except ValueError:
            raise AssertionError(f"the module did not answer with JSON:\n{output}") from None
        return Run(result, output, [_text(item) for item in result.get("warnings", [])])


def _text(warning: Any) -> str:
    """The text of a warning, which newer ansible-core wraps."""
    return str(warning["event"]["msg"] if isinstance(warning, dict) else warning)


def _main(main: Callable[[], None], values: dict[str, Any], output: str) -> None:
    os.setpgid(0, 0)
    with open(output, "w", encoding="utf-8") as stream:
        sys.stdout = stream
        with ExitStack() as stack:
            stack.enter_context(module_arguments(values))
            if _internal is not None:
                # As on a managed host, where warnings go into the result.
                stack.enter_context(mock.patch.object(_internal, "is_controller", False))
            try:
                main()
            except SystemExit:
                pass
            except BaseException:
                traceback.print_exc(file=stream)
        stream.flush()
    os._exit(0)


def module_arguments(values: dict[str, Any]) -> Any:
    """Hand a module its arguments, as this ansible-core wants it."""
    try:
        from ansible.module_utils.testing import patch_module_args
    except ImportError:  # before ansible-core 2.19
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": values}).encode()
        return mock.patch.object(basic, "_ANSIBLE_ARGS", arguments)
    return patch_module_args(values)

# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault that rules can inject, seen from a client, and the bookkeeping around them."""

from __future__ import annotations

import concurrent.futures
import json
import socket
import time
from email.utils import parsedate_to_datetime
from typing import Any

import msal
import pytest
import requests
import urllib3
from emulator.client import Emulator, EmulatorError
from emulator.clouds import STORE_AUDIENCE


def ask(emu: Emulator, http: requests.Session, index: int = 0, **options: Any) -> requests.Response:
    return http.post(emu.store + emu.product(index).license_path(), **{"timeout": 10, **options})


def statuses(emu: Emulator, http: requests.Session, count: int, **options: Any) -> list[int]:
    return [ask(emu, http, **options).status_code for _unused in range(count)]


def test_times_and_after(emu: Emulator, http: requests.Session) -> None:
    rule = emu.fault({"listener": "store", "action": "status", "status": 503, "after": 1, "times": 2})
    assert statuses(emu, http, 5) == [200, 503, 503, 200, 200]
    (described,) = emu.faults()
    assert (described["id"], described["matched"], described["applied"]) == (rule, 5, 2)
    assert [bool(entry["faults"]) for entry in emu.requests("store")] == [False, True, True, False, False]


def test_selectors(emu: Emulator, http: requests.Session) -> None:
    emu.fault(action="status", status=500, listener="partner_*")
    emu.fault(action="status", status=501, method="GET")
    emu.fault(action="status", status=502, path_regex=f"offlinelicense/{emu.product(2).content_id}$")
    assert ask(emu, http, 1).status_code == 200
    assert ask(emu, http, 2).status_code == 502
    assert http.get(f"{emu.store}/V1/Inventory", timeout=10).status_code == 501
    emu.clear_faults()
    assert ask(emu, http, 2).status_code == 200


def test_remove_one_rule(emu: Emulator, http: requests.Session) -> None:
    first = emu.fault(action="status", status=503, times=1)
    emu.fault(action="status", status=504)
    emu.clear_faults(first)
    assert statuses(emu, http, 2) == [504, 504]


def test_per_path(emu: Emulator, http: requests.Session) -> None:
    emu.fault(action="status", status=503, times=1, per_path=True)
    assert [ask(emu, http, index).status_code for index in (0, 1, 0, 1)] == [503, 503, 200, 200]


def test_probability(emu: Emulator, http: requests.Session) -> None:
    rule = {"action": "status", "status": 500, "probability": 0.5, "seed": 7}
    emu.fault(rule)
    first = statuses(emu, http, 30)
    assert 5 < first.count(500) < 25
    emu.clear_faults()
    emu.fault(rule)
    assert statuses(emu, http, 30) == first
    emu.clear_faults()
    emu.fault(rule, per_path=True)
    once = [ask(emu, http, index).status_code for index in range(20)]
    assert once == [ask(emu, http, index).status_code for index in range(20)]
    assert {200, 500} == set(once)


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "nonsense"},
        {"action": "status", "statsu": 500},
        {"listener": "store"},
        {"action": "license_behavior", "value": "nonsense"},
        {"action": "license_behavior", "value": "online_only"},
        {"action": "catalog_behavior", "value": "wrong_license"},
        {"action": "entra_error", "value": 1},
        {"action": "status", "path_regex": "("},
    ],
)
def test_rules_that_mean_nothing_are_refused(emu: Emulator, rule: dict[str, Any]) -> None:
    with pytest.raises(EmulatorError):
        emu.fault(rule)


def test_status_with_body_and_headers(emu: Emulator, http: requests.Session) -> None:
    emu.fault(action="status", status=429, retry_after=7, body={"code": "TooMany"}, headers={"X-Test": "1"}, times=1)
    answer = ask(emu, http)
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()) == (429, "7", {"code": "TooMany"})
    assert answer.headers["X-Test"] == "1"
    emu.fault(action="status", status=503, retry_after_date=30, body="<h1>later</h1>", reason="Come Back", times=1)
    answer = ask(emu, http)
    assert 25 < parsedate_to_datetime(answer.headers["Retry-After"]).timestamp() - time.time() <= 31
    assert (answer.reason, answer.headers["Content-Type"]) == ("Come Back", "text/html; charset=utf-8")
    emu.fault(action="unauthorized", times=1)
    answer = ask(emu, http)
    assert (answer.status_code, answer.content) == (401, b"")


def test_latency(emu: Emulator, http: requests.Session) -> None:
    ask(emu, http)
    emu.latency(150)
    start = time.monotonic()
    ask(emu, http)
    assert 0.15 <= time.monotonic() - start < 5
    emu.latency(0)
    emu.fault(action="latency", ms=200, times=1)
    emu.fault(action="status", status=503, times=1)
    start = time.monotonic()
    assert ask(emu, http).status_code == 503
    assert time.monotonic() - start >= 0.2


@pytest.mark.parametrize("action", ["reset", "reset_in_body", "close_in_body"])
def test_broken_connections(emu: Emulator, http: requests.Session, action: str) -> None:
    emu.fault(action=action, times=1)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        ask(emu, http)
    assert ask(emu, http).status_code == 200
    assert [entry["status"] for entry in emu.requests("store")] == [None if action == "reset" else 200, 200]


def test_reset_after_the_answer(emu: Emulator, http: requests.Session) -> None:
    """The answer is whole, yet the connection that the client keeps for later is dead."""
    emu.fault(action="reset_after", times=1)
    assert ask(emu, http).json()["licenseBlob"]
    time.sleep(0.2)
    assert ask(emu, http).status_code == 200
    assert len({entry["connection"] for entry in emu.requests("store")}) == 2


def test_part_of_the_body_arrives_before_the_end(emu: Emulator, http: requests.Session) -> None:
    emu.fault(action="close_in_body", after_bytes=40)
    answer = ask(emu, http, stream=True)
    assert len(answer.raw.read(40)) == 40
    with pytest.raises(urllib3.exceptions.ProtocolError):
        answer.raw.read(10_000)
    assert int(answer.headers["Content-Length"]) > 1000


@pytest.mark.parametrize("action", ["stall_headers", "stall_body"])
def test_stalls(emu: Emulator, http: requests.Session, action: str) -> None:
    emu.fault(action=action, seconds=30, times=1)
    start = time.monotonic()
    with pytest.raises((requests.ReadTimeout, requests.ConnectionError)):
        ask(emu, http, timeout=0.3)
    assert time.monotonic() - start < 10
    emu.fault(action=action, seconds=0.3, times=1)
    assert ask(emu, http, timeout=5).json()["licenseBlob"]


def test_drip(emu: Emulator, http: requests.Session) -> None:
    emu.fault(action="drip", seconds=0.02, bytes=400, times=1)
    start = time.monotonic()
    assert ask(emu, http, timeout=5).json()["licenseBlob"]
    assert time.monotonic() - start > 0.15


def test_bodies_that_are_no_json_object(emu: Emulator, http: requests.Session) -> None:
    emu.fault(action="truncate", times=1)
    with pytest.raises(json.JSONDecodeError):
        json.loads(ask(emu, http).content)
    emu.fault(action="not_an_object", value=[1], times=1)
    assert ask(emu, http).json() == [1]
    emu.fault(action="html", times=1)
    answer = ask(emu, http)
    assert answer.status_code == 200
    assert answer.text.startswith("<!DOCTYPE html>")
    assert "text/html" in answer.headers["Content-Type"]
    emu.fault(action="content_type", value="text/plain", times=1)
    answer = ask(emu, http)
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.json()["licenseBlob"]


@pytest.mark.parametrize("options", [{}, {"chunked": True}, {"size": None}])
def test_oversized_body(emu: Emulator, http: requests.Session, options: dict[str, Any]) -> None:
    emu.fault({"action": "oversized", **options}, times=1)
    with ask(emu, http, stream=True) as answer:
        assert answer.headers.get("Content-Length") == (None if options else str(3 * 1024**3))
        assert len(answer.raw.read(5_000_000)) == 5_000_000
    assert ask(emu, http).status_code == 200


def test_oversized_body_of_a_size(emu: Emulator, http: requests.Session) -> None:
    emu.fault(action="oversized", size=100_000, times=1)
    assert len(ask(emu, http).content) == 100_000


def test_gzip_bomb(emu: Emulator, http: requests.Session) -> None:
    emu.fault(action="gzip_bomb", times=1)
    with ask(emu, http, stream=True) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert int(answer.headers["Content-Length"]) < 10_000_000
        unpacked = 0
        for block in answer.iter_content(1_000_000):
            unpacked += len(block)
            if unpacked > 40_000_000:
                break
    assert unpacked > 40_000_000


@pytest.mark.parametrize("target", ["stranger", "stranger_http"])
def test_redirects(emu: Emulator, http: requests.Session, target: str) -> None:
    emu.fault(action="redirect", to=target, status=307, listener="store")
    answer = ask(emu, http, allow_redirects=False)
    assert answer.headers["Location"] == emu.endpoints[target] + emu.product(0).license_path()
    assert emu.count(target) == 0
    ask(emu, http)
    (entry,) = emu.requests(target)
    # requests itself drops the header: the host or the scheme is another.
    assert "authorization" not in entry["headers"]


def test_revoked_tokens(emu: Emulator, http: requests.Session) -> None:
    assert ask(emu, http).status_code == 200
    emu.fault(action="revoke_tokens", listener="store", times=1)
    assert statuses(emu, http, 2) == [401, 401]
    http.headers["Authorization"] = "Bearer " + emu.token()
    assert ask(emu, http).status_code == 200
    emu.revoke_tokens()
    assert ask(emu, http).status_code == 401


def client(emu: Emulator) -> msal.ConfidentialClientApplication:
    session = requests.Session()
    session.trust_env = False
    session.verify = emu.ca_path
    return msal.ConfidentialClientApplication(
        emu.client_id,
        client_credential=emu.client_secret,
        authority=f"{emu.entra}/{emu.tenant_id}",
        instance_discovery=False,
        http_client=session,
    )


def sign_in(emu: Emulator) -> Any:
    return client(emu).acquire_token_for_client([f"{STORE_AUDIENCE}/.default"])


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ({"action": "expired_token"}, 401),
        ({"action": "wrong_tenant_token"}, 401),
        ({"action": "wrong_audience_token"}, 401),
        ({"action": "token_lifetime", "value": 400}, 200),
    ],
)
def test_tokens_that_are_not_what_they_should_be(
    emu: Emulator, http: requests.Session, rule: dict[str, Any], status: int
) -> None:
    emu.fault(rule, listener="entra")
    result = sign_in(emu)
    assert result["expires_in"] == rule.get("value", 3599)
    http.headers["Authorization"] = f"Bearer {result['access_token']}"
    assert ask(emu, http).status_code == status


def test_entra_errors_by_code(emu: Emulator) -> None:
    emu.fault(action="entra_error", value=7000222, listener="entra")
    result = sign_in(emu)
    assert (result["error"], result["error_codes"]) == ("invalid_client", [7000222])


def test_token_endpoint_down(emu: Emulator) -> None:
    emu.fault(action="status", status=503, retry_after=1, path_regex="/token$", listener="entra")
    with pytest.raises(msal.exceptions.MsalServiceError):
        sign_in(emu)


def test_discovery_document(emu: Emulator) -> None:
    emu.fault(action="discovery_issuer", listener="entra")
    emu.fault(action="discovery_token_endpoint", listener="entra")
    url = f"{emu.entra}/{emu.tenant_id}/v2.0/.well-known/openid-configuration"
    document = requests.get(url, verify=emu.ca_path, timeout=10).json()
    assert "stranger.example" in document["issuer"]
    assert document["token_endpoint"] == f"{emu.stranger}/{emu.tenant_id}/oauth2/v2.0/token"


@pytest.mark.parametrize(("seconds", "status"), [(0, 200), (7200, 401), (-7200, 401)])
def test_clock_skew(emu: Emulator, http: requests.Session, seconds: int, status: int) -> None:
    http.headers["Authorization"] = "Bearer " + emu.token()
    emu.fault(action="clock_skew", value=seconds, listener="store")
    answer = ask(emu, http)
    assert answer.status_code == status
    assert abs(parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time() - seconds) < 5


def test_any_product_can_be_told_to_misbehave(emu: Emulator, http: requests.Session) -> None:
    emu.fault(action="license_behavior", value="not_owned", path_regex=emu.product(6).product_id)
    assert [ask(emu, http, index).status_code for index in (5, 6)] == [200, 409]


def test_gateway_and_mfa_shapes(emu: Emulator, http: requests.Session) -> None:
    emu.fault(action="gateway_throttle", seconds=3, times=1)
    answer = ask(emu, http)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    assert answer.json()["statusCode"] == 429
    assert "3" in answer.json()["message"]
    assert not [name for name in answer.headers if name.lower().startswith("ms-")]
    emu.fault(action="mfa_required", times=1)
    answer = ask(emu, http)
    assert (answer.status_code, answer.reason, answer.content) == (401, "Unauthorized - MFA required", b"")
    assert answer.headers["Transfer-Encoding"] == "chunked"


def test_reset_ends_stalls(emu: Emulator, http: requests.Session) -> None:
    emu.fault(action="stall_body", seconds=60, times=1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        stalled = pool.submit(ask, emu, http, timeout=20)
        while emu.count("store") == 0:
            time.sleep(0.02)
        time.sleep(0.1)
        emu.reset()
        assert stalled.result(timeout=5).status_code == 200


def test_log_hides_credentials(emu: Emulator, http: requests.Session) -> None:
    ask(emu, http)
    sign_in(emu)
    text = json.dumps(emu.requests())
    assert emu.access_tokens["store"] not in text
    assert emu.client_secret not in text
    entry = emu.requests("store", "OFFLINELICENSE", "post")[0]
    assert entry["headers"]["authorization"].startswith("Bearer sha256:")
    assert (entry["status"], entry["body_length"], entry["query"]) == (200, 0, "")
    assert entry["finished"] >= entry["time"] > 0


def test_counters(emu: Emulator, http: requests.Session) -> None:
    emu.latency(100)
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda index: ask(emu, http, index), range(20)))
    stats = emu.stats()["store"]
    assert stats["requests"] == 20
    assert emu.count("store") == 20
    assert 2 <= stats["max_in_flight"] <= 5
    assert stats["in_flight"] == 0
    seen = emu.requests("store")[9]["id"]
    assert len(emu.requests("store", after=seen)) == 10
    emu.reset()
    assert emu.count() == 0


def test_untrusting_client_is_counted(emu: Emulator) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.post(emu.store, verify=emu.other_ca_path, timeout=10)
    deadline = time.monotonic() + 5
    while emu.stats().get("store", {}).get("failed_handshakes") != 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert emu.stats()["store"]["failed_handshakes"] == 1
    assert emu.count("store") == 0


def test_a_silent_client_blocks_nobody(emu: Emulator, http: requests.Session) -> None:
    port = int(emu.store.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        assert ask(emu, http, timeout=10).status_code == 200

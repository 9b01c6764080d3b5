# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of a market's offers: written by its playbook, opened in a browser, sorted and filtered there."""

from __future__ import annotations

import csv
import json
import shutil
import stat
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from emulator import offers
from emulator.client import Emulator
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from .harness import Lab, Run
from .partner import asking_partner_center, partner_requests

ALL = "every value"
MARKET = offers.offers("GB", "de-DE")
PLAYBOOK = "msdevices.provisioning.partner_offer_report"
WRITE = "Write the page"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
)
HOSTILE = (
    "<script>window.hacked = 1</script>",
    "\"><img src=x onerror='window.hacked = 1'>",
    "</span></script><script>window.hacked = 1</script>",
    "' onmouseover='window.hacked = 1",
    "<svg onload=window.hacked=1>",
    "--><iframe src=https://stranger.example></iframe>",
    "{{ lookup('pipe', 'touch hacked') }}{% for x in y %}",
    "&lt;b&gt; &amp; 100 % |*\\u0041",
)


class Browser:
    """Chromium, without a network, on the pages of tests."""

    def __init__(self, profile: Path) -> None:
        options = webdriver.ChromeOptions()
        programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
        assert all(programs.values()), f"install Debian's packages chromium and chromium-driver: {programs}"
        options.binary_location = str(programs["chromium"])
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(str(programs["chromedriver"])))

    def open(self, path: Path, scheme: str = "light") -> None:
        """Open a page, for a user who prefers light or dark."""
        self.driver.get("about:blank")
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        self.driver.get(path.as_uri())

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    @property
    def names(self) -> list[str]:
        """The names of the offers that show, from top to bottom."""
        return list(self.column(0))

    def column(self, number: int) -> list[str]:
        """The values of a column, of the rows that show."""
        return list(
            self.run(
                "return Array.from(document.querySelectorAll('#offers tbody tr'))"
                ".filter((row) => row.offsetParent !== null).map((row) => row.cells[arguments[0]].dataset.sort)",
                number,
            )
        )

    def select(self, name: str, value: str) -> None:
        """Choose from a list by the value, or all."""
        chosen = Select(self.driver.find_element(By.NAME, name))
        values = [option.get_attribute("value") for option in chosen.options[1:]]
        chosen.select_by_index(0 if value == ALL else 1 + values.index(value))

    def type(self, text: str) -> None:
        field = self.driver.find_element(By.NAME, "text")
        field.clear()
        field.send_keys(text)

    def heading(self, number: int) -> Any:
        return self.driver.find_elements(By.CSS_SELECTOR, "#offers thead th")[number]

    def sort(self, number: int) -> str:
        """Use the button of a column, and return what its heading then says about the order."""
        self.heading(number).find_element(By.TAG_NAME, "button").click()
        return str(self.heading(number).get_attribute("aria-sort"))

    @property
    def shown(self) -> str:
        return str(self.driver.find_element(By.ID, "shown").text)

    @property
    def requested(self) -> list[str]:
        """What the page asked for since it was opened, itself included."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    @property
    def complaints(self) -> list[str]:
        """What the browser has to say about the page."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser with an empty profile."""
    started = Browser(tmp_path_factory.mktemp("chromium"))
    yield started
    started.driver.quit()


@pytest.fixture(scope="module")
def british(tmp_path_factory: pytest.TempPathFactory, running_emulator: Emulator) -> Path:
    """A page of all offers in Great Britain, described in German."""
    running_emulator.reset()
    lab = asking_partner_center(Lab(tmp_path_factory.mktemp("lab") / "british", running_emulator))
    path = lab.directory / "offers.html"
    written(lab, path, country="gb", locale="de-DE")
    return path


@pytest.fixture
def page(lab: Lab) -> Path:
    """Where the page is written."""
    asking_partner_center(lab)
    return lab.directory / "offers.html"


def report(lab: Lab, page: Path, *arguments: str, country: str | None = "US", **variables: Any) -> Run:
    """Run the playbook; variables are named without their prefix."""
    values = {"country": country, "dest": str(page), "options": lab.defaults, **variables}
    given = {f"partner_offer_report_{name}": value for name, value in values.items() if value is not None}
    return lab.run_plays(PLAYBOOK, *arguments, "-e", json.dumps(given))


def written(lab: Lab, page: Path, **variables: Any) -> Run:
    """Run the playbook, which has to write the page."""
    run = report(lab, page, **variables)
    assert run.status == 0, run.output
    assert run.ok("localhost", WRITE)["changed"] is True
    return run


class Page(HTMLParser):
    """The page as somebody without scripts reads it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.facts: dict[str, str] = {}
        self.names: list[str] = []
        self.badges: list[str] = []
        self.external: list[str] = []
        self.addons: list[str] = []
        self._tag = self._class = self._fact = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._tag, self._class = tag, values.get("class", "")
        if self._class == "name":
            self.names.append("")
        if tag in ("link", "script", "img", "iframe", "object", "embed", "form", "base"):
            self.external += [values[name] for name in ("src", "href", "action", "data") if name in values]

    def handle_endtag(self, tag: str) -> None:
        self._tag = self._class = ""

    def handle_data(self, data: str) -> None:
        if self._tag == "dt":
            self._fact = data
        elif self._tag in ("dd", "time"):
            self.facts[self._fact] = data
        elif self._class == "name":
            self.names[-1] += data
        elif self._tag == "li":
            self.addons.append(data)
        elif "kind" in self._class:
            self.badges.append(data)


@pytest.mark.smoke
def test_what_is_in_the_page(british: Path) -> None:
    """Without a browser: all offers of the market, and a heading that says which, when and how many."""
    market, content = MARKET, Page(british)
    assert content.names == [offer["name"] for offer in market]
    assert content.badges.count("Add-on") == sum(offer["isAddOn"] for offer in market)
    assert content.badges.count("Trial") == sum(offer["isTrial"] for offer in market)
    for_sale = sum(offer["isAvailableForPurchase"] for offer in market)
    assert for_sale < len(market)
    assert {name: content.facts[name] for name in ("Market", "Locale", "Offers", "Purchasable")} == {
        "Market": "GB",
        "Locale": "de-DE",
        "Offers": str(len(market)),
        "Purchasable": str(for_sale),
    }
    assert content.facts["As of"].endswith(" UTC")
    # Nothing is loaded from anywhere: an empty image is in the page itself.
    assert content.external == ["data:,"]
    assert content.addons == [addon["name"] for offer in market for addon in offers.addons(offer["id"], "GB", "de-DE")]
    assert stat.S_IMODE(british.stat().st_mode) == 0o644


@pytest.mark.once
def test_the_second_run_changes_nothing(lab: Lab, page: Path) -> None:
    """Whatever the time is; and other offers are a change."""
    small = {"category_id": "SmallBusiness_Key"}
    written(lab, page, mode="0640", **small)
    first = page.read_bytes()
    assert stat.S_IMODE(page.stat().st_mode) == 0o640
    # As if it had been written long ago.
    time = Page(page).facts["As of"].encode()
    page.write_bytes(first.replace(time, b"2020-01-02 03:04 UTC"))
    again = report(lab, page, mode="0640", **small)
    assert again.ok("localhost", WRITE)["changed"] is False
    assert Page(page).facts["As of"] == "2020-01-02 03:04 UTC"

    check = report(lab, page, "--check", "--diff", country="GB", **small)
    assert check.ok("localhost", WRITE)["changed"] is True
    assert Page(page).facts["Market"] == "US"

    written(lab, page, country="GB", mode="0640", **small)
    assert Page(page).facts["Market"] == "GB"
    assert Page(page).facts["As of"] != "2020-01-02 03:04 UTC"


@pytest.mark.once
def test_a_page_of_something_else_is_replaced(lab: Lab, page: Path) -> None:
    page.write_bytes(b"\xff\xfe\x00 no page")
    written(lab, page, category_id="Trial_Key")
    assert len(Page(page).names) == 21


@pytest.mark.once
def test_data_successors_and_what_has_changed(lab: Lab, page: Path) -> None:
    options = {"include_successors": True}
    written(lab, page, **options)
    data = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    rows = list(csv.DictReader(page.with_suffix(".csv").open(encoding="utf-8", newline="")))
    assert len(data["offers"]) == len(rows) == len(lab.emulator.offers())
    offer = next(one for one in data["offers"] if len(data["successors"][one["id"]]) > 1)
    candidates = [one["catalog_id"] for one in data["successors"][offer["id"]]]
    text = page.read_text(encoding="utf-8")
    assert all(one in text for one in candidates)
    assert " ".join(candidates) in [row["successors"] for row in rows]
    assert f'href="{page.stem}.csv"' in text
    # As if the report before had had another name for one offer, and one that is gone, and lacked one.
    data["checksum"], data["offers"][1]["name"] = "another", "Former name"
    lost = data["offers"].pop()
    data["offers"].append({"id": "GONE", "name": "Gone offer"})
    page.with_suffix(".json").write_text(json.dumps(data), encoding="utf-8")
    written(lab, page, **options)
    text = page.read_text(encoding="utf-8")
    assert f"Since {data['as_of']}: 1 new, 1 gone, 1 changed" in text
    assert "Gone: Gone offer" in text
    assert lost["id"] in text
    again = page.read_bytes()
    assert report(lab, page, **options).ok("localhost", WRITE)["changed"] is False
    assert page.read_bytes() == again


@pytest.mark.once
def test_category_and_addons_of_the_service(lab: Lab, page: Path) -> None:
    """The service is asked for the add-ons of each offer, which are not in the list of a category."""
    run = written(lab, page, category_id="SmallBusiness_Key", include_addons=True)
    chosen = [offer for offer in offers.offers() if offer["category"]["id"] == "SmallBusiness_Key"]
    expected = [addon["name"] for offer in chosen for addon in offers.addons(offer["id"])]
    content = Page(page)
    assert content.names == [offer["name"] for offer in chosen]
    assert content.facts["Category"] == "SmallBusiness_Key"
    assert content.addons == expected
    assert expected
    assert len(partner_requests(run)) == 1 + sum(offer["hasAddOns"] for offer in chosen)


@pytest.mark.once
def test_on_another_host(lab: Lab, page: Path) -> None:
    target = lab.stage("linux1") / "offers.html"
    run = report(lab, target, hosts="linux1", country="GB", category_id="Trial_Key")
    assert run.status == 0, run.output
    assert run.ok("linux1", WRITE)["changed"] is True
    assert Page(target).facts["Market"] == "GB"


@pytest.mark.once
def test_variables_that_are_missing_or_wrong(lab: Lab, page: Path) -> None:
    for run, task, text in (
        (report(lab, page, country=None), "Check the variables", "Set partner_offer_report_country"),
        (report(lab, page, dest=None), "Check the variables", "partner_offer_report_dest to a file"),
        (report(lab, page, country="USA"), "Look up the offers", "country is 'USA'"),
        (report(lab, page, locale="english"), "Look up the offers", "locale is 'english'"),
    ):
        assert run.status == 2
        assert text in run.error("localhost", task)
        assert (run.requests, run.connections) == ([], 0)
    assert not page.exists()
    for dest, problem in (
        ("offers.html", "is not an absolute path"),
        (str(page.parent), "is a directory. Name a file"),
    ):
        run = report(lab, page, dest=dest)
        assert run.status == 2
        assert run.requests == []
        assert problem in run.output


@pytest.mark.once
def test_sorting(british: Path, browser: Browser) -> None:
    market = MARKET
    browser.open(british)
    assert browser.names == [offer["name"] for offer in market]
    assert browser.shown == f"Showing {len(market)} of {len(market)} offers"

    assert browser.sort(0) == "ascending"
    names = browser.names
    assert sorted(names) == sorted(offer["name"] for offer in market)
    # As people of that language sort: umlauts with their letters, numbers by their size.
    assert names == browser.run(
        "return arguments[0].sort(new Intl.Collator('de-DE', {numeric: true}).compare)", sorted(names)
    )
    assert names != sorted(names)
    assert browser.sort(0) == "descending"
    assert browser.names == names[::-1]

    for column, field in ((6, "minimumQuantity"), (7, "maximumQuantity")):
        assert browser.sort(column) == "ascending"
        assert [int(value) for value in browser.column(column)] == sorted(offer[field] for offer in market)
        assert browser.sort(column) == "descending"
        assert int(browser.column(column)[0]) == max(offer[field] for offer in market)
        orders = [browser.heading(number).get_attribute("aria-sort") for number in range(10)]
        assert orders == ["none"] * column + ["descending"] + ["none"] * (9 - column)

    # What has no category stands last in both directions.
    for direction in ("ascending", "descending"):
        assert browser.sort(1) == direction
        values = browser.column(1)
        known = [value for value in values if value]
        assert values == known + [""] * (len(values) - len(known))
        assert known[0] != known[-1]
    assert browser.complaints == []


@pytest.mark.once
def test_filters(british: Path, browser: Browser) -> None:
    market, total = MARKET, len(MARKET)
    browser.open(british)

    def names(**wanted: Any) -> list[str]:
        return [offer["name"] for offer in market if all(offer[name] == value for name, value in wanted.items())]

    browser.select("purchasable", "no")
    gone = names(isAvailableForPurchase=False)
    assert browser.names == gone
    assert gone
    assert browser.shown == f"Showing {len(gone)} of {total} offers"
    browser.select("purchasable", "yes")
    assert browser.names == names(isAvailableForPurchase=True)

    browser.select("category", "Testversion")
    browser.select("purchasable", ALL)
    trials = [offer["name"] for offer in market if offer["category"]["name"] == "Testversion"]
    assert browser.names == trials
    browser.select("cycle", "annual")
    assert browser.names == []
    assert browser.driver.find_element(By.ID, "none").is_displayed()
    browser.select("cycle", "none")
    assert browser.names == trials
    browser.select("category", "")
    browser.select("cycle", ALL)
    assert browser.names == names(isAddOn=True)

    browser.driver.find_element(By.CSS_SELECTOR, "button[type=reset]").click()
    browser.run("return new Promise((resolve) => setTimeout(resolve, 20))")
    assert len(browser.names) == total
    assert not browser.driver.find_element(By.ID, "none").is_displayed()

    # Words in any order, in any case, without accents; ids, too.
    browser.type("PREMIUM cafe")
    found = [name for name in names() if "Café" in name and "Premium" in name]
    assert browser.names == found
    assert found
    browser.type(market[17]["id"].lower())
    assert browser.names == [market[17]["name"]]
    browser.type("会議室")
    assert browser.names == [name for name in names() if "会議室" in name]
    browser.type("nothing like this")
    assert browser.shown == f"Showing 0 of {total} offers"
    browser.type("plan 2")
    before = browser.names
    assert 0 < len(before) < total
    browser.sort(0)
    # Sorting keeps the filter.
    assert sorted(browser.names) == sorted(before)
    assert browser.complaints == []


@pytest.mark.once
def test_by_keyboard(lab: Lab, page: Path, browser: Browser) -> None:
    """Everything can be reached and used by keys alone."""
    written(lab, page, country="GB", category_id="SmallBusiness_Key", include_addons=True)
    browser.open(page)
    reached = []
    for _step in range(40):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        active = browser.driver.switch_to.active_element
        reached.append(active.get_attribute("name") or active.text or active.tag_name)
        if active.tag_name == "button" and "Max." in active.text:
            break
    assert reached[:8] == ["CSV", "JSON", "text", "category", "purchasable", "kind", "cycle", "Reset"]
    assert browser.heading(7).get_attribute("aria-sort") == "none"
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.heading(7).get_attribute("aria-sort") == "ascending"
    browser.driver.switch_to.active_element.send_keys(Keys.SPACE)
    assert browser.heading(7).get_attribute("aria-sort") == "descending"
    quantities = [int(value) for value in browser.column(7)]
    assert quantities == sorted(quantities, reverse=True)

    summary = browser.driver.find_element(By.CSS_SELECTOR, "details summary")
    item = browser.driver.find_element(By.CSS_SELECTOR, "details li")
    assert not item.is_displayed()
    summary.send_keys(Keys.ENTER)
    assert item.is_displayed()


@pytest.mark.once
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(british: Path, browser: Browser, scheme: str) -> None:
    """Contrast of at least 4.5 to 1 in both schemes, and a table that is not wider than the window."""
    browser.open(british, scheme)
    contrasts = browser.run(_CONTRASTS)
    assert len(contrasts) > 50
    assert not {text: ratio for text, ratio in contrasts.items() if ratio < 4.5}
    back = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") is (scheme == "light")
    assert browser.run("return document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.once
def test_no_request_leaves_the_page(british: Path, browser: Browser) -> None:
    browser.open(british)
    for column in range(10):
        browser.sort(column)
    browser.type("plan")
    browser.select("purchasable", "yes")
    for summary in browser.driver.find_elements(By.CSS_SELECTOR, "details summary")[:5]:
        browser.run("arguments[0].click()", summary)
    requested = browser.requested
    assert british.as_uri() in requested
    assert {url for url in requested if not url.startswith("data:")} == {british.as_uri()}
    # The browser itself would not let it, either.
    refused = browser.run(
        "return fetch('https://localhost:1/').then(() => 'sent', (error) => 'refused: ' + error.message)"
    )
    assert refused.startswith("refused")
    assert any("Content Security Policy" in text for text in browser.complaints)


@pytest.mark.once
def test_hostile_offers_are_inert(lab: Lab, page: Path, browser: Browser) -> None:
    """Whatever the service sends is text."""
    items = [_hostile(text, number) for number, text in enumerate(HOSTILE)]
    body = {"totalCount": len(items), "items": items}
    lab.emulator.fault(listener="partner_public", action="status", status=200, body=body)
    written(lab, page)
    assert not (lab.directory / "hacked").exists()
    browser.open(page)
    assert browser.names == list(HOSTILE)
    assert browser.driver.find_element(By.CSS_SELECTOR, "tbody .name").text == HOSTILE[0]
    assert (
        browser.run("return document.querySelectorAll('table script, img, svg, iframe, [onerror], [onload]').length")
        == 0
    )
    assert browser.run("return document.querySelectorAll('[onmouseover]').length") == 0
    assert browser.run("return document.scripts.length") == 1
    # Links lead to web pages only.
    links = [link.get_attribute("href") for link in browser.driver.find_elements(By.CSS_SELECTOR, "tbody a")]
    assert links == ["https://learn.example/?a=%22%3E%3Cb%3E"]
    for number, text in enumerate(HOSTILE):
        browser.select("category", text)
        assert browser.names == [text]
        browser.select("category", ALL)
        browser.select("cycle", text)
        assert browser.names == [text]
        browser.select("cycle", ALL)
        browser.sort(number)
    browser.type("<script>")
    assert HOSTILE[0] in browser.names
    assert browser.run("return window.hacked") is None
    assert {url for url in browser.requested if not url.startswith("data:")} == {page.as_uri()}
    assert browser.complaints == []


@pytest.mark.once
def test_a_script_that_got_in_would_not_run(lab: Lab, page: Path, browser: Browser) -> None:
    """The page's own policy knows its script and style by their checksums, and nothing else."""
    written(lab, page, category_id="SmallBusiness_Key")
    text = page.read_text(encoding="utf-8")
    injected = (
        "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'><style>p { color: red }</style>"
    )
    page.write_text(text.replace("</h1>", f"</h1>{injected}"), encoding="utf-8")
    browser.open(page)
    assert browser.run("return window.hacked") is None
    assert len(browser.names) == 18
    assert sum("Content Security Policy" in complaint for complaint in browser.complaints) >= 3


@pytest.mark.once
def test_offers_with_nothing_but_an_id(lab: Lab, page: Path, browser: Browser) -> None:
    """Fields come and go, and may be of other kinds than expected."""
    items: list[dict[str, Any]] = [
        {"id": "only"},
        dict.fromkeys(offers.offer(0)) | {"id": "nulls"},
        {name: {} for name in ("name", "minimumQuantity", "term", "billing")} | {"id": "objects"},
        {"id": "texts", "minimumQuantity": "9", "isAvailableForPurchase": "yes", "supportedBillingCycles": "weekly"},
        {
            "id": "others",
            "minimumQuantity": True,
            "maximumQuantity": 1.5,
            "isAddOn": "no",
            "prerequisiteOffers": "only",
        },
        {
            "id": "lone",
            "isAddOn": True,
            "prerequisiteOffers": ["only"],
            "supportedBillingCycles": ["fortnightly", None],
        },
    ]
    lab.emulator.fault(listener="partner_public", action="status", status=200, body={"items": items})
    written(lab, page)
    browser.open(page)
    assert [row.text for row in browser.driver.find_elements(By.CSS_SELECTOR, "tbody .id")] == [
        offer["id"] for offer in items
    ]
    assert browser.names[0] == "only"
    assert browser.column(9) == ["1", "0", "0", "0", "0", "0"]
    for column in range(10):
        browser.sort(column)
        browser.sort(column)
        assert len(browser.names) == len(items)
    browser.select("cycle", "fortnightly")
    assert browser.names == ["lone"]
    assert browser.complaints == []


@pytest.mark.once
def test_an_empty_market(lab: Lab, page: Path, browser: Browser) -> None:
    lab.emulator.fault(listener="partner_public", action="status", status=200, body={"totalCount": 0, "items": []})
    written(lab, page)
    browser.open(page)
    assert browser.shown == "Showing 0 of 0 offers"
    assert browser.driver.find_element(By.ID, "none").is_displayed()
    assert browser.complaints == []


def _hostile(text: str, number: int) -> dict[str, Any]:
    """An offer that says the same bad thing wherever it can."""
    names = ("name", "description", "billing", "limitUnitOfMeasure", "termUnitOfMeasure", "term", "limit")
    links = (
        "javascript:window.hacked=1",
        'https://learn.example/?a="><b>',
        "data:text/html,<script>window.hacked=1</script>",
        "http://stranger.example/",
        "//stranger.example/",
    )
    return {
        **dict.fromkeys(names, text),
        "id": f"{text}{number}",
        "category": {"id": text, "name": text},
        "supportedBillingCycles": [text],
        "minimumQuantity": text,
        "maximumQuantity": text,
        "isAddOn": True,
        "isTrial": text,
        "isAvailableForPurchase": text,
        "prerequisiteOffers": [f"{HOSTILE[0]}0"],
        "links": {"learnMore": {"uri": links[number % len(links)] if number < len(links) else text}},
    }


# By text: the contrast of all texts with what they stand on.
_CONTRASTS = """
const parse = (color) => {
  const canvas = parse.canvas ||= document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  return Array.from(canvas.getImageData(0, 0, 1, 1).data);
};
const light = (channels) => {
  const [r, g, b] = channels.slice(0, 3).map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const backOf = (element) => {
  const layers = [];
  for (let parent = element; parent; parent = parent.parentElement) {
    layers.unshift(parse(getComputedStyle(parent).backgroundColor));
  }
  return layers.reduce((below, [r, g, b, a]) => {
    const part = a / 255;
    return [r, g, b].map((value, index) => value * part + below[index] * (1 - part));
  }, [255, 255, 255]);
};
const found = {};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode() && Object.keys(found).length < 400) {
  const text = walker.currentNode.textContent.trim();
  const element = walker.currentNode.parentElement;
  if (!text || element.offsetParent === null || element.closest("script, option")) continue;
  const [one, two] = [light(parse(getComputedStyle(element).color)), light(backOf(element))];
  const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  found[text] = Math.min(found[text] ?? 21, ratio);
}
return found;
"""

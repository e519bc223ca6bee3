"""The page in a real browser, which one process of it opens for all tests."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.report.page.writing import page_line
from browser import Browser, browser, browser_path
from page_folder import put_other_measurements, put_session

AXE = "axe-core/axe.min.js"
SPEED = "#measurement-speed table"
ENTER, TAB = 13, 9


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str]]:
    """A tab, and the address of the page of a made-up session."""
    path = browser_path()
    if path is None:
        pytest.skip("no browser: install chromium")
    output = tmp_path_factory.mktemp("session")
    put_session(output)
    put_other_measurements(output)
    assert page_line(output, output) == "page: report.html"
    with browser(path) as opened:
        yield opened, (output / "report.html").as_uri()


def axe_source() -> str:
    """The accessibility checks, from npm: of the folder AXE_FOLDER, or where `npm install` puts them."""
    folders = [os.environ.get("AXE_FOLDER", ""), "node_modules", *_global_folder()]
    for folder in filter(None, folders):
        if (Path(folder) / AXE).is_file():
            return (Path(folder) / AXE).read_text(encoding="utf-8")
    pytest.skip("no axe-core: npm install --no-save axe-core, or name its node_modules in AXE_FOLDER")


def _global_folder() -> list[str]:
    try:
        found = subprocess.run(["npm", "root", "--global"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [found.stdout.strip()]


def complaints(events: list[dict[str, Any]]) -> list[str]:
    """Console messages, findings of the log such as violations of the policy, exceptions."""
    kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
    return [json.dumps(event["params"]) for event in events if event.get("method") in kinds]


def column(tab: Browser, number: int) -> list[str]:
    found: list[str] = tab.run(
        f"[...document.querySelectorAll('{SPEED} tbody tr')].map((row) => row.cells[{number}].textContent)"
    )
    return found


def test_it_loads_nothing_and_the_console_is_silent(tab: tuple[Browser, str]) -> None:
    page, address = tab
    page.open(address)
    page.run("for (const each of document.querySelectorAll('details')) each.open = true")
    page.run("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
    requests = [event["params"]["request"]["url"] for event in page.events if "request" in event.get("params", {})]
    assert [url for url in requests if not url.startswith("data:")] == [address]
    assert complaints(page.events) == []


def test_the_policy_forbids_everything_else(tab: tuple[Browser, str]) -> None:
    page, address = tab
    page.open(address)
    blocked = page.run(
        """new Promise((done) => {
            const found = [];
            addEventListener("securitypolicyviolation", (event) => found.push(event.effectiveDirective));
            document.body.insertAdjacentHTML("beforeend", `<img src="https://example.invalid/x.png" onerror="1">`);
            const script = document.createElement("script");
            script.textContent = "document.title = 'hacked'";
            document.body.append(script);
            fetch("https://example.invalid/").catch(() => setTimeout(() => done(found), 50));
        })"""
    )
    assert {"img-src", "script-src-elem", "connect-src"} <= set(blocked)
    assert page.run("document.title") != "hacked"


def test_tables_are_sorted_by_the_keyboard(tab: tuple[Browser, str]) -> None:
    page, address = tab
    page.open(address)
    page.run(f"document.querySelectorAll('{SPEED} th button')[1].focus()")
    page.press("Tab", TAB)
    assert page.run("document.activeElement.textContent") == "samples/s"
    orders = []
    for _ in range(2):
        page.press("Enter", ENTER, "\r")
        sort = page.run(f"document.querySelectorAll('{SPEED} th')[2].getAttribute('aria-sort')")
        orders.append((sort, column(page, 2)))
    assert orders == [
        ("ascending", ["4.000", "8.000", "16.00", "-", "-"]),
        ("descending", ["16.00", "8.000", "4.000", "-", "-"]),
    ]
    page.run(f"document.querySelector('{SPEED} th button').focus()")
    page.press("Enter", ENTER, "\r")
    assert column(page, 0) == sorted(column(page, 0), key=lambda name: name.replace("bs16", "bs9"))
    assert page.run(f"document.querySelectorAll('{SPEED} th[aria-sort]').length") == 1


def test_a_link_opens_its_case_and_the_first_tab_skips_to_the_results(tab: tuple[Browser, str]) -> None:
    page, address = tab
    page.open(address)
    page.press("Tab", TAB)
    assert page.run("document.activeElement.getAttribute('href')") == "#main"
    page.run(f"document.querySelector('{SPEED} td a').focus()")
    page.press("Enter", ENTER, "\r")
    page.run("new Promise((done) => setTimeout(done, 50))")
    assert page.run("document.querySelector('details.case[open] .name').textContent") == "dbr18_sp_bs2_fp32_cpu1"
    assert page.run("document.activeElement.tagName") == "SUMMARY"


@pytest.mark.parametrize("width", [390, 1200])
def test_only_wide_tables_scroll_sideways(tab: tuple[Browser, str], width: int) -> None:
    page, address = tab
    page.open(address, width=width)
    page.run("for (const each of document.querySelectorAll('details')) each.open = true")
    assert page.run("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_is_accessible(tab: tuple[Browser, str], dark: bool) -> None:
    page, address = tab
    source = axe_source()
    page.open(address, width=390, dark=dark)
    page.run("for (const each of document.querySelectorAll('details')) each.open = true")
    page.call("Page.setBypassCSP", enabled=True)
    page.run(f"{source}; 0")
    page.call("Page.setBypassCSP", enabled=False)
    found = page.run(
        "axe.run(document, { resultTypes: ['violations'] }).then((result) => result.violations.map("
        "(each) => [each.impact, each.id, each.nodes.slice(0, 3).map((node) => node.html.slice(0, 200))]))"
    )
    assert [each for each in found if each[0] in ("serious", "critical", "moderate")] == []


def test_printed_it_has_every_case(tab: tuple[Browser, str]) -> None:
    page, address = tab
    page.open(address)
    page.run("dispatchEvent(new Event('beforeprint'))")
    assert page.run("document.querySelectorAll('details.case:not([open])').length") == 0
    page.run("dispatchEvent(new Event('afterprint'))")
    assert page.run("document.querySelectorAll('details.case[open]').length") == 0

"""Headless Chromium, and pages in it that notice what goes wrong."""

import os
import shutil

import pytest

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
CHROMIUM_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
)


@pytest.fixture(scope="session")
def browser():
    """Return Debian's Chromium; one for all tests of a process."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if not os.access(CHROMIUM, os.X_OK):
        pytest.skip(f"needs chromium, and there is no {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_ARGUMENTS))
        yield found
        found.close()


@pytest.fixture
def opened(browser):
    """Return what opens an address, and fails the test if the page complains or asks anybody."""
    contexts, complaints, asked = [], [], []

    def see(address, **look):
        context = browser.new_context(**{"viewport": {"width": 1300, "height": 900}, **look})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)  # of a machine that is busy with other tests
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        return page

    see.complaints, see.asked = complaints, asked
    yield see
    for context in contexts:
        context.close()
    assert not complaints

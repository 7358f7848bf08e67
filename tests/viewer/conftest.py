"""Fixtures: walking figures, and a browser without a window for the page."""

from __future__ import annotations

import shutil
import time

import pytest

from skelstream.viewer.report import report_page

from ..drawing.conftest import make_figure, make_walkers, two_walkers  # noqa: F401

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no Chromium with its chromedriver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--window-size=1300,1000", "--autoplay-policy=no-user-gesture-required",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    yield chrome
    chrome.quit()


class Opened:
    """A page in the browser, and what a test asks of it."""

    def __init__(self, browser, path):
        self.browser = browser
        browser.get(path.as_uri())
        browser.set_script_timeout(60)
        ready = "const done = arguments[0]; skelstream.ready.then(done, (error) => done(String(error)))"
        assert browser.execute_async_script(ready) is True

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    @property
    def state(self):
        return self.run("return skelstream.state()")

    def key(self, key, **modifiers):
        self.run(
            "const [key, modifiers] = arguments; (document.activeElement || document.body).dispatchEvent("
            "new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true, ...modifiers}))",
            key,
            modifiers,
        )

    def pixel(self, x, y):
        return self.run(
            "const context = document.getElementById('figures').getContext('2d');"
            "return Array.from(context.getImageData(arguments[0], arguments[1], 1, 1).data)",
            round(x),
            round(y),
        )

    def until(self, condition, seconds=15.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "the page did not get there in time"
            time.sleep(0.05)

    def text(self, identifier):
        return self.run("return document.getElementById(arguments[0]).textContent", identifier)


@pytest.fixture
def open_page(browser, tmp_path):
    def opened(sequence, video=None, name="page.html"):
        path = tmp_path / name
        path.write_text(report_page(sequence, "walk <1>", video), encoding="utf-8")
        return Opened(browser, path)

    yield opened
    # The tests' own reading of pixels, which the page never does, earns advice; and a page with unsaved edits may not ask
    # before it is left where a script alone has touched it.
    expected = "willReadFrequently", "beforeunload"
    lines = browser.get_log("browser")
    complaints = [line for line in lines if not any(word in line["message"] for word in expected)]
    assert complaints == []

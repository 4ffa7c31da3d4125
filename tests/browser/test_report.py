"""The page of results in a real browser: sorted, searched, opened, by mouse and by keyboard."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from axe_core_python.selenium import Axe
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from covergenre.report import page
from scraping.allmusic.driver import BROWSERS
from tests import reports

COUNT = 130


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("report")
    page.write(made / "page.html", reports.contents(COUNT), 30_000_000)
    page.write(made / "nothing.html", reports.nothing(), 30_000_000)
    return made


@pytest.fixture(scope="module")
def started() -> Iterator[WebDriver]:
    options = Options()
    options.binary_location = next(filter(None, map(shutil.which, BROWSERS)))
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ("--headless=new", "--window-size=1366,900", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    driver = WebDriver(options, Service(shutil.which("chromedriver")))
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture
def browser(started: WebDriver, folder: Path) -> WebDriver:
    """The page, read anew, its table there."""
    show(started, folder / "page.html")
    return started


def show(driver: WebDriver, file: Path) -> None:
    driver.get("about:blank")
    driver.get_log("browser")
    driver.get(file.as_uri())
    driver.execute_script("try { localStorage.clear(); } catch {}")
    if driver.find_elements(By.ID, "count"):
        wait(driver, lambda: "predictions" in counted(driver))


def wait(driver: WebDriver, until: Any) -> None:
    WebDriverWait(driver, 30, 0.05).until(lambda _: until())


def counted(driver: WebDriver) -> str:
    return driver.find_element(By.ID, "count").text


def column(driver: WebDriver, title: str) -> list[str]:
    """The texts of a column of the page of the table that is shown."""
    heads = [
        one.text.split(" ")[0] for one in driver.find_elements(By.CSS_SELECTOR, "#rows thead th")
    ]
    place = heads.index(title) + 1
    cells = driver.find_elements(By.CSS_SELECTOR, f"#rows tbody tr > :nth-child({place})")
    return [cell.text for cell in cells]


def head(driver: WebDriver, title: str) -> Any:
    heads = driver.find_elements(By.CSS_SELECTOR, "#rows thead th")
    return next(one for one in heads if one.text.startswith(title))


def sort(driver: WebDriver, title: str) -> None:
    button = head(driver, title).find_element(By.TAG_NAME, "button")
    # Not below the links that stay on top.
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()


def field(driver: WebDriver, name: str) -> Any:
    return driver.find_element(By.CSS_SELECTOR, f"#filters [name={name}]")


def errors(driver: WebDriver) -> list[str]:
    return [one["message"] for one in driver.get_log("browser") if one["level"] != "INFO"]


def expected() -> pd.DataFrame:
    return reports.predictions(COUNT)


def test_the_table_is_sorted_both_ways(browser: WebDriver) -> None:
    rows = expected()
    assert counted(browser) == "130 of 130 predictions"
    assert column(browser, "Album") == sorted(rows["album_id"])[:50]
    confidence = head(browser, "Confidence")
    for direction, order in (("descending", False), ("ascending", True)):
        sort(browser, "Confidence")
        assert confidence.get_attribute("aria-sort") == direction
        best = rows["confidence"].sort_values(ascending=order)[:50]
        shown = [float(text.removesuffix(" %")) for text in column(browser, "Confidence")]
        assert shown == pytest.approx(list(100 * best), abs=0.06)
    sort(browser, "Year")
    browser.find_element(By.ID, "last").click()
    assert browser.find_element(By.ID, "page").text == "page 3 of 3"
    # What is not known is last, whichever way.
    assert column(browser, "Year")[-22:] == ["\N{EN DASH}"] * 22
    sort(browser, "Year")
    assert column(browser, "Year")[0] == "2000"
    browser.find_element(By.ID, "last").click()
    assert column(browser, "Year")[-22:] == ["\N{EN DASH}"] * 22
    assert errors(browser) == []


def test_filters_and_search(browser: WebDriver) -> None:
    rows = expected()
    chosen = rows[rows["predicted_genre"] == "rap"]
    Select(field(browser, "predicted")).select_by_visible_text("rap")
    wait(browser, lambda: counted(browser) == f"{len(chosen)} of 130 predictions")
    assert set(column(browser, "Predicted")) <= {"rap"} | {"\N{NOT EQUAL TO} rap"}
    field(browser, "from").send_keys("2005")
    field(browser, "to").send_keys("2010")
    chosen = chosen[chosen["release_year"].between(2005, 2010)]
    wait(browser, lambda: counted(browser) == f"{len(chosen)} of 130 predictions")
    field(browser, "differs").click()
    chosen = chosen[chosen["genre"].notna() & (chosen["genre"] != "rap")]
    wait(browser, lambda: counted(browser) == f"{len(chosen)} of 130 predictions")
    browser.find_element(By.CSS_SELECTOR, "#filters [type=reset]").click()
    wait(browser, lambda: counted(browser) == "130 of 130 predictions")
    Select(field(browser, "advisory")).select_by_visible_text("with")
    wait(browser, lambda: counted(browser) == f"{rows['advisory'].sum()} of 130 predictions")
    browser.find_element(By.CSS_SELECTOR, "#filters [type=reset]").click()
    field(browser, "search").send_keys("DEBUT bjork")
    wait(browser, lambda: counted(browser) == "1 of 130 predictions")
    assert column(browser, "Title") == ["Début"]
    field(browser, "search").send_keys(" nobody")
    wait(browser, lambda: counted(browser) == "0 of 130 predictions")
    assert column(browser, "Title") == []


def test_hostile_texts_are_shown_as_they_are(browser: WebDriver) -> None:
    field(browser, "search").send_keys("onerror")
    wait(browser, lambda: counted(browser) == "1 of 130 predictions")
    assert column(browser, "Artist") == [reports.HOSTILE]
    browser.find_element(By.CSS_SELECTOR, "#rows tbody button").click()
    wait(browser, lambda: "Reasons" in browser.find_element(By.ID, "details-body").text)
    body = browser.find_element(By.ID, "details-body")
    assert reports.HOSTILE in body.text
    assert body.find_elements(By.CSS_SELECTOR, "img[onerror], script, b") == []
    assert browser.find_elements(By.CSS_SELECTOR, "img[src=x]") == []
    assert browser.execute_script("return window.hacked") is None
    # As the name of a concept on a chart, too, where Plotly reads markup.
    browser.find_element(By.ID, "details-close").click()
    plot = drawn(browser, "concepts")
    assert "</script><img" in plot.get_attribute("textContent")
    assert errors(browser) == []


def drawn(driver: WebDriver, key: str) -> Any:
    """A chart, scrolled to."""
    plot = driver.find_element(By.ID, key)
    driver.execute_script("arguments[0].scrollIntoView()", plot)
    wait(driver, lambda: plot.find_elements(By.CSS_SELECTOR, "svg.main-svg"))
    return plot


def test_details_say_what_a_prediction_rests_on(browser: WebDriver) -> None:
    browser.find_elements(By.CSS_SELECTOR, "#labelled ~ .gallery button")[1].click()
    dialog = browser.find_element(By.ID, "details")
    wait(browser, lambda: "Reasons" in dialog.text)
    row = expected().iloc[5]
    assert dialog.find_element(By.TAG_NAME, "h2").text == f"{row['artist']} \N{EN DASH} Title 5"
    for said in ("concepts: banjo", "+0.81", "\N{MINUS SIGN}0.10", "61.2 %", "#c0ffee", "2005"):
        assert said in dialog.text
    box = dialog.find_element(By.CSS_SELECTOR, ".box")
    cover = dialog.find_element(By.CSS_SELECTOR, ".cover img").rect
    assert box.rect["x"] - cover["x"] == pytest.approx(0.1 * cover["width"], abs=1.5)
    assert box.rect["height"] == pytest.approx(0.1 * cover["height"], abs=1.5)
    browser.find_element(By.ID, "details-close").click()
    assert not dialog.is_displayed()


def test_everything_can_be_done_with_the_keyboard(browser: WebDriver) -> None:
    titles = column(browser, "Title")
    first = browser.find_element(By.CSS_SELECTOR, "#rows tbody button")
    first.send_keys(Keys.ARROW_DOWN)
    focused = browser.switch_to.active_element
    focused.send_keys(Keys.ENTER)
    dialog = browser.find_element(By.ID, "details")
    wait(browser, lambda: titles[1] in dialog.text and "Reasons" in dialog.text)
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    wait(browser, lambda: titles[2] in dialog.find_element(By.TAG_NAME, "h2").text)
    browser.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    wait(browser, lambda: titles[1] in dialog.find_element(By.TAG_NAME, "h2").text)
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    wait(browser, lambda: not dialog.is_displayed())
    assert browser.switch_to.active_element == focused
    focused.send_keys(Keys.END)
    browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    assert browser.find_element(By.ID, "page").text == "page 2 of 3"
    assert browser.switch_to.active_element.text == column(browser, "Artist")[0]
    head(browser, "Title").find_element(By.TAG_NAME, "button").send_keys(Keys.SPACE)
    assert head(browser, "Title").get_attribute("aria-sort") == "ascending"
    browser.find_element(By.CSS_SELECTOR, "#heat-predicted + details summary").send_keys(Keys.ENTER)
    table = browser.find_element(By.CSS_SELECTOR, "#heat-predicted + details table")
    assert table.is_displayed()
    assert "2001" in table.text


def ground(driver: WebDriver) -> str:
    return str(driver.execute_script("return getComputedStyle(document.body).backgroundColor"))


def test_light_and_dark(browser: WebDriver, folder: Path) -> None:
    dark, light = "rgb(20, 24, 28)", "rgb(255, 255, 255)"
    drawn(browser, "roc")
    assert ground(browser) == light
    browser.find_element(By.ID, "theme").click()
    assert ground(browser) == dark
    ink = browser.execute_script("return document.getElementById('roc')._fullLayout.font.color")
    assert ink == "#e6e8ea"
    prefers = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", prefers)
    try:
        show(browser, folder / "page.html")
        browser.refresh()
        assert ground(browser) == dark
        assert serious(browser) == []
        browser.find_element(By.ID, "theme").click()
        assert ground(browser) == light
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def serious(driver: WebDriver) -> list[str]:
    """What axe finds that keeps somebody from reading the page."""
    found = Axe().run(driver)["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def test_everybody_can_read_it(browser: WebDriver, folder: Path) -> None:
    drawn(browser, "confusion")
    assert serious(browser) == []
    browser.find_element(By.CSS_SELECTOR, "#rows tbody button").click()
    wait(browser, lambda: "Reasons" in browser.find_element(By.ID, "details-body").text)
    assert serious(browser) == []
    show(browser, folder / "nothing.html")
    assert serious(browser) == []
    assert errors(browser) == []


@pytest.mark.parametrize("width", [390, 1366, 1920])
def test_every_chart_is_drawn_and_nothing_is_wider_than_the_page(
    browser: WebDriver, width: int
) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        plots = browser.find_elements(By.CSS_SELECTOR, ".plot")
        assert len(plots) == 14
        for plot in plots:
            key = plot.get_attribute("id")
            assert drawn(browser, key).rect["width"] <= width
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width
        loaded = browser.execute_script("return performance.getEntriesByType('resource')")
        assert [one["name"] for one in loaded] == []
        assert errors(browser) == []
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

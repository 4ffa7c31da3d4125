"""What a page looked like when it was not what the settings say."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.remote.webdriver import WebDriver
from urllib3.exceptions import HTTPError


def save(driver: WebDriver, folder: Path, key: str) -> str:
    """Save a screenshot and the page's HTML as it stands.

    Args:
        driver: of the page.
        folder: made if need be.
        key: of the search; with the time it names the files.

    Returns:
        For people: where they lie, or why they could not be saved.
    """
    now = datetime.datetime.now(datetime.UTC)
    slug = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")[:100]
    stem = folder / f"{now:%Y%m%dT%H%M%S.%f}Z-{slug}"
    picture, page = Path(f"{stem}.png"), Path(f"{stem}.html")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page.write_text(driver.page_source, "utf-8", "surrogatepass")
        picture.write_bytes(driver.get_screenshot_as_png())
    except (OSError, WebDriverException, HTTPError) as error:
        return f"the page could not be saved in {folder}: {type(error).__name__}"
    return f"see {picture} and {page}"

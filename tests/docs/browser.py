"""A headless Chromium, driven by Selenium."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait


class Browser:
    """A browser whose window and colours can be changed; used with `with`."""

    def __init__(self) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for option in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, Service("/usr/bin/chromedriver"))

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.driver.quit()

    def look(self, width: int, colours: str) -> None:
        """Give the window a width in pixels, and prefer "light" or "dark" colours."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": colours}]},
        )

    def open(self, address: str) -> None:
        """Load a page."""
        self.driver.get(address)

    def run(self, script: str) -> Any:
        """What a script in the page returns."""
        return self.driver.execute_script(script)

    def wait_for(self, selector: str) -> list[str]:
        """Wait until the page has links that a selector of CSS names; where they lead."""
        wait = WebDriverWait(self.driver, 10)
        found = wait.until(lambda driver: driver.find_elements("css selector", selector))
        return [str(element.get_attribute("href")) for element in found]

    def wait_until(self, script: str) -> None:
        """Wait until a script in the page returns something true."""
        WebDriverWait(self.driver, 10).until(lambda driver: driver.execute_script(script))

    def complaints(self) -> list[str]:
        """What the console has had to say since it was asked last: script errors, lost files."""
        log = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in log]

    def overhang(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(
            self.run(
                "const page = document.documentElement; return page.scrollWidth - page.clientWidth"
            )
        )

    def save(self, picture: Path) -> None:
        """Save a picture of the whole page."""
        shot = self.driver.execute_cdp_cmd(
            "Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"}
        )
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(base64.b64decode(shot["data"]))

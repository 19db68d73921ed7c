"""What the manual's search puts first, asked of the built index in a browser."""

from __future__ import annotations

import pytest

from tests.docs.browser import Browser

FIRST = {
    "ansible": "howto/from-clush-and-ansible",
    "asyncio": "howto/event-loops",
    "benchmark": "benchmarks",
    "catch": "howto/errors",
    "cron": "howto/credentials",
    "ctrl-c": "explanation/cancelling",
    "docker": "howto/containers",
    "error": "howto/errors",
    "firewall": "howto/operations",
    "flask": "howto/web-frameworks",
    "fork": "explanation/threads-and-forks",
    "install": "installation",
    "keytab": "howto/credentials",
    "kinit": "howto/credentials",
    "logging": "howto/logging",
    "macos": "installation",
    "many hosts": "howto/many-hosts",
    "migrate": "howto/from-the-old-binding",
    "monitoring": "howto/operations",
    "old": "howto/from-the-old-binding",
    "perl": "howto/from-net-remctl",
    "pool": "howto/pools",
    "pytest": "howto/test-your-own-scripts",
    "retry": "howto/errors",
    "subprocess": "howto/from-subprocess",
    "timeout": "explanation/timeouts",
    "windows": "installation",
}


def found(browser: Browser, address: str, words: str) -> list[str]:
    """The pages that the search has found, best first."""
    browser.open(f"{address}/search.html?q={words.replace(' ', '+')}")
    links = browser.wait_for("#search-results ul.search a[href]")
    return [link.removeprefix(f"{address}/").split(".html")[0] for link in links]


@pytest.mark.parametrize("words", FIRST)
def test_the_page_that_helps_comes_first(address: str, browser: Browser, words: str) -> None:
    browser.look(1280, "light")
    assert found(browser, address, words)[0] == FIRST[words]


# Words that stand in many pages: those for maintainers have them more often.
@pytest.mark.parametrize("words", ["handshake", "signal", "reconnect", "tests", "credential cache"])
def test_pages_for_users_come_before_those_for_maintainers(
    address: str, browser: Browser, words: str
) -> None:
    browser.look(1280, "light")
    pages = found(browser, address, words)
    others = ("maintainers/", "architecture", "changes", "reference/manual", "reference/_remctl")
    assert not pages[0].startswith(others)

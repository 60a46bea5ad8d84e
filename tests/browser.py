"""What tests ask of a page in a real browser, the fixture `browser`.

The logs that `requests_of` and `console_errors` read are emptied by reading: each call tells what came since the last.
"""

import json
import time
from collections.abc import Callable
from typing import Any


def requests_of(driver: Any) -> list[str]:
    """Return the addresses the page asked for, sockets included, data inside the page not."""
    addresses = []
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            addresses.append(message["params"]["request"]["url"])
        elif message["method"] == "Network.webSocketCreated":
            addresses.append(message["params"]["url"])
    return [address for address in addresses if not address.startswith(("data:", "blob:"))]


def console_errors(driver: Any) -> list[str]:
    """Return the console's errors, which include whatever could not be loaded."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def broken_pictures(driver: Any) -> list[str]:
    """Return the sources of the pictures that are not loaded, or not yet."""
    script = "return [...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src.slice(0, 200))"
    return driver.execute_script(script)


def load_pictures(driver: Any) -> None:
    """Scroll through the page until every picture is loaded; a failed assertion if one never is."""
    script = """const late = [...document.images].filter(i => !i.complete || !i.naturalWidth);
        if (late.length) late[0].scrollIntoView();
        return late.length == 0"""
    end = time.monotonic() + 30
    while not driver.execute_script(script):
        assert time.monotonic() < end, broken_pictures(driver)


def wait_for(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Call it until it returns something true, and return that; a failed assertion after so many seconds."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not so after {seconds} seconds, last {value!r}"
        time.sleep(0.1)
    return value

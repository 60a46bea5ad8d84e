"""Questions about a page in a real browser, the fixture `browser`.

`requests_of` and `console_errors` return what is new since their last call.
"""

import json
import time
from collections.abc import Callable
from typing import Any


def requests_of(driver: Any) -> list[str]:
    """Return the addresses that the page asked for, those of sockets too, without data: addresses."""
    addresses = []
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            addresses.append(message["params"]["request"]["url"])
        elif message["method"] == "Network.webSocketCreated":
            addresses.append(message["params"]["url"])
    return [address for address in addresses if not address.startswith(("data:", "blob:"))]


def console_errors(driver: Any) -> list[str]:
    """Return the errors of the console, among them all that could not be loaded."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def broken_images(driver: Any) -> list[str]:
    """Return the sources of the images that are not loaded, or not yet."""
    script = "return [...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src.slice(0, 200))"
    return driver.execute_script(script)


def load_images(driver: Any) -> None:
    """Scroll through the page until every image is loaded."""
    script = """const late = [...document.images].filter(i => !i.complete || !i.naturalWidth);
        if (late.length) late[0].scrollIntoView();
        return late.length == 0"""
    wait_for(lambda: driver.execute_script(script))


def wait_for(condition: Callable[[], Any], seconds: float = 180) -> Any:
    """Call it until it returns something true, and return that. Fail after so many seconds."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not so after {seconds} seconds, last {value!r}"
        time.sleep(0.1)
    return value

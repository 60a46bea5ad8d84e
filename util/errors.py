"""One clear line for what the user can cure, a traceback for what only a developer can."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """Something the person at the keyboard can put right; its text names the flag or file and the cure."""


def run(main: Callable[[], None]) -> None:
    """Call `main`; a UserError or OSError ends the program with its one line on stderr and exit status 1."""
    try:
        main()
    except UserError as error:
        # A loader worker wraps the text in its own traceback; the last line is the message.
        message = str(error).strip().splitlines()[-1].removeprefix("util.errors.UserError: ")
        sys.exit(f"error: {message}")
    except OSError as error:  # a full disk, a folder that may not be written: its text names the file
        sys.exit(f"error: {error}")

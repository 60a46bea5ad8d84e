"""One line for what the user can fix, a traceback for what only a developer can."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """Something the user can fix. The text names the flag or file, the value, and what to do."""


class UsageError(UserError):
    """A wrong flag, or a wrong value of one."""


def first_line(error: Exception) -> str:
    """Return the first line of an error of a library, for a message of ours."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def run(main: Callable[[], None]) -> None:
    """Call `main`. An error of the user's ends the program with one line on stderr.

    The exit code is 2 for a UsageError, 1 for any other UserError and for an OSError, 130 for Ctrl-C.
    """
    try:
        main()
    except UserError as error:
        # A loader worker wraps the text in its own traceback; the last line is the message.
        message = str(error).strip().splitlines()[-1].removeprefix(f"{__name__}.{type(error).__name__}: ")
        print(f"error: {message}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except OSError as error:  # a full disk, a folder that may not be written: its text names the file
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("error: stopped by Ctrl-C", file=sys.stderr)
        sys.exit(130)

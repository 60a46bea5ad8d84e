"""What ends a program ends it with one line, and with the exit code of its kind."""

import pytest

from tests.helpers.launch import refusal
from util.errors import UsageError, UserError


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UsageError("--a b: expected c"), 2, "error: --a b: expected c\n"),
        (UserError("no file a"), 1, "error: no file a\n"),
        (OSError(28, "No space left on device", "a"), 1, "error: [Errno 28] No space left on device: 'a'\n"),
        (KeyboardInterrupt(), 130, "error: stopped by Ctrl-C\n"),
    ],
)
def test_error_is_one_line(error, code, says):
    def main():
        raise error

    assert refusal(main, "", code) == says

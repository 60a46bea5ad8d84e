"""Programs called inside the test, which saves the seconds in which a new process imports torch."""

import shlex
import sys
from collections.abc import Callable

import pytest

from util.errors import UsageError, UserError


@pytest.fixture
def call(monkeypatch) -> Callable[[Callable, str], None]:
    """Call a main function with a command line."""

    def call_main(main: Callable[[], None], arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", ["program", *shlex.split(arguments)])
        main()

    return call_main


@pytest.fixture
def refusal(call) -> Callable[..., str]:
    """Call a main function with a command line that it refuses; return its message of one line."""

    def refuse(main: Callable[[], None], arguments: str, kind: type[UserError] = UsageError) -> str:
        with pytest.raises(UserError) as raised:
            call(main, arguments)
        assert raised.type is kind and "\n" not in str(raised.value)
        return str(raised.value)

    return refuse

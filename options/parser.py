"""An argument parser with one-line errors."""

import argparse
import difflib
import math
import sys
from argparse import Namespace

from util.errors import UsageError
from util.util import str2bool

_UNSET = object()


class OneLineParser(argparse.ArgumentParser):
    """argparse with one-line errors that name the flag, the value, the allowed values, and the nearest flag."""

    @classmethod
    def of_program(cls, description: str | None = None) -> "OneLineParser":
        """Return a parser whose help names the defaults, and that takes no abbreviated flags."""
        return cls(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter, allow_abbrev=False)

    def error(self, message: str) -> None:
        """Raise a UsageError instead of printing the usage."""
        raise UsageError(message.replace("argument ", "", 1).replace("\n", " "))

    def parse_known(self, argv: list[str], restored: dict[str, object]) -> Namespace:
        """Parse the flags declared so far, with restored values as defaults."""
        if "-h" in argv or "--help" in argv:  # print help only when every flag is declared
            argv = [a for a in argv if a not in ("-h", "--help")]
        return self.parse_known_args(argv, Namespace(**restored))[0]

    def typed(self, record: dict[str, object]) -> dict[str, object]:
        """Return the part of a record that this parser has flags for, with text converted to values.

        Raises:
            UsageError: for a value that a flag does not take.
        """
        actions = {action.dest: action for action in self._actions}
        return {name: self._value(actions[name], value) for name, value in record.items() if name in actions}

    def _value(self, action: argparse.Action, value: object) -> object:
        if value == action.default or value == str(action.default):  # None and inf, which no type can parse
            return action.default
        if isinstance(value, str):
            kind = str2bool if isinstance(action.default, bool) else action.type or str
            try:
                value = [kind(word) for word in value.strip("[]").split(",")] if action.nargs == 2 else kind(value)
            except (ValueError, argparse.ArgumentTypeError):
                raise UsageError(f"{action.option_strings[0]} {value}: not a value of this flag") from None
        elif not _has_type(value, action):
            raise UsageError(f"{action.option_strings[0]} {value}: not a value of this flag")
        if action.choices and value not in action.choices:
            allowed = ", ".join(map(str, action.choices))
            raise UsageError(f"{action.option_strings[0]} {value} is not available here, only {allowed}")
        return value

    def check_unknown(self, argv: list[str]) -> None:
        """Raise a UsageError for the first argument that no flag takes."""
        _, unknown = self.parse_known_args(argv)
        if not unknown:
            return
        word = unknown[0]
        if not word.startswith("--"):
            raise UsageError(f"unexpected argument '{word}': values follow a flag, as in --name VALUE")
        flag = word.split("=")[0]
        near = difflib.get_close_matches(flag, self._option_string_actions, n=1, cutoff=0.5)
        hint = f"; the nearest is {near[0]}" if near else ""
        raise UsageError(f"unknown flag {flag}{hint} (python {sys.argv[0] or 'train.py'} --help lists all)")


def _has_type(value: object, action: argparse.Action) -> bool:
    """Return True if a value of a record, which is not text, has the type of a flag's values."""
    if action.nargs == 2:
        return isinstance(value, (list, tuple)) and len(value) == 2 and all(_is_number(each) for each in value)
    if isinstance(action.default, bool):
        return isinstance(value, bool)
    if action.type is int:
        return _is_number(value) and value in (int(value), math.inf)
    return action.type not in (None, str2bool) and _is_number(value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)


def explicit_flags(parser: argparse.ArgumentParser, argv: list[str]) -> dict[str, object]:
    """Return only the options given on the command line."""
    dests = vars(parser.parse_args([]))
    given = parser.parse_args(argv, Namespace(**dict.fromkeys(dests, _UNSET)))
    return {dest: value for dest, value in vars(given).items() if value is not _UNSET}

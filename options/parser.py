"""An argument parser whose every complaint is one line."""

import argparse
import difflib
import sys
from argparse import Namespace

from util.errors import UserError

_UNSET = object()


class OneLineParser(argparse.ArgumentParser):
    """argparse with one-line errors that name the flag, the value, what is allowed, and the nearest flag."""

    def error(self, message: str) -> None:
        """Raise a UserError instead of printing the usage."""
        raise UserError(message.replace("argument ", "", 1).replace("\n", " "))

    def parse_known(self, argv: list[str], restored: dict[str, object]) -> Namespace:
        """Parse what is declared so far, with restored values as defaults."""
        if "-h" in argv or "--help" in argv:  # help waits until every flag is declared
            argv = [a for a in argv if a not in ("-h", "--help")]
        return self.parse_known_args(argv, Namespace(**restored))[0]

    def check_unknown(self, argv: list[str]) -> None:
        """Raise a UserError for the first argument that no flag takes."""
        _, unknown = self.parse_known_args(argv)
        if not unknown:
            return
        word = unknown[0]
        if not word.startswith("--"):
            raise UserError(f"unexpected argument '{word}': values follow a flag, as in --name VALUE")
        flag = word.split("=")[0]
        near = difflib.get_close_matches(flag, self._option_string_actions, n=1, cutoff=0.5)
        hint = f"; the nearest is {near[0]}" if near else ""
        raise UserError(f"unknown flag {flag}{hint} (python {sys.argv[0] or 'train.py'} --help lists all)")


def explicit_flags(parser: argparse.ArgumentParser, argv: list[str]) -> dict[str, object]:
    """Return only the options that the command line itself gives."""
    dests = vars(parser.parse_args([]))
    given = parser.parse_args(argv, Namespace(**dict.fromkeys(dests, _UNSET)))
    return {dest: value for dest, value in vars(given).items() if value is not _UNSET}

"""Our programs: called inside the test, which saves importing torch again, or as processes of one thread each."""

import io
import os
import runpy
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from unittest import mock

from util import errors

ROOT = Path(__file__).parents[2]
OURS = {"train.py", "test.py", "evaluate.py", "colorize.py", "export.py", "app.py"}
TORCHRUN = "-m torch.distributed.run --standalone --nproc_per_node"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)  # whose handlers our programs replace
Done = subprocess.CompletedProcess


def start(command: str | list, cwd: Path = ROOT, **environment: str) -> subprocess.Popen:
    """Start python with this command line: text, or a list of words of any type. stdout and stderr are text pipes."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **environment}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # A test run in the background ignores Ctrl-C, and would pass that on.
    heed = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen([sys.executable, *_words(command)], cwd=cwd, env=environment, preexec_fn=heed, **pipes)


def run(command: str | list, code: int = 0, cwd: Path | None = None, **environment: str) -> Done:
    """Run python to its end, which must be this exit code.

    Our programs are called inside the test unless they get a folder or an environment.
    """
    program, *arguments = _words(command)
    if program in OURS and cwd is None and not environment:
        return _call(partial(runpy.run_path, str(ROOT / program), run_name="__main__"), program, arguments, code)
    with start(command, cwd or ROOT, **environment) as process:
        stdout, stderr = process.communicate()
    return _checked(Done(process.args, process.returncode, stdout, stderr), code)


def call(main: Callable[[], None], arguments: str | list = "", code: int = 0) -> Done:
    """Call the main function of a program with these arguments; it must end with this exit code."""
    return _call(partial(errors.run, main), "program", _words(arguments), code)


def output_of(command: str | list, cwd: Path | None = None, **environment: str) -> str:
    """Run python, which must succeed; return what it printed."""
    return run(command, 0, cwd, **environment).stdout


def error_of(command: str | list, code: int = 1, cwd: Path | None = None, **environment: str) -> str:
    """Run python, which must end with this exit code and one line on stderr; return that line."""
    return _error(run(command, code, cwd, **environment))


def refusal(main: Callable[[], None], arguments: str | list, code: int = 2) -> str:
    """Call a main function, which must end with this exit code and one line on stderr; return that line."""
    return _error(call(main, arguments, code))


def _words(command: str | list) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else list(map(str, command))


def _call(program: Callable[[], object], name: str, arguments: list[str], code: int) -> Done:
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    out, err, ended = io.StringIO(), io.StringIO(), None
    with mock.patch("sys.argv", [name, *arguments]), redirect_stdout(out), redirect_stderr(err):
        try:
            program()
        except SystemExit as end:
            ended = end.code
        finally:
            if sys.stdout is not out:  # --quiet has opened another one
                sys.stdout.close()
            for number, handler in handlers.items():
                signal.signal(number, handler)
    if isinstance(ended, str):  # python would print it
        print(ended, file=err)
    done = Done([name, *arguments], 1 if isinstance(ended, str) else ended or 0, out.getvalue(), err.getvalue())
    return _checked(done, code)


def _checked(done: Done, code: int) -> Done:
    outputs = f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert done.returncode == code, f"{done.args}: exit code {done.returncode}\n{outputs}"
    return done


def _error(done: Done) -> str:
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("error: "), done.stderr
    return done.stderr

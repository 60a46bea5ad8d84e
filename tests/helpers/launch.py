"""train.py, test.py and evaluate.py as processes of their own, one thread each."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TORCHRUN = "-m torch.distributed.run --standalone --nproc_per_node"


def start(command: str | list, cwd: Path = ROOT, **environment: str) -> subprocess.Popen:
    """Start python with this command line: text, or a list of words of any type. stdout and stderr are text pipes."""
    words = shlex.split(command) if isinstance(command, str) else map(str, command)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **environment}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *words], cwd=cwd, env=environment, **pipes)


def run(command: str | list, code: int = 0, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess:
    """Run python to its end, which must be this exit code."""
    with start(command, cwd, **environment) as process:
        stdout, stderr = process.communicate()
    assert process.returncode == code, f"exit code {process.returncode}\n{stdout[-2000:]}\n{stderr[-4000:]}"
    return subprocess.CompletedProcess(process.args, code, stdout, stderr)


def output_of(command: str | list, cwd: Path = ROOT, **environment: str) -> str:
    """Run python, which must succeed; return what it printed."""
    return run(command, 0, cwd, **environment).stdout


def error_of(command: str | list, code: int = 1, cwd: Path = ROOT, **environment: str) -> str:
    """Run python, which must end with this exit code and one line on stderr; return that line."""
    stderr = run(command, code, cwd, **environment).stderr
    assert stderr.count("\n") == 1 and stderr.startswith("error: "), stderr
    return stderr

# Sourced by the other scripts: sets PYTHON to the active virtual environment's python, or to that of a new .venv.
if [ -n "${VIRTUAL_ENV:-}" ]; then
    PYTHON="$VIRTUAL_ENV/bin/python"
elif [ -n "${CONDA_PREFIX:-}" ]; then
    PYTHON="$CONDA_PREFIX/bin/python"
else
    [ -x .venv/bin/python ] || python3 -m venv .venv
    PYTHON="$PWD/.venv/bin/python"
fi

# Sourced by the other scripts in the root of the repository. Sets PYTHON to the python of the active virtual
# environment, or of a new .venv, and lets every python find our packages.
if [ -n "${VIRTUAL_ENV:-}" ]; then
    PYTHON="$VIRTUAL_ENV/bin/python"
elif [ -n "${CONDA_PREFIX:-}" ]; then
    PYTHON="$CONDA_PREFIX/bin/python"
else
    [ -x .venv/bin/python ] || python3 -m venv .venv
    PYTHON="$PWD/.venv/bin/python"
fi
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"

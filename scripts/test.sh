#!/usr/bin/env bash
# Install what tests need, then lint and test: scripts/test.sh [--install-browser] [PYTEST ARGUMENT...]
# Under CI (the environment variable), the browser is installed without being asked for; if that fails, its tests are
# skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --install-browser ]; then
    shift
    scripts/install_browser.sh
elif [ -n "${CI:-}" ]; then
    scripts/install_browser.sh || echo "no browser was installed: its tests will be skipped"
fi
scripts/install.sh test,monitor
. scripts/lib/environment.sh
"$PYTHON" -m ruff check .
"$PYTHON" -m ruff format --check .
export OMP_NUM_THREADS=1 # tests run side by side, each on one core
"$PYTHON" -m pytest -n auto --dist worksteal "$@"

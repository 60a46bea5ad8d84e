#!/usr/bin/env bash
# Install ColorCUT's dependencies, visdom included: scripts/install.sh [EXTRA,...]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh
extras=${1:-monitor}
# pip before 25.3 hands PIP_CONSTRAINT to builds; from then on it is PIP_BUILD_CONSTRAINT.
export PIP_CONSTRAINT="$PWD/scripts/constraints.txt" PIP_BUILD_CONSTRAINT="$PWD/scripts/constraints.txt"
"$PYTHON" -m pip install --quiet -e ".[$extras]"
case ",$extras," in
*,monitor,* | *,dev,*) "$PYTHON" scripts/fetch_monitor_assets.py || true ;; # only visdom's page needs it, and it said so
esac

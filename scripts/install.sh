#!/usr/bin/env bash
# Install ColorCUT's dependencies, visdom included: scripts/install.sh [EXTRA,...]
set -euo pipefail
if [ $# -gt 1 ] || [[ ${1:-} == -* ]]; then
    echo "error: unexpected argument ${2:-$1}; usage: $0 [EXTRA,...]" >&2
    exit 2
fi
cd "$(dirname "$0")/.."
. scripts/lib/environment.sh
extras=${1:-monitor}
# pip before 25.3 hands PIP_CONSTRAINT to builds; from then on it is PIP_BUILD_CONSTRAINT.
export PIP_CONSTRAINT="$PWD/scripts/constraints.txt" PIP_BUILD_CONSTRAINT="$PWD/scripts/constraints.txt"
"$PYTHON" -m pip install --quiet -e ".[$extras]"
case ",$extras," in
    # Only visdom's page needs these files. If they cannot be fetched, fetch_assets.py says so.
    *,monitor,* | *,dev,*) "$PYTHON" scripts/monitor/fetch_assets.py || true ;;
esac

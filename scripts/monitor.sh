#!/usr/bin/env bash
# Serve visdom's page, to be opened in a browser: scripts/monitor.sh [--port 8097] [--username NAME] [--env_path DIR]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/environment.sh
exec "$PYTHON" scripts/monitor/serve.py "$@"

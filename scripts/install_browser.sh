#!/usr/bin/env bash
# Install what the tests in a browser need and the machine lacks, from Debian's packages: scripts/install_browser.sh
set -euo pipefail
[ $# = 0 ] || { echo "error: unexpected argument $1; usage: $0" >&2; exit 2; }
packages=()
command -v chromium >/dev/null || packages+=(chromium)
command -v chromedriver >/dev/null || packages+=(chromium-driver)
command -v npm >/dev/null || packages+=(npm)
[ ${#packages[@]} -gt 0 ] || exit 0
command -v apt-get >/dev/null || { echo "error: no apt-get to install ${packages[*]} with" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "error: installing ${packages[*]} needs root" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --no-install-recommends "${packages[@]}" >/dev/null

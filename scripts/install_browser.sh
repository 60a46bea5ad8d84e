#!/usr/bin/env bash
# Install what the browser's tests need, where it is absent, from Debian's packages: scripts/install_browser.sh
set -euo pipefail
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

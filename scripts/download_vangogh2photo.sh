#!/usr/bin/env bash
# Download vangogh2photo into datasets/vangogh2photo: scripts/download_vangogh2photo.sh [URL]
set -euo pipefail
[ $# -le 1 ] || { echo "error: unexpected argument $2; usage: $0 [URL]" >&2; exit 2; }
cd "$(dirname "$0")/.."
url=${1:-https://efrosgans.eecs.berkeley.edu/cyclegan/datasets/vangogh2photo.zip}
if [ -d datasets/vangogh2photo ]; then
    echo "datasets/vangogh2photo is already there"
    exit
fi
mkdir -p datasets
# --continue-at: an interrupted download continues where it stopped.
curl --fail --location --continue-at - --output datasets/vangogh2photo.zip.part "$url"
rm -rf datasets/unpacking
python3 -m zipfile -e datasets/vangogh2photo.zip.part datasets/unpacking
mv datasets/unpacking/vangogh2photo datasets/vangogh2photo
rm -r datasets/unpacking datasets/vangogh2photo.zip.part
echo "vangogh2photo is in datasets/vangogh2photo"

#!/usr/bin/env bash
# Download vangogh2photo into datasets/vangogh2photo: scripts/download_vangogh2photo.sh [URL]
set -euo pipefail
cd "$(dirname "$0")/.."
url=${1:-https://efrosgans.eecs.berkeley.edu/cyclegan/datasets/vangogh2photo.zip}
if [ -d datasets/vangogh2photo ]; then
    echo "datasets/vangogh2photo is already there"
    exit
fi
mkdir -p datasets
# -C -: an interrupted download goes on where it stopped.
curl --fail --location --continue-at - --output datasets/vangogh2photo.zip.part "$url"
rm -rf datasets/unpacking
python3 -m zipfile -e datasets/vangogh2photo.zip.part datasets/unpacking
mv datasets/unpacking/vangogh2photo datasets/vangogh2photo
rm -r datasets/unpacking datasets/vangogh2photo.zip.part
echo "vangogh2photo is in datasets/vangogh2photo"

#!/usr/bin/env bash
# Measure all rows that have been trained, with all their seeds: scripts/paper/table.sh DATAROOT [--small]
# [FLAG OF evaluate.py...]
usage="usage: $0 DATAROOT [--small] [FLAG OF evaluate.py...]"
. "$(dirname "$0")/row.sh"
. scripts/lib/environment.sh
names=()
for row in $rows; do
    runs=()
    for folder in "$checkpoints/$(run_of $row)" "$checkpoints/$(run_of $row)"_seed*; do
        ! compgen -G "$folder/latest_net_G*.pth" > /dev/null || runs+=("$(basename "$folder")")
    done
    [ ${#runs[@]} -eq 0 ] || names+=("$(IFS=, && echo "${runs[*]}")")
done
[ ${#names[@]} -gt 0 ] || {
    echo "error: no run $checkpoints/$(run_of ROW) is trained; scripts/paper/ablation.sh trains all" >&2
    exit 1
}
"$PYTHON" evaluate.py --dataroot "$data_root" --names "${names[@]}" --name "$(run_of table)" "${passed_on[@]}"

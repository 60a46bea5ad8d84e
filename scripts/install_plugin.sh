#!/usr/bin/env bash
# Put ColorCUT's plugin into a checkout of CUT, or take it out: scripts/install_plugin.sh [--force|--uninstall] CHECKOUT
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
files=(models/colorcut_model.py models/color_losses.py data/grayscale_unaligned_dataset.py)
# The plugin imports these. A folder without them is not a checkout of CUT.
needed=(train.py models/cut_model.py data/unaligned_dataset.py util/util.py options/base_options.py)
mark="Part of the plugin"
usage="usage: $0 [--force|--uninstall] CHECKOUT"

usage_error() {
    echo "error: $1" >&2
    exit 2
}

action=install force=
checkout=
for argument in "$@"; do
    case $argument in
        --force) force=1 ;;
        --uninstall) action=uninstall ;;
        -*) usage_error "unknown flag $argument; $usage" ;;
        *)
            [ -z "$checkout" ] || usage_error "unexpected argument $argument; $usage"
            checkout=$argument
            ;;
    esac
done
[ -n "$checkout" ] || usage_error "no checkout given; $usage"
[ -d "$checkout" ] || usage_error "no folder $checkout; $usage"
for file in "${needed[@]}"; do
    [ -f "$checkout/$file" ] || usage_error "$checkout is not a checkout of CUT: it has no $file"
done
[ "$(cd "$checkout" && pwd)" != "$here" ] || usage_error "$checkout is ColorCUT itself; name a checkout of CUT"

# All checks come before the first change.
for file in "${files[@]}"; do
    if [ -e "$checkout/$file" ] && ! grep -q "$mark" "$checkout/$file" && [ "$action$force" = install ]; then
        echo "error: $checkout/$file is not part of the plugin; --force overwrites it" >&2
        exit 1
    fi
done
for file in "${files[@]}"; do
    target="$checkout/$file"
    if [ "$action" = install ]; then
        if cmp -s "$here/$file" "$target"; then
            echo "unchanged  $target"
        else
            [ -e "$target" ] && verb="updated  " || verb=installed
            cp "$here/$file" "$target"
            echo "$verb  $target"
        fi
    elif [ -e "$target" ] && grep -q "$mark" "$target"; then
        rm "$target"
        echo "removed    $target"
    else
        echo "left       $target"
    fi
done

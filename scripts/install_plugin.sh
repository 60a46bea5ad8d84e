#!/usr/bin/env bash
# Put ColorCUT's plugin into a checkout of CUT, or take it out: scripts/install_plugin.sh [--force|--uninstall] CHECKOUT
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
files=(models/colorcut_model.py models/color_losses.py data/grayscale_unaligned_dataset.py)
# What the plugin stands on; a folder without these is no such checkout.
needed=(train.py models/cut_model.py data/unaligned_dataset.py util/util.py options/base_options.py)
mark="Part of the plugin"

fail() {
    echo "error: $1" >&2
    exit 1
}

action=install force=
checkout=
for argument in "$@"; do
    case $argument in
        --force) force=1 ;;
        --uninstall) action=uninstall ;;
        -*) fail "unknown flag $argument; expected --force or --uninstall" ;;
        *) checkout=$argument ;;
    esac
done
[ -n "$checkout" ] || fail "no checkout given: scripts/install_plugin.sh PATH_TO_CUT_CHECKOUT"
[ -d "$checkout" ] || fail "no folder $checkout"
for file in "${needed[@]}"; do
    [ -f "$checkout/$file" ] || fail "$checkout is no checkout of CUT: it has no $file"
done
[ "$(cd "$checkout" && pwd)" != "$here" ] || fail "$checkout is ColorCUT itself"

# Whatever stops the script, it stops before it has changed anything.
for file in "${files[@]}"; do
    if [ -e "$checkout/$file" ] && ! grep -q "$mark" "$checkout/$file" && [ -z "$force" ]; then
        [ "$action" = uninstall ] || fail "$checkout/$file is not ours; --force overwrites it"
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

"""Copy the small subset of vangogh2photo that all our figures use: make_mini.py [VANGOGH2PHOTO [MINI]].

The subset is the list vangogh2photo-mini.txt. The folders default to ./datasets/vangogh2photo and
./datasets/vangogh2photo-mini.
"""

import shutil
from pathlib import Path

from options.parser import OneLineParser
from util.errors import UserError, run


def main() -> None:
    """Copy the images of the list; a UserError if some are missing."""
    parser = OneLineParser(description=__doc__)
    parser.add_argument("source", type=Path, nargs="?", default=Path("datasets/vangogh2photo"))
    parser.add_argument("target", type=Path, nargs="?", default=Path("datasets/vangogh2photo-mini"))
    args = parser.parse_args()
    names = Path(__file__).with_name("vangogh2photo-mini.txt").read_text(encoding="utf-8").splitlines()
    # Some copies of the set have spaces and colons in names, where the list has underscores.
    files = {str(path.relative_to(args.source)): path for path in args.source.glob("*/*")}
    found = {name.replace(" ", "_").replace(":", "_"): path for name, path in files.items()}
    if missing := [name for name in names if name not in found]:
        lacks = f"{args.source} lacks {len(missing)} of {len(names)} images, the first {missing[0]}"
        raise UserError(f"{lacks}; scripts/download_vangogh2photo.sh downloads them all")
    for name in names:
        (args.target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found[name], args.target / name)
    print(f"{len(names)} images in {args.target}")


if __name__ == "__main__":
    run(main)

"""Copy the small subset of vangogh2photo that all our figures use: make_mini.py [VANGOGH2PHOTO [MINI]].

The subset is the list scripts/vangogh2photo-mini.txt. The folders default to ./datasets/vangogh2photo and
./datasets/vangogh2photo-mini.
"""

import shutil
import sys
from pathlib import Path


def main() -> None:
    """Copy, or end in one line that names what is missing."""
    folders = [Path(argument) for argument in sys.argv[1:]]
    defaults = [Path("datasets/vangogh2photo"), Path("datasets/vangogh2photo-mini")]
    source, target = folders + defaults[len(folders) :]
    names = Path(__file__).with_name("vangogh2photo-mini.txt").read_text(encoding="utf-8").splitlines()
    found = {listed_name(path.relative_to(source)): path for path in source.glob("*/*")}
    missing = [name for name in names if name not in found]
    if missing:
        sys.exit(f"error: {source} lacks {len(missing)} of {len(names)} pictures, the first {missing[0]}; "
                 "scripts/download_vangogh2photo.sh brings them all")  # fmt: skip
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found[name], target / name)
    print(f"{len(names)} pictures in {target}")


def listed_name(path: Path) -> str:
    """Return a picture's name as the list spells it: some copies of the set have spaces and colons in names."""
    return path.as_posix().replace(" ", "_").replace(":", "_")


if __name__ == "__main__":
    main()

"""The images below a folder."""

from pathlib import Path

from util.errors import UserError

_OTHER_IMAGES = {".gif", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".psd", ".svg", ".dng", ".nef", ".cr2", ".arw"}
EXTENSIONS = {".jpg", ".jpeg", ".png", ".ppm", ".pgm", ".bmp", ".tif", ".tiff", ".webp"}


def make_dataset(dir: str | Path, max_dataset_size: float = float("inf")) -> list[str]:
    """Return the paths of all images below `dir`, subfolders included, sorted.

    Raises:
        UserError: if the folder is missing or has no image; it says what is there and what was expected.
    """
    root = Path(dir)
    if not root.is_dir():
        raise UserError(f"no folder {root}: {_found(root.parent)}")
    files = walk(root)
    others = sorted(p.name for p in files if is_other_image_name(p))
    paths = sorted(str(p) for p in files if is_image_name(p))
    if others and paths:
        more = f" and {len(others) - 1} others" if len(others) > 1 else ""
        print(f"{root}: {others[0]}{more} are in formats that are not read; convert them to png")
    if not paths:
        kinds = " ".join(sorted(EXTENSIONS))
        raise UserError(f"no image in {root}: {_contents(root)}; expected files ending in {kinds}")
    return paths[: int(min(max_dataset_size, len(paths)))]


def is_image_name(path: Path) -> bool:
    """Return True for the name of an image that is read."""
    return path.suffix.lower() in EXTENSIONS


def is_other_image_name(path: Path) -> bool:
    """Return True for the name of an image in a format that is not read."""
    return path.suffix.lower() in _OTHER_IMAGES


def walk(folder: Path, above: tuple[Path, ...] = ()) -> list[Path]:
    """Return the files below a folder, those behind links to folders too, but no pipes, sockets and devices.

    Args:
        above: the real paths of the folders that led here. A link to one of them, or to a folder around it, is skipped.
    """
    # Path.rglob does not follow links to folders before Python 3.13, and datasets are often links.
    found: list[Path] = []
    here = (*above, folder.resolve())
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            real = entry.resolve()
            if not any(real == one or real in one.parents for one in here):
                found += walk(entry, here)
        elif entry.is_file() or not entry.exists():  # a link that leads nowhere is named when it is read
            found.append(entry)
    return found


def _found(parent: Path) -> str:
    if not parent.is_dir():
        return f"{parent} does not exist either"
    expected = "--dataroot should hold trainA and trainB (testA, testB to test); with --dataset_mode single, images"
    inside = [p for p in sorted(parent.iterdir()) if p.is_dir() and (p / "trainA").is_dir()]
    if inside:
        return f"trainA is one level deeper; did you mean --dataroot {inside[0]}?"
    if parent.name in {"trainA", "trainB", "testA", "testB"}:
        return f"--dataroot is one level too deep; did you mean --dataroot {parent.parent}?"
    return f"{_contents(parent)}; {expected}"


def _contents(folder: Path) -> str:
    entries = sorted(f"{p.name}/" if p.is_dir() else p.name for p in folder.iterdir())
    if not entries:
        return "it is empty"
    more = f" and {len(entries) - 5} more" if len(entries) > 5 else ""
    return f"{folder} holds {', '.join(entries[:5])}{more}"

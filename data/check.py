"""Check the images of a data root before you train: python -m data.check ./datasets/NAME [--json FILE].

It decodes every file. It lists files that are broken, empty, tiny, huge, of one tone, gray among colored ones, in color
spaces other than sRGB, or there twice; an image that is in training and in test is an error. Sizes and modes of all
images are in a table.
"""

import hashlib
import json
import os
import sys
from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms
from tqdm import tqdm

from data.image_folder import is_image_name, is_other_image_name, walk
from data.image_reader import MAX_MEGAPIXELS, opened, read_image
from options.parser import OneLineParser
from options.ranges import check_ranges
from util.errors import UsageError, UserError, run

_GRAY = 2.0  # mean distance of the channels, of 255, below which an image counts as gray
_ONE_TONE = 1.0  # standard deviation of each channel, of 255
_MOST_BITS = 16  # of 256, in which copies differ; different images differ in about a hundred
_ROWS = 1000  # that are compared with all others at once
_ERRORS = ("broken", "empty", "in training and test")  # kinds of problems that end in exit code 1


@dataclass
class Found:
    """What one file is. `problems` are by kind, with what to know about each."""

    path: str
    size: tuple[int, int] = (0, 0)
    mode: str = ""
    problems: dict[str, str] = field(default_factory=dict)
    is_gray: bool = False
    pixels: str = ""  # a digest of them
    look: str = ""  # a digest that copies of another size or quality share


def main() -> int:
    """Check the folders, print the tables, and return 1 if something must be mended."""
    opt = _options()
    root = Path(opt.dataroot)
    folders = image_folders(root)
    files = {name: sorted(path for path in walk(folder) if path.suffix) for name, folder in folders.items()}
    images = {name: [path for path in paths if is_image_name(path)] for name, paths in files.items()}
    everything = [path for paths in images.values() for path in paths]
    if not everything:
        raise UserError(f"no image in {root}")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda path: inspect(path, opt), everything)
        found = dict(
            zip(everything, tqdm(results, total=len(everything), disable=not sys.stderr.isatty()), strict=True)
        )
    by_folder = {name: [found[path] for path in paths] for name, paths in images.items()}
    for name, paths in files.items():
        by_folder[name] += [Found(str(path), problems={"not read": path.suffix.lower()})
                            for path in paths if is_other_image_name(path)]  # fmt: skip
    mark_gray(by_folder)
    mark_duplicates(by_folder)
    print(as_text(by_folder))
    if opt.json:
        content = {name: [asdict(one) for one in ones] for name, ones in by_folder.items()}
        Path(opt.json).write_text(json.dumps(content, indent=1), encoding="utf-8")
    errors = [one for ones in by_folder.values() for one in ones if any(kind in one.problems for kind in _ERRORS)]
    return 1 if errors else 0


def _options() -> Namespace:
    parser = OneLineParser.of_program(__doc__.splitlines()[0])
    add = parser.add_argument
    add("dataroot", help="the folder with trainA, trainB, testA and testB, or any folder of images")
    add("--json", metavar="FILE", help="write everything that was found")
    add("--min_side", type=int, default=64, metavar="PIXELS", help="shorter sides below it are called tiny")
    add("--max_megapixels", type=float, default=MAX_MEGAPIXELS, help="larger images are called broken, as in train.py")
    add("--slow_megapixels", type=float, default=25.0, help="larger images are called huge")
    opt = parser.parse_args()
    check_ranges(opt, {"min_side": (0, 20_000), "max_megapixels": (0.001, 10**6), "slow_megapixels": (0.001, 10**6)})
    if not Path(opt.dataroot).is_dir():
        raise UsageError(f"no folder {opt.dataroot}")
    return opt


def image_folders(root: Path) -> dict[str, Path]:
    """Return the folders of a data root by name, such as trainA; for any other folder itself."""
    names = [f"{phase}{domain}" for phase in ("train", "val", "test") for domain in ("A", "B", "")]
    found = {name: root / name for name in names if (root / name).is_dir()}
    return found or {root.name or str(root): root}


def inspect(path: Path, opt: Namespace) -> Found:
    """Return what a file is, and what is wrong with it by itself."""
    found = Found(str(path))
    try:
        if path.stat().st_size == 0:
            found.problems["empty"] = "0 bytes"
            return found
        with opened(path, opt.max_megapixels) as file:
            found.size, found.mode = file.size, file.mode
            if space := color_space(file):
                found.problems["not sRGB"] = space
        image = read_image(path, max_megapixels=opt.max_megapixels)
    except (UserError, OSError) as error:
        found.problems["broken"] = str(error).removeprefix(f"{path} ")
        return found
    values = np.asarray(image)
    small = np.asarray(image.resize((256, 256), Image.Resampling.BOX), np.float32)
    found.is_gray = bool((small.max(2) - small.min(2)).mean() < _GRAY)
    found.pixels = hashlib.sha256(values.tobytes() + str(values.shape).encode()).hexdigest()
    found.look = _look(image)
    if min(image.size) < opt.min_side:
        found.problems["tiny"] = f"{image.width}x{image.height}"
    if image.width * image.height > opt.slow_megapixels * 1e6:
        found.problems["huge"] = f"{image.width}x{image.height}"
    if small.std((0, 1)).max() < _ONE_TONE:
        found.problems["one tone"] = f"all values are near {small.mean():.0f}"
        found.look = ""  # all of them look the same
    return found


def color_space(file: Image.Image) -> str:
    """Return the name of a file's color space if it is not sRGB, which all images are taken for; else an empty text."""
    if file.mode in ("CMYK", "LAB"):
        return file.mode
    profile = file.info.get("icc_profile")
    if not profile:
        return ""
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(profile))).strip()
    except (ImageCms.PyCMSError, OSError):
        return ""
    return "" if "srgb" in name.lower() or file.mode in ("L", "LA", "I;16") else name


def _look(image: Image.Image) -> str:
    """Return a difference hash of 256 bits: which of the neighbors in a 17x16 gray copy is brighter."""
    values = np.asarray(image.convert("L").resize((17, 16), Image.Resampling.BOX), np.int16)
    return np.packbits(values[:, 1:] > values[:, :-1]).tobytes().hex()


def mark_gray(by_folder: dict[str, list[Found]]) -> None:
    """Name gray images in folders where most images are colored: as a style they teach gray."""
    for ones in by_folder.values():
        read = [one for one in ones if one.pixels]
        gray = [one for one in read if one.is_gray]
        if 2 * len(gray) < len(read):
            for one in gray:
                one.problems["gray among colored"] = one.mode


def mark_duplicates(by_folder: dict[str, list[Found]]) -> None:
    """Name images that are there twice, also in another size or quality, and those that are in training and in test."""
    images = [(name, one) for name, ones in by_folder.items() for one in ones if one.look]
    for first, second in pairs_alike([one.look for _, one in images]):
        (name, one), (other_name, other) = images[first], images[second]
        if _phase(name) != _phase(other_name):
            one.problems.setdefault("in training and test", other.path)
            other.problems.setdefault("in training and test", one.path)
        elif not {"duplicate", "looks the same"} & other.problems.keys():
            other.problems["duplicate" if one.pixels == other.pixels else "looks the same"] = one.path


def pairs_alike(looks: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of each two hashes that differ in few bits, the smaller one first."""
    if not looks:
        return
    bits = np.array([np.unpackbits(np.frombuffer(bytes.fromhex(look), np.uint8)) for look in looks], np.float32)
    signs = 2 * bits.reshape(len(looks), -1) - 1
    for start in range(0, len(looks), _ROWS):
        differing = (signs.shape[1] - signs[start : start + _ROWS] @ signs.T) / 2
        for row, column in zip(*np.nonzero(differing <= _MOST_BITS), strict=True):
            if start + row < column:
                yield start + int(row), int(column)


def _phase(folder: str) -> str:
    return "train" if folder.startswith("train") else "test"


def as_text(by_folder: dict[str, list[Found]]) -> str:
    """Return a table of the folders, then a list of the files for each kind of problem."""
    rows = [("folder", "images", "gray", "shorter side", "modes")]
    for name, ones in by_folder.items():
        read = [one for one in ones if one.pixels]
        sides = [min(one.size) for one in read]
        modes = Counter(one.mode for one in read)
        rows.append((name, str(len(read)), str(sum(one.is_gray for one in read)), _span(sides),
                     ", ".join(f"{mode} {count}" for mode, count in modes.most_common())))  # fmt: skip
    lines = _aligned(rows)
    kinds: dict[str, list[str]] = defaultdict(list)
    for ones in by_folder.values():
        for one in ones:
            for kind, note in one.problems.items():
                kinds[kind].append(f"  {one.path}: {note}")
    for kind in sorted(kinds, key=lambda kind: (kind not in _ERRORS, kind)):
        lines += ["", f"{kind}: {len(kinds[kind])}", *kinds[kind]]
    return "\n".join(lines if kinds else [*lines, "", "nothing to mend"])


def _span(sides: Sequence[int]) -> str:
    return f"{min(sides)} to {max(sides)}, median {int(np.median(sides))}" if sides else ""


def _aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


if __name__ == "__main__":
    run(main)

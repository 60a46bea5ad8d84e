"""Fetch once, with npm, what visdom's page loads beside visdom's own files: fetch_monitor_assets.py.

monitor_assets.json lists the packages, the checksum of each one's archive as npm reports it, and for each file the
page loads: its name in visdom's static folder, its name in the archive, its checksum. What is in place is not fetched.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from util.errors import UserError, run
from util.files import replacing

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / ".visdom" / "static"
PACKAGES = json.loads(Path(__file__).with_name("monitor_assets.json").read_text(encoding="utf-8"))
WITHOUT = "visdom's page stays blank and all else works; scripts/fetch_monitor_assets.py tries again"


def main() -> None:
    """Fetch the packages of missing files, and put these in place once all are there and right."""
    absent = missing()
    wanted = [name for name, package in PACKAGES.items() if absent & package["files"].keys()]
    if not wanted:
        return
    with tempfile.TemporaryDirectory() as folder:
        pack([f"{name}@{PACKAGES[name]['version']}" for name in wanted], folder)
        content = {file: data for name in wanted for file, data in extracted(name, Path(folder)).items()}
    for file, data in content.items():
        (STATIC / file).parent.mkdir(parents=True, exist_ok=True)
        with replacing(STATIC / file) as out:
            out.write(data)
    print(f"visdom's page: {len(content)} files of {len(wanted)} packages fetched")


def missing() -> set[str]:
    """Return the listed files that are not in place with the right content."""
    files = {file: entry["sha256"] for package in PACKAGES.values() for file, entry in package["files"].items()}
    return {file for file, checksum in files.items() if not right(STATIC / file, checksum)}


def right(path: Path, checksum: str) -> bool:
    """Tell if the file is there and has this sha256."""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == checksum


def pack(specs: list[str], folder: str) -> None:
    """Have npm put the archive of each NAME@VERSION into the folder."""
    npm = shutil.which("npm")
    if not npm:
        raise UserError(f"npm is not installed: {WITHOUT}")
    patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000"]  # without a network npm would try for a minute
    result = subprocess.run([npm, "pack", *patience, *specs], cwd=folder, capture_output=True, text=True)
    if result.returncode:
        raise UserError(f"nothing was fetched ({result.stderr.partition(chr(10))[0]}): {WITHOUT}")


def extracted(name: str, folder: Path) -> dict[str, bytes]:
    """Return the content of each wanted file of a package, if its archive is the very one listed."""
    package = PACKAGES[name]
    archive = folder / f"{name}-{package['version']}.tgz"
    checksum = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if checksum != package["integrity"]:
        raise UserError(f"the archive of {name} {package['version']} has a wrong checksum, nothing is put in place: "
                        f"{WITHOUT}")  # fmt: skip
    with tarfile.open(archive) as tar:
        return {file: tar.extractfile(f"package/{entry['from']}").read() for file, entry in package["files"].items()}


if __name__ == "__main__":
    run(main)

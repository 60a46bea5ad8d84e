"""Fetch what visdom's page loads beside visdom's own files, once, with npm.

assets.json lists the packages, and for each file that the page loads: its name in visdom's static folder, its name in
the package's archive, and its checksum. Only packages of missing files are fetched.
"""

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from util.errors import UserError, run
from util.files import replacing

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / ".visdom" / "static"
PACKAGES = json.loads(Path(__file__).with_name("assets.json").read_text(encoding="utf-8"))
CONSEQUENCE = "visdom's page stays blank, all else works; scripts/install.sh monitor tries again"


def main() -> None:
    """Fetch the packages of missing files; write the files once all are there and have the right checksum."""
    absent = missing()
    wanted = [name for name, package in PACKAGES.items() if absent & package["files"].keys()]
    if not wanted:
        return
    with tempfile.TemporaryDirectory() as folder:
        download([f"{name}@{PACKAGES[name]['version']}" for name in wanted], folder)
        content = {file: data for name in wanted for file, data in extract(name, Path(folder)).items()}
    for file, data in content.items():
        (STATIC / file).parent.mkdir(parents=True, exist_ok=True)
        with replacing(STATIC / file) as out:
            out.write(data)
    print(f"visdom's page: {len(content)} files of {len(wanted)} packages fetched")


def missing() -> set[str]:
    """Return the listed files that are not in place with the right content."""
    files = {file: entry["sha256"] for package in PACKAGES.values() for file, entry in package["files"].items()}
    present = {file: (STATIC / file).read_bytes() for file in files if (STATIC / file).is_file()}
    return {file for file, checksum in files.items() if file not in present or sha256(present[file]) != checksum}


def sha256(content: bytes) -> str:
    """Return the checksum that assets.json lists."""
    return hashlib.sha256(content).hexdigest()


def download(specs: list[str], folder: str) -> None:
    """Let npm put the archive of each NAME@VERSION into the folder."""
    npm = shutil.which("npm")
    if not npm:
        raise UserError(f"npm is not installed: {CONSEQUENCE}")
    retries = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000"]  # without a network npm would try for a minute
    result = subprocess.run([npm, "pack", *retries, *specs], cwd=folder, capture_output=True, text=True)
    if result.returncode:
        raise UserError(f"nothing was fetched ({result.stderr.partition(chr(10))[0]}): {CONSEQUENCE}")


def extract(name: str, folder: Path) -> dict[str, bytes]:
    """Return the content of each wanted file of a package, if it has the listed checksum."""
    version, files = PACKAGES[name]["version"], PACKAGES[name]["files"]
    with tarfile.open(folder / f"{name}-{version}.tgz") as tar:
        content = {file: tar.extractfile(f"package/{entry['from']}").read() for file, entry in files.items()}
    for file, entry in files.items():
        if sha256(content[file]) != entry["sha256"]:
            raise UserError(f"{file} of {name} {version} has a wrong checksum, no file is kept: {CONSEQUENCE}")
    return content


if __name__ == "__main__":
    run(main)

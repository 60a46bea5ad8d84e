"""Fetch what visdom's page loads beside visdom's own files, once, with npm.

assets.json lists the packages, the checksum of each package's archive as npm reports it, and for each file that the
page loads: its name in visdom's static folder, its name in the archive, and its checksum. Only files that are missing
are fetched.
"""

import base64
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
    files = {STATIC / file: entry for package in PACKAGES.values() for file, entry in package["files"].items()}
    return {
        path.relative_to(STATIC).as_posix()
        for path, entry in files.items()
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]
    }


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
    """Return the content of each wanted file of a package, if its archive has the listed checksum."""
    package = PACKAGES[name]
    archive = folder / f"{name}-{package['version']}.tgz"
    checksum = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if checksum != package["integrity"]:
        raise UserError(
            f"the archive of {name} {package['version']} has a wrong checksum, no file is kept: {CONSEQUENCE}"
        )
    with tarfile.open(archive) as tar:
        return {file: tar.extractfile(f"package/{entry['from']}").read() for file, entry in package["files"].items()}


if __name__ == "__main__":
    run(main)

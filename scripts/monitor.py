"""Serve visdom's page to this machine alone: monitor.py [--port 8097] [--username NAME] [--env_path DIR].

Nothing is downloaded: the page is made of visdom's own files and of those that fetch_monitor_assets.py fetched.
"""

import contextlib
import getpass
import io
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
from pathlib import Path

from fetch_monitor_assets import PACKAGES, ROOT, STATIC, missing
from grid import OneLineParser, positive

sys.path.insert(0, str(ROOT))
from util.errors import UserError, run

ADDRESS = f"""visdom: http://localhost:{{0}} (Ctrl-C ends it)
from another machine: ssh -N -L {{0}}:localhost:{{0}} USER@{socket.gethostname()}"""


def main() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    parser = OneLineParser(description=__doc__)
    parser.add_argument("--port", type=positive, default=8097)
    parser.add_argument("--username", help="let in who knows the password, VISDOM_PASSWORD or asked for")
    parser.add_argument("--env_path", type=Path, default=ROOT / ".visdom" / "environments", help="saved environments")
    args = parser.parse_args()
    try:
        from tornado.ioloop import IOLoop
        from visdom.server import app, run_server
    except ImportError:
        raise UserError("visdom is not installed; scripts/install.sh monitor brings it") from None

    check_port(args.port)
    args.env_path.mkdir(parents=True, exist_ok=True)
    # Names of its own module, where the server looks its settings up; autoreload would start it anew, password and
    # all, whenever one of its sources is touched.
    app.tornado_settings |= {"static_path": static_files(app.get_visdom_path("static")), "autoreload": False}
    app.DEFAULT_ENV_PATH = f"{args.env_path}/"
    credential = login(args.username, args.env_path / "COOKIE_SECRET") if args.username else None

    # A signal lets the request at hand finish, which may be writing an environment to disk.
    loop = IOLoop.current().asyncio_loop
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(loop.stop))
    logging.disable()
    out = sys.stdout
    with contextlib.redirect_stdout(io.StringIO()):
        run_server.start_server(port=args.port, base_url="", hostname="127.0.0.1", bind_local=True,
                                env_path=str(args.env_path), user_credential=credential,
                                print_func=lambda port: print(ADDRESS.format(port), file=out, flush=True))  # fmt: skip


def check_port(port: int) -> None:
    """End in one line if nothing can listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise UserError(f"port {port} is taken or not to be had ({error}); choose another with --port N") from None


def static_files(own: str) -> str:
    """Return the folder with all the page loads: copy visdom's own files beside the fetched ones."""
    fetched = {Path(file).name for package in PACKAGES.values() for file in package["files"]}
    ignored = shutil.ignore_patterns("*.html", "*.map", *fetched)  # visdom's own downloads have the same names
    shutil.copytree(own, STATIC, dirs_exist_ok=True, ignore=ignored)
    absent = missing()
    if absent:
        print(f"warning: visdom's page stays blank, it lacks {len(absent)} files, the first {min(absent)}; runs can "
              "draw; scripts/fetch_monitor_assets.py fetches the files", file=sys.stderr)  # fmt: skip
    return str(STATIC)


def login(username: str, secret: Path) -> dict[str, str]:
    """Return what the server compares a login with, and see to the key that signs its cookies."""
    from visdom.utils.server_utils import hash_password

    password = os.environ.get("VISDOM_PASSWORD")
    if not password and sys.stdin.isatty():
        password = getpass.getpass(f"password for {username}: ")
    if not password:
        raise UserError("--username needs a password: set VISDOM_PASSWORD or type one")
    if not secret.exists():
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return {"username": username, "password": hash_password(hash_password(password))}


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        run(main)

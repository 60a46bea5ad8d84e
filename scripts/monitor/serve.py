"""Serve visdom's page to this machine alone: scripts/monitor.sh [--port 8097] [--username NAME] [--env_path DIR].

Nothing is downloaded: the page consists of visdom's own files and of those that fetch_assets.py fetched.
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

from options.parser import OneLineParser
from scripts.lib.arguments import positive
from scripts.monitor.fetch_assets import PACKAGES, ROOT, STATIC, missing
from util.errors import UsageError, UserError, run

ADDRESS = f"""visdom: http://localhost:{{0}} (Ctrl-C ends it)
from another machine: ssh -N -L {{0}}:localhost:{{0}} USER@{socket.gethostname()}"""


def main() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    parser = OneLineParser(description=__doc__)
    parser.add_argument("--port", type=positive, default=8097)
    parser.add_argument("--username", help="ask for a login; the password is VISDOM_PASSWORD, or typed now")
    parser.add_argument("--env_path", type=Path, default=ROOT / ".visdom" / "environments", help="saved environments")
    args = parser.parse_args()
    try:
        from tornado.ioloop import IOLoop
        from visdom.server import app, run_server
    except ImportError:
        raise UserError("visdom is not installed; scripts/install.sh monitor installs it") from None

    args.env_path.mkdir(parents=True, exist_ok=True)
    # The server reads its settings from its own module. Autoreload would restart it, and ask for the password again,
    # whenever one of its sources is touched.
    app.tornado_settings |= {"static_path": static_files(app.get_visdom_path("static")), "autoreload": False}
    app.DEFAULT_ENV_PATH = f"{args.env_path}/"
    credential = login(args.username, args.env_path / "COOKIE_SECRET") if args.username else None

    # After a signal the current request still finishes: it may be writing an environment to disk.
    loop = IOLoop.current().asyncio_loop
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(loop.stop))
    logging.disable()
    out = sys.stdout
    settings = {"base_url": "", "hostname": "127.0.0.1", "bind_local": True, "env_path": str(args.env_path)}
    settings["print_func"] = lambda port: print(ADDRESS.format(port), file=out, flush=True)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            run_server.start_server(port=args.port, user_credential=credential, **settings)
    except (OSError, OverflowError) as error:
        raise UserError(f"port {args.port} is taken or not allowed ({error}); choose another with --port N") from None


def static_files(own: str) -> str:
    """Copy visdom's own files beside the fetched ones; return the folder, which has all that the page loads."""
    fetched = {Path(file).name for package in PACKAGES.values() for file in package["files"]}
    ignored = shutil.ignore_patterns("*.html", "*.map", *fetched)  # visdom downloads files of the same names itself
    shutil.copytree(own, STATIC, dirs_exist_ok=True, ignore=ignored)
    if absent := missing():
        lacks = f"it lacks {len(absent)} files, the first {min(absent)}"
        advice = "training can still draw to it; scripts/install.sh monitor fetches the files"
        print(f"warning: visdom's page stays blank, {lacks}; {advice}", file=sys.stderr)
    return str(STATIC)


def login(username: str, secret: Path) -> dict[str, str]:
    """Return what the server compares a login with; create the key that signs its cookies if there is none."""
    from visdom.utils.server_utils import hash_password

    password = os.environ.get("VISDOM_PASSWORD")
    if not password and sys.stdin.isatty():
        password = getpass.getpass(f"password for {username}: ")
    if not password:
        raise UsageError("--username needs a password: set VISDOM_PASSWORD or type one")
    if not secret.exists():
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return {"username": username, "password": hash_password(hash_password(password))}


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        run(main)

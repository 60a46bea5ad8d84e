"""visdom's client, made to fail fast and in silence. Imported only where visdom is there and asked for."""

import logging
from urllib.parse import urlparse

import requests
import visdom

_SECONDS = (2, 5)  # to connect, to answer

logging.getLogger("visdom").setLevel(logging.CRITICAL)  # it would write a traceback for each call that fails


class Client(visdom.Visdom):
    """Raises ConnectionError where visdom's own client prints a traceback or waits for ever."""

    def __init__(self, server: str, port: int, env: str, username: str | None, password: str | None):
        """Connect, or raise ConnectionError with the reason."""
        self._login = bool(username)
        # A proxy of the network cannot reach this machine's own ports.
        host = urlparse(server if "//" in server else f"//{server}").hostname
        self._direct = host in ("localhost", "127.0.0.1", "::1")
        super().__init__(server=server, port=port, env=env, username=username, password=password, send=True,
                         use_incoming_socket=False, raise_exceptions=True)  # fmt: skip
        if self._send({"win": ""}, endpoint="win_exists") not in ("true", "false"):
            raise ConnectionError("something else answers there")

    @property
    def session(self) -> requests.Session:
        """The connection, logged in where there is a user."""
        if self._session is None:
            session = requests.Session()
            session.trust_env = not self._direct
            if self._login:
                login = {"username": self.username, "password": self.password}
                reply = session.post(f"{self.server}:{self.port}", json=login, timeout=_SECONDS)
                if reply.status_code != requests.codes.ok:
                    raise ConnectionError("user or password refused")
            self._session = session
        return self._session

    def _handle_post(self, url: str, data: str | None = None) -> str:
        try:
            reply = self.session.post(url, data=data or {}, timeout=_SECONDS)
        except requests.ReadTimeout:
            raise ConnectionError(f"no answer within {_SECONDS[1]} s") from None
        except requests.RequestException:
            raise ConnectionError("nothing answers") from None
        if reply.status_code == 400:  # how visdom refuses whom it does not know, after a restart too
            self._session = None
            raise ConnectionError("it asks for a user and a password" if not self._login else "the login has ended")
        if not reply.ok:
            raise ConnectionError(f"something else answers there ({reply.status_code})")
        return reply.text

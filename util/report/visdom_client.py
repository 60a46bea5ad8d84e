"""A client of visdom's server that waits a few seconds at most, and that another thread can stop.

visdom's own client has no time limits. Here a request is one short connection; the messages are those that
visdom/__init__.py sends.
"""

import contextlib
import hashlib
import http.client
import io
import json
import socket
import ssl
import time
import urllib.request
from urllib.parse import urlsplit

_CONNECT_SECONDS = 2
_ANSWER_SECONDS = 5  # for the whole answer
_MAX_ANSWER = 2**22  # bytes; visdom's are short


class VisdomClient:
    """Posts messages to a server. Each failure is a ConnectionError whose text is the reason."""

    def __init__(self, server: str, port: int, username: str | None = None, password: str | None = None):
        """Look up the address of the server. That is done once, since nothing can stop a look-up that hangs.

        Raises:
            OSError, ValueError: if there is no such host.
        """
        url = urlsplit(server if "//" in server else f"http://{server}")
        self._name, self._address = url.hostname or "", f"{url.netloc}:{port}"
        self._tls = ssl.create_default_context() if url.scheme == "https" else None
        # A proxy of the network cannot reach the ports of this machine.
        direct = self._name in ("localhost", "127.0.0.1", "::1") or self._tls or urllib.request.proxy_bypass(self._name)
        proxy = urlsplit("" if direct else urllib.request.getproxies().get("http", ""))
        self._root = f"http://{self._address}/" if proxy.hostname else "/"
        host, port = (proxy.hostname, proxy.port or 80) if proxy.hostname else (self._name, port)
        self._hosts = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        hashed = hashlib.sha256((password or "").encode()).hexdigest()
        self._login = {"username": username, "password": hashed} if username else None
        self._cookie = ""
        self._socket: socket.socket | None = None
        self._stopped = False

    def stop(self) -> None:
        """End the request that another thread waits for, and refuse the next ones.

        Call it until that thread has ended: a socket that is not connected yet cannot be shut down.
        """
        self._stopped = True
        if sock := self._socket:
            with contextlib.suppress(OSError):  # it was closed just now
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def check(self) -> None:
        """Raise ConnectionError unless a visdom server answers and accepts the login."""
        if self.post("win_exists", {"eid": "main", "win": ""}) not in (b"true", b"false"):
            raise ConnectionError("something else answers there")

    def post(self, endpoint: str, message: dict) -> bytes:
        """Send a message as JSON and return the answer. Log in before, where that is needed."""
        if self._login and not self._cookie:
            status, headers, _ = self._request("", self._login)
            if status != 200:
                raise ConnectionError("user or password refused")
            self._cookie = "; ".join(cookie.split(";")[0] for cookie in headers.get_all("Set-Cookie", []))
        status, _, answer = self._request(endpoint, message)
        if status == 400:  # visdom's answer to a stranger, and to everybody after it was restarted
            self._cookie = ""
            raise ConnectionError("the login has ended" if self._login else "it asks for a user and a password")
        if not 200 <= status < 300:
            raise ConnectionError(f"something else answers there ({status})")
        return answer

    def _request(self, path: str, message: dict) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Return status, headers and body of the answer."""
        body = json.dumps(message).encode()
        head = [f"POST {self._root}{path} HTTP/1.0", f"Host: {self._address}", f"Content-Length: {len(body)}"]
        head += ["Content-Type: application/json", f"Cookie: {self._cookie}"]
        try:
            answer = self._exchange("\r\n".join([*head, "", ""]).encode() + body)
        except TimeoutError:
            raise ConnectionError(f"no answer within {_ANSWER_SECONDS} s") from None
        except OSError:
            raise ConnectionError("nothing answers") from None
        try:
            file = io.BytesIO(answer)
            status = int(file.readline().removeprefix(b"HTTP/").split()[1])
            return status, http.client.parse_headers(file), file.read()
        except (ValueError, IndexError, http.client.HTTPException):
            raise ConnectionError("something else answers there" if answer else "nothing answers") from None

    def _exchange(self, request: bytes) -> bytes:
        """Return all that the server sends until it closes the connection, as HTTP/1.0 ends an answer."""
        with self._connect() as sock:
            sock.settimeout(_ANSWER_SECONDS)
            sock.sendall(request)
            answer, end = b"", time.monotonic() + _ANSWER_SECONDS
            while (left := end - time.monotonic()) > 0 and len(answer) < _MAX_ANSWER:
                sock.settimeout(left)
                part = sock.recv(65536)
                if not part:
                    return answer
                answer += part
            raise TimeoutError

    def _connect(self) -> socket.socket:
        for family, kind, protocol, _, address in self._hosts:
            sock = self._socket = socket.socket(family, kind, protocol)
            try:
                if self._stopped:
                    raise ConnectionAbortedError
                sock.settimeout(_CONNECT_SECONDS)
                sock.connect(address)
                if self._tls:
                    options = {"server_hostname": self._name, "do_handshake_on_connect": False}
                    sock = self._socket = self._tls.wrap_socket(sock, **options)
                    sock.do_handshake()
                return sock
            except OSError:
                sock.close()
        raise ConnectionRefusedError

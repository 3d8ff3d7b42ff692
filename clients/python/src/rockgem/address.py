"""Where a server is, and what to speak there."""

from __future__ import annotations

import os
import urllib.parse
from dataclasses import dataclass

DEFAULT_URL = "http://127.0.0.1:8080"

_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


@dataclass(frozen=True)
class Address:
    """A parsed URL: `http://`, `https://`, `ws://`, `wss://` or `unix:///path`.

    Attributes:
        scheme: One of the five.
        host: Name or address; empty for `unix`.
        port: TCP port; 0 for `unix`.
        path: The request target, or the socket's path for `unix`.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_unix(self) -> bool:
        return self.scheme == "unix"

    @property
    def is_websocket(self) -> bool:
        return self.scheme in ("ws", "wss")

    @property
    def is_secure(self) -> bool:
        return self.scheme in ("https", "wss")

    @property
    def keeps_connection(self) -> bool:
        """Whether a connection lives as long as the client, so that a lease can hang on it."""
        return self.is_unix or self.is_websocket

    @property
    def authority(self) -> str:
        """The `Host` of an HTTP request."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"unix://{self.path}" if self.is_unix else f"{self.scheme}://{self.authority}{self.path}"

    @classmethod
    def parse(cls, url: str | None = None) -> Address:
        """Reads `url`; without one the variable `ROCK_BASE_URL`, and without that `http://127.0.0.1:8080`.

        HTTP and WebSocket URLs name a server; `/rpc` is added to their path unless it is there already.

        Raises:
            ValueError: It is no URL of a known scheme.
        """
        url = url or os.environ.get("ROCK_BASE_URL") or DEFAULT_URL
        if url.startswith("unix:"):
            path = url.removeprefix("unix:").removeprefix("//")
            if not path.startswith("/"):
                raise ValueError(f"{url!r} names no absolute path; write unix:///run/rock.sock")
            return cls("unix", "", 0, path)
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"{url!r} is no URL of a server; write http://host:port, ws://host:port or unix:///path")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError(f"{url!r} may hold no user, query or fragment; credentials go into headers")
        target = urllib.parse.quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
        target = target if target.endswith("/rpc") else target + "/rpc"
        return cls(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], target)

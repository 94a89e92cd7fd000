"""Who may look, and what keeps other sites out of it.

Without any token everybody who reaches the address is the operator, so that is allowed on loopback only. With tokens, each
request shows one: as ``Authorization: Bearer``, or as the cookie that signing in sets. A reverse proxy that has checked the
user says so in a header of its own. Names that the dashboard does not go by are refused, which keeps out sites whose name
was bound anew to this address (DNS rebinding); whatever changes anything needs a form of ours.
"""

import hashlib
import hmac
import ipaddress
import secrets
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

__all__ = ["COOKIE", "HEADERS", "Access", "DeniedError", "ThrottledError", "Tries", "is_loopback"]

COOKIE = "eventlore"
MOST_TRIES = 20
TRIED_IN = 60.0
MOST_ADDRESSES = 1_000
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class DeniedError(PermissionError):
    """Somebody who may not look; the text says what is missing."""


class ThrottledError(DeniedError):
    """Somebody who tried too many tokens."""


class Tries:
    """Wrong tokens of late, by the address that they came from; remembers a bounded number of addresses."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, address: str) -> None:
        """Let an address try a token.

        Raises:
            ThrottledError: it tried :data:`MOST_TRIES` wrong ones within :data:`TRIED_IN` seconds.
        """
        with self._lock:
            late = [at for at in self._wrong.get(address, ()) if self._now() - at < TRIED_IN]
        if len(late) >= MOST_TRIES:
            raise ThrottledError("too many wrong tokens came from here: wait a minute")

    def wrong(self, address: str) -> None:
        """Remember a wrong token."""
        with self._lock:
            self._wrong[address] = [*self._wrong.pop(address, [])[1 - MOST_TRIES :], self._now()]
            while len(self._wrong) > MOST_ADDRESSES:
                self._wrong.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let in.

    Args:
        host: the address that the dashboard listens on.
        token: the operator's; empty: none.
        agent_tokens: agents by their tokens: who shows one sees what that agent may.
        proxy_header: a header by which a trusted reverse proxy says that it has let somebody in.
        names: further names that the dashboard goes by.
    """

    host: str
    token: str = ""
    agent_tokens: Mapping[str, str] = field(default_factory=dict)
    proxy_header: str = ""
    names: tuple[str, ...] = ()
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    tries: Tries = field(default_factory=Tries, repr=False)

    @property
    def open(self) -> bool:
        """Whether nobody has to sign in."""
        return not (self.token or self.agent_tokens or self.proxy_header)

    def knows(self, host: str) -> bool:
        """Whether a request's Host header names the dashboard: an address, a name of this machine, or one that was allowed."""
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() and not host.endswith("]") else host
        name = name.strip("[]").lower().rstrip(".")
        if _is_address(name):
            return True
        return name in {"localhost", self.host.lower(), socket.gethostname().lower(), *map(str.lower, self.names)}

    def viewer(self, request: Request) -> str | None:
        """The agent that looks; None: the operator.

        Raises:
            DeniedError: nobody who may.
        """
        if self.open or (self.proxy_header and request.headers.get(self.proxy_header, "").strip()):
            return None
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        shown = given.strip() if scheme.lower() == "bearer" else request.cookies.get(COOKIE, "")
        return self.let_in(request, shown)

    def let_in(self, request: Request, token: str) -> str | None:
        """The same of somebody who shows a token; wrong ones are counted.

        Raises:
            DeniedError: it is nobody's.
            ThrottledError: too many came from there.
        """
        address = request.client.host if request.client else ""
        if token:
            self.tries.check(address)
        try:
            return self.viewer_of(token)
        except DeniedError:
            if token:
                self.tries.wrong(address)
            raise

    def viewer_of(self, token: str) -> str | None:
        """The agent whose token this is; None: the operator's.

        Raises:
            DeniedError: it is nobody's.
        """
        if self.token and _equal(token, self.token):
            return None
        agents = [agent for one, agent in self.agent_tokens.items() if _equal(token, one)]
        if not agents:
            raise DeniedError("wrong token" if token else "")
        return agents[0]

    def stamp(self, request: Request) -> str:
        """What a form must carry that changes anything; no other site can know it."""
        return self.sealed(request.cookies.get(COOKIE, ""))

    def sealed(self, text: str) -> str:
        """What is equal for equal texts, and tells nothing else of them."""
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()

    def check_form(self, request: Request, stamp: str) -> None:
        """Whether a form is ours.

        Raises:
            DeniedError: it is not.
        """
        origin = request.headers.get("origin")
        foreign = request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
        if origin and origin.partition("://")[2] != request.headers.get("host"):
            foreign = True
        if foreign or not _equal(stamp, self.stamp(request)):
            raise DeniedError("this form is too old or not ours: load the page again")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _equal(a: str, b: str) -> bool:
    return hmac.compare_digest(a.encode(), b.encode())

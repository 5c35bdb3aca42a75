"""A token server on 127.0.0.1 (plain http, which is allowed there only): Microsoft's and Google's part in our tests.

It knows the grants that the gateway uses and is strict: a refresh token is good once, a signed request is verified, and
everything else is refused in the provider's words. It also answers Dovecot's questions about tokens (RFC 7662). A test
scripts refusals, revokes, approves a device, and reads what was asked.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from typing import Any, Self
from urllib.parse import parse_qsl

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.servers.faults import WAIT_SECONDS
from tests.servers.ports import LOOPBACK, free_port

CLIENT_ID = "11111111-2222-3333-4444-555555555555"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(kw_only=True)
class Refusal:
    """What the server says instead of a token; `times` counts down, None is for ever."""

    error: str
    description: str = ""
    status: int = 400
    times: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    path: str = ""
    """Only there, or everywhere."""


@dataclass(kw_only=True)
class _Known:
    user: str
    good_until: float
    scope: str


@dataclass(kw_only=True, eq=False)
class TokenServer:
    """The running server. `user` is whose tokens it gives; all attributes may be changed while it runs."""

    user: str = "helpdesk@example.com"
    secret: str = "the client's secret"
    life_seconds: int = 3600
    rotates: bool = True
    """Whether each refresh gives a new refresh token and kills the old one."""
    public_key: str = ""
    """The PEM that signed requests are verified with."""
    claims: dict[str, Any] | None = None
    """What stands in an access token; None: it is no JWT."""
    port: int = field(default_factory=free_port)
    requests: list[dict[str, str]] = field(default_factory=list)
    approved: bool = False
    approve_after_requests: int | None = None
    """The person enters the code when so many requests have come."""
    refusals: list[Refusal] = field(default_factory=list)
    _tokens: dict[str, _Known] = field(default_factory=dict)
    _refresh: dict[str, str] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _gate: threading.Event = field(default_factory=threading.Event)
    _server: ThreadingHTTPServer | None = None

    # --- life ---

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> Self:
        """Listen; a stopped one may start again on the same port and knows its tokens still."""
        self._gate.set()
        handler = type("Handler", (_Handler,), {"server_of_tests": self})
        self._server = _Server((LOOPBACK, self.port), handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._gate.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    # --- what a test does ---

    def refuse(self, error: str, description: str = "", **more: Any) -> None:
        """Answer every request for a token like that from now on, or `times` of them."""
        self.refusals.append(Refusal(error=error, description=description, **more))

    def accept_again(self) -> None:
        self.refusals.clear()

    def revoke(self) -> None:
        """Make every token and every login worthless, as an administrator does who revokes sessions."""
        with self._changed:
            self._tokens.clear()
            self._refresh.clear()

    def revoke_access(self) -> None:
        """Make every access token worthless; logins stay."""
        with self._changed:
            self._tokens.clear()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let whoever asks for a token wait until the end of the block."""
        self._gate.clear()
        try:
            yield
        finally:
            self._gate.set()

    def new_refresh_token(self) -> str:
        """A login that a person has made."""
        with self._changed:
            token = f"refresh.{secrets.token_urlsafe(24)}"
            self._refresh[token] = self.user
            return token

    def is_good(self, token: str, user: str) -> bool:
        """Whether a mail server should let that user in with the token."""
        known = self._tokens.get(token)
        return known is not None and known.good_until > time() and known.user == user

    def asked(self, grant: str = "") -> list[dict[str, str]]:
        """The requests for tokens so far, of one grant or of all."""
        with self._changed:
            return [one for one in self.requests if grant in ("", one.get("grant_type"))]

    def wait_for_requests(self, count: int, timeout_seconds: float = WAIT_SECONDS) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, timeout_seconds), self.requests

    # --- called by the handler ---

    def answer(self, path: str, form: dict[str, str]) -> Refusal | dict[str, Any]:
        if path == "/introspect":
            known = self._tokens.get(form.get("token", ""))
            if known is None or known.good_until <= time():
                return {"active": False}
            return {"active": True, "username": known.user, "scope": known.scope}
        with self._changed:
            self.requests.append(form)
            self._changed.notify_all()
        self._gate.wait(WAIT_SECONDS)
        with self._changed:
            for refusal in self.refusals:
                if refusal.times != 0 and refusal.path in ("", path):
                    refusal.times = None if refusal.times is None else refusal.times - 1
                    return refusal
            return self._device(form) if path == "/device" else self._token(form)

    def _device(self, form: dict[str, str]) -> Refusal | dict[str, Any]:
        if form.get("client_id") != CLIENT_ID:
            return Refusal(error="unauthorized_client", description="AADSTS700016: Application was not found.")
        place = {"user_code": "ABCD-EFGH", "verification_uri": "https://login.example.com/device"}
        return {"device_code": "device.1", "expires_in": 900, "interval": 0, **place}

    def _token(self, form: dict[str, str]) -> Refusal | dict[str, Any]:
        match form.get("grant_type"):
            case "client_credentials":
                return self._unknown_client(form) or self._new(form)
            case "refresh_token":
                user = self._refresh.get(form["refresh_token"])
                if user is None:
                    return Refusal(error="invalid_grant", description="AADSTS50173: The provided grant has expired.")
                if self.rotates:
                    del self._refresh[form["refresh_token"]]
                return self._new(form, refresh=self.rotates)
            case grant if grant == DEVICE_GRANT:
                if self.approve_after_requests is not None:
                    self.approved = len(self.requests) >= self.approve_after_requests
                if not self.approved:
                    return Refusal(error="authorization_pending", description="AADSTS70016: Pending.")
                return self._new(form, refresh=True)
            case grant if grant == JWT_GRANT:
                claims = self._verified(form["assertion"], f"{self.url}/token")
                if claims is None:
                    return Refusal(error="invalid_grant", description="Invalid JWT Signature.")
                if claims.get("sub") != self.user:
                    return Refusal(error="invalid_grant", description="Invalid email or User ID")
                return self._new({**form, "scope": claims["scope"]})
        return Refusal(error="unsupported_grant_type")

    def _unknown_client(self, form: dict[str, str]) -> Refusal | None:
        if "client_assertion" in form:
            claims = self._verified(form["client_assertion"], f"{self.url}/token")
            is_known = claims is not None and claims["sub"] == claims["iss"] == CLIENT_ID
            return None if is_known else Refusal(error="invalid_client", description="AADSTS700027: Bad signature.")
        if form.get("client_secret") != self.secret:
            return Refusal(
                error="invalid_client",
                description="AADSTS7000215: Invalid client secret provided. Trace ID: 1 Correlation ID: 2",
                status=401,
            )
        return None

    def _verified(self, assertion: str, audience: str) -> dict[str, Any] | None:
        try:
            found = jwt.decode(assertion, RSAKey.import_key(self.public_key), algorithms=["RS256", "PS256"])
        except Exception:
            return None
        claims = dict(found.claims)
        return claims if claims["aud"] == audience and time() < claims["exp"] <= time() + 3700 else None

    def _new(self, form: dict[str, str], *, refresh: bool = False) -> dict[str, Any]:
        token = f"access.{secrets.token_urlsafe(24)}"
        if self.claims is not None:
            token = jwt.encode({"alg": "HS256"}, {**self.claims, "jti": token}, _JWT_KEY)
        until = time() + self.life_seconds
        self._tokens[token] = _Known(user=self.user, good_until=until, scope=form.get("scope", ""))
        found: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "expires_in": self.life_seconds}
        if refresh:
            found["refresh_token"] = f"refresh.{secrets.token_urlsafe(24)}"
            self._refresh[found["refresh_token"]] = self.user
        return found


def _jwt_key() -> Any:
    from joserfc.jwk import OctKey

    return OctKey.import_key("a key that nobody verifies with, of enough length")


_JWT_KEY = _jwt_key()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up meanwhile is the test's business."""


class _Handler(BaseHTTPRequestHandler):
    server_of_tests: TokenServer
    # A connection that is kept would outlive its server, and answer for it to the next test's Dovecot.
    protocol_version = "HTTP/1.0"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        form = dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True))
        found = self.server_of_tests.answer(self.path, form)
        if isinstance(found, Refusal):
            body = {"error": found.error, "error_description": found.description}
            self._say(found.status, json.dumps(body).encode() if found.body is None else found.body, found.headers)
        else:
            self._say(200, json.dumps(found).encode(), {})

    def _say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Say nothing: the test's output is for the test."""

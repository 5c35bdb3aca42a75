"""The conversation with a token server: RFC 6749 grants, RFC 8628 device codes, RFC 7523 assertions, by Authlib.

Place: behind `accounts`, which says when to ask; the only module that knows HTTP. Certificates are always verified;
plain http goes to this machine only, which the settings have made sure of. Redirects are not followed, since the secret
would go along. What may fail: `NoToken`, always with the cause in plain words. Imported when the first token is
needed: its libraries take a third of a second.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import AssertionSession, OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from cryptography import x509
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from requests.adapters import HTTPAdapter

from gateway.oauth.answers import DeviceLogin, Granted, NoToken
from gateway.oauth.explain import Cause, token_refusal
from gateway.settings import Oauth

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CONNECT_SECONDS = 10

# RFC 6749 §5.1 lets a server be silent about it.
_UNTOLD_LIFE = timedelta(minutes=5)
_LONGEST_LIFE = timedelta(days=1)
_LONGEST_RETRY_AFTER = timedelta(minutes=30)
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_WAITING = frozenset({"authorization_pending", "slow_down"})
_PEM_KEY = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)


def ask(one: Oauth, *, name: str, secret: str, refresh_token: str = "") -> Granted:
    """Ask for an access token by the account's grant; raises NoToken. Never within a transaction."""
    if one.grant == "service_account":
        with _answers(one, name), _assertion_session(one) as session:
            return _granted(session.refresh_token())
    with _answers(one, name), _session(one, secret) as session:
        if one.grant == "client_credentials":
            return _granted(session.fetch_token(one.token_url, grant_type="client_credentials", **_more(one)))
        return _granted(
            session.fetch_token(one.token_url, grant_type="refresh_token", refresh_token=refresh_token, **_more(one))
        )


def begin_login(one: Oauth, *, name: str, secret: str) -> DeviceLogin:
    """Ask where and with which code a person logs in; raises NoToken."""
    data = {"client_id": one.client_id, "scope": " ".join(one.scopes)}
    with _answers(one, name), _session(one, secret) as session:
        response = session.post(one.device_url, data=data, withhold_token=True, **_QUIET)
        found = session.parse_response_token(response)
        url = found.get("verification_uri") or found["verification_url"]  # Google's older name
        return DeviceLogin(
            device_code=str(found["device_code"]),
            user_code=str(found["user_code"]),
            url=str(url),
            life=_seconds(found.get("expires_in"), timedelta(minutes=15)),
            interval=max(_seconds(found.get("interval"), timedelta(seconds=5)), timedelta(seconds=1)),
        )


def poll_login(one: Oauth, login: DeviceLogin, *, name: str, secret: str) -> Granted | None:
    """Ask whether the person is done; None where not yet. Raises NoToken; its `error` is slow_down where we hurry."""
    try:
        with _answers(one, name), _session(one, secret) as session:
            return _granted(
                session.fetch_token(one.token_url, grant_type=DEVICE_GRANT, device_code=login.device_code, **_more(one))
            )
    except NoToken as failure:
        if failure.error == "authorization_pending":
            return None
        raise


_QUIET: dict[str, Any] = {"allow_redirects": False}


def _more(one: Oauth) -> dict[str, Any]:
    # Microsoft wants to read who signs beside the signature; Authlib only writes it into the signature.
    return _QUIET | ({"client_id": one.client_id} if one.certificate_file is not None else {})


@contextmanager
def _session(one: Oauth, secret: str) -> Iterator[Any]:
    method = "none"
    if one.certificate_file is not None:
        method, secret = "private_key_jwt", _read(one.certificate_file, "certificate_file")
    elif secret:
        method = "client_secret_post"
    with OAuth2Session(
        client_id=one.client_id,
        client_secret=_app_key(secret, one) if method == "private_key_jwt" else secret,
        token_endpoint_auth_method=method,
        scope=" ".join(one.scopes) or None,
        default_timeout=(CONNECT_SECONDS, one.timeout_seconds),
    ) as session:
        if method == "private_key_jwt":
            # Microsoft wants to know which certificate, by its SHA-256 (RFC 7515 §4.1.8).
            headers = {"typ": "JWT", "x5t#S256": _thumbprint(secret)}
            session.register_client_auth_method(PrivateKeyJWT(one.token_url, headers=headers, alg="PS256"))
        _prepare(session, one)
        yield session


@contextmanager
def _assertion_session(one: Oauth) -> Iterator[Any]:
    assert one.service_account_file is not None
    key = _service_account(one.service_account_file)
    with AssertionSession(
        token_endpoint=one.token_url,
        issuer=key["client_email"],
        subject=one.account,
        audience=one.token_url,
        grant_type=AssertionSession.JWT_BEARER_GRANT_TYPE,
        claims={"scope": " ".join(one.scopes)},
        key=_signing_key(key["private_key"], one.service_account_file),
        header={"alg": "RS256", "kid": key["private_key_id"]},
        default_timeout=(CONNECT_SECONDS, one.timeout_seconds),
    ) as session:
        session.max_redirects = 0
        _prepare(session, one)
        yield session


def _prepare(session: Any, one: Oauth) -> None:
    session.mount("https://", _Verifying())
    # A netrc file of the service's user must not sign our requests; proxies of the environment are used.
    session.auth = _unsigned
    if one.ca_file is not None:
        session.verify = str(one.ca_file)
        # The environment's bundle would win over ours.
        session.proxies = requests.utils.get_environ_proxies(one.token_url)
        session.trust_env = False


def _unsigned(request: Any) -> Any:
    return request


class _Verifying(HTTPAdapter):
    """Trust what the machine trusts (a company's own authority too), besides what comes with requests."""

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if verify is True:
            pool["ssl_context"] = ssl.create_default_context()
        return host, pool


@contextmanager
def _answers(one: Oauth, name: str) -> Iterator[None]:
    """Turn everything that the server, the network or a key file can do into NoToken."""
    host = one.token_url.partition("://")[2].partition("/")[0]
    try:
        yield
    except AuthlibBaseError as error:
        said, description = str(error.error or ""), str(error.description or "")
        cause = token_refusal(error=said, description=description, name=name, account=one.account, grant=one.grant)
        raise NoToken(cause, error=said if said in _WAITING else "") from error
    except requests.exceptions.SSLError as error:
        text = f"the certificate of {host} is not good"
        raise NoToken(Cause(text=text, hint="set ca_file to the authority that signed it")) from error
    except requests.HTTPError as error:
        response = error.response
        assert response is not None
        busy = response.status_code >= 500 or response.status_code == 429
        cause = Cause(text=f"{host} answers with HTTP {response.status_code}", is_ours=not busy)
        raise NoToken(cause, retry_after=_retry_after(response)) from error
    except requests.RequestException as error:
        raise NoToken(Cause(text=f"{host} can't be reached: {_why(error)}", is_ours=False)) from error
    except _KeyFile as error:
        raise NoToken(error.cause) from error
    except JoseError as error:
        raise NoToken(Cause(text=f"the key can't sign: {type(error).__name__}", hint="make a new key")) from error
    except (ValueError, TypeError, LookupError) as error:
        # A page in HTML, a redirect, JSON without a token.
        raise NoToken(Cause(text=f"{host} gives no token and no reason", hint="compare token_url")) from error


class _KeyFile(Exception):
    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.text)
        self.cause = cause


def _granted(found: Any) -> Granted:
    access, refresh = found["access_token"], found.get("refresh_token") or ""
    # It is written into the login's one line, between octets that separate.
    if not isinstance(access, str) or not _TOKEN.fullmatch(access):
        raise ValueError("the access token is none")
    if refresh and not (isinstance(refresh, str) and _TOKEN.fullmatch(refresh)):
        raise ValueError("the refresh token is none")
    return Granted(access_token=access, life=_seconds(found.get("expires_in"), _UNTOLD_LIFE), refresh_token=refresh)


def _seconds(value: object, default: timedelta) -> timedelta:
    text = str(value)
    if not text.isascii() or not text.isdigit():
        return default
    return min(timedelta(seconds=min(int(text[:9]), 10**8)), _LONGEST_LIFE)


def _retry_after(response: Any) -> timedelta | None:
    value = response.headers.get("Retry-After", "")
    return min(timedelta(seconds=int(value[:6])), _LONGEST_RETRY_AFTER) if value.isascii() and value.isdigit() else None


def _why(error: BaseException) -> str:
    """The innermost words about a connection that failed: requests wraps them in its own objects' names."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    inner: BaseException | None = error
    for _ in range(8):
        if inner is None or (isinstance(inner, OSError) and inner.strerror):
            break
        inner = inner.__cause__ or inner.__context__
    return inner.strerror if isinstance(inner, OSError) and inner.strerror else type(error).__name__


def _read(path: Path, key: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise _KeyFile(Cause(text=f"{key} {path} can't be read: {reason}")) from error


def _app_key(pem: str, one: Oauth) -> Any:
    assert one.certificate_file is not None
    found = _PEM_KEY.search(pem)
    if found is None:
        hint = "put the RSA key and the certificate, both in PEM, into the one file"
        raise _KeyFile(Cause(text="certificate_file has no private key in it", hint=hint))
    return _signing_key(found[0], one.certificate_file)


def _signing_key(pem: str, path: Path) -> Any:
    try:
        return RSAKey.import_key(pem)
    except (ValueError, TypeError, JoseError) as error:
        raise _KeyFile(Cause(text=f"the key in {path} is no RSA key without a password")) from error


def _thumbprint(pem: str) -> str:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        hint = "put the RSA key and the certificate, both in PEM, into the one file"
        raise _KeyFile(Cause(text="certificate_file has no certificate in it", hint=hint)) from error
    from cryptography.hazmat.primitives.serialization import Encoding

    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _service_account(path: Path) -> dict[str, str]:
    try:
        found = json.loads(_read(path, "service_account_file"))
        key = {name: found[name] for name in ("client_email", "private_key", "private_key_id")}
    except (ValueError, TypeError, LookupError) as error:
        text = f"service_account_file {path} is no JSON key of a service account"
        raise _KeyFile(
            Cause(text=text, hint="Google Cloud console, the service account, Keys, Add key, JSON")
        ) from error
    return key

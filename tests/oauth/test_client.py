"""What is said to a token server, and what becomes of all that it may answer."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.oauth.answers import NoToken
from gateway.oauth.client import ask, begin_login, poll_login
from gateway.settings import Oauth
from tests.oauth.house import ADDRESS, oauth_of
from tests.servers.certificates import Certificates
from tests.servers.ports import free_port
from tests.servers.require import server_or_skip
from tests.servers.token_server import TokenServer


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer() as running:
        yield running


@pytest.fixture(scope="module")
def key_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A PEM with an RSA key and its certificate, and the public key."""
    openssl = server_or_skip("openssl")["openssl"]
    folder = tmp_path_factory.mktemp("keys")

    def run(*arguments: str) -> str:
        return subprocess.run(
            [openssl, *arguments], cwd=folder, check=True, capture_output=True, text=True, timeout=60
        ).stdout

    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k", "-out", "c", "-subj", "/CN=desk")
    both = folder / "both.pem"
    both.write_text((folder / "k").read_text() + (folder / "c").read_text())
    return both, run("x509", "-in", "c", "-noout", "-pubkey")


def refusal_of(settings: Oauth, **more: Any) -> NoToken:
    with pytest.raises(NoToken) as refused:
        ask(settings, name="m365", secret=more.pop("secret", "x"), **more)
    return refused.value


def service_account(folder: Path, private_key: str) -> Path:
    path = folder / "key.json"
    key = {"type": "service_account", "client_email": "gw@project.example", "private_key_id": "1"}
    path.write_text(json.dumps({**key, "private_key": private_key}))
    return path


def google(server: TokenServer, file: Path, **more: Any) -> Oauth:
    settings: dict[str, Any] = {"provider": "google", "grant": "service_account", "service_account_file": file}
    return oauth_of(server, **settings, scopes=("https://mail.google.com/",), **more)


@pytest.mark.parametrize("secret", ["the client's secret", "a+b/c=d%20&e", "ü~8Q€", "x" * 500])
def test_a_secret_arrives_as_it_is(server: TokenServer, secret: str) -> None:
    server.secret = secret
    granted = ask(oauth_of(server), name="m365", secret=secret)
    assert granted.life == timedelta(hours=1)
    assert server.is_good(granted.access_token, ADDRESS)


def test_a_certificate_signs_instead_of_a_secret(server: TokenServer, key_pair: tuple[Path, str]) -> None:
    file, server.public_key = key_pair
    granted = ask(oauth_of(server, client_secret="", certificate_file=file), name="m365", secret="")
    assert server.is_good(granted.access_token, ADDRESS)
    [form] = server.asked()
    assert "client_secret" not in form
    assert form["client_id"]


def test_another_certificate_is_refused(server: TokenServer, key_pair: tuple[Path, str]) -> None:
    file, public_key = key_pair
    server.public_key = public_key.replace("A", "B", 1)
    failure = refusal_of(oauth_of(server, client_secret="", certificate_file=file), secret="")
    assert "does not know this certificate" in failure.cause.text


def test_a_service_account_acts_in_the_name_of_the_mailbox(
    server: TokenServer, key_pair: tuple[Path, str], tmp_path: Path
) -> None:
    file, server.public_key = key_pair
    granted = ask(google(server, service_account(tmp_path, file.read_text())), name="google", secret="")
    assert server.is_good(granted.access_token, ADDRESS)


def test_a_service_account_without_delegation_is_told_where_to_delegate(
    server: TokenServer, key_pair: tuple[Path, str], tmp_path: Path
) -> None:
    words = "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of"
    server.refuse("unauthorized_client", f"{words} the scopes requested.", status=401)
    failure = refusal_of(google(server, service_account(tmp_path, key_pair[0].read_text())), secret="")
    assert "not delegated" in failure.cause.text
    assert "Domain-wide delegation" in failure.cause.hint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "can't be read: No such file"),
        ("{", "no JSON key"),
        ("[]", "no JSON key"),
        ('{"client_email": "a"}', "no JSON key"),
        ('{"client_email": "a", "private_key_id": "1", "private_key": "nonsense"}', "no RSA key"),
    ],
)
def test_a_broken_key_file_is_told(server: TokenServer, tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    failure = refusal_of(google(server, path), secret="")
    assert words in failure.cause.text
    assert server.requests == []


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_certificate_file_without_a_key_is_told(server: TokenServer, tmp_path: Path, content: str) -> None:
    path = tmp_path / "app.pem"
    path.write_text(content)
    failure = refusal_of(oauth_of(server, client_secret="", certificate_file=path), secret="")
    assert "certificate_file has no" in failure.cause.text


@pytest.mark.parametrize(
    ("status", "body", "is_ours", "words"),
    [
        (200, b"<html>Sign in</html>", True, "gives no token and no reason"),
        (200, b"", True, "gives no token and no reason"),
        (200, b"[]", True, "gives no token and no reason"),
        (200, b"{}", True, "gives no token and no reason"),
        (200, b'{"access_token": 7}', True, "gives no token and no reason"),
        (200, b'{"access_token": ""}', True, "gives no token and no reason"),
        (200, b'{"access_token": "a\\u0001b"}', True, "gives no token and no reason"),
        (200, b'{"access_token": "a\\r\\nb"}', True, "gives no token and no reason"),
        (200, b'{"access_token": "a", "refresh_token": ["b"]}', True, "gives no token and no reason"),
        (404, b"not here", True, "answers with HTTP 404"),
        (429, b"slowly", False, "answers with HTTP 429"),
        (500, b"{}", False, "answers with HTTP 500"),
        (400, b'{"error": {"code": 1}}', True, "refuses"),
        (400, b'{"error": "invalid_scope"}', True, "scopes are wrong"),
        (400, b'{"error": "temporarily_unavailable"}', False, "busy"),
    ],
)
def test_whatever_comes_instead_of_a_token_is_a_cause(
    server: TokenServer, status: int, body: bytes, is_ours: bool, words: str
) -> None:
    server.refuse("", status=status, body=body)
    failure = refusal_of(oauth_of(server), secret=server.secret)
    assert words in failure.cause.text
    assert failure.cause.is_ours is is_ours


@pytest.mark.parametrize(
    ("told", "life"),
    [("3600", 3600), ("0", 0), ("null", 300), ("-5", 300), ('"7200"', 7200), ("1e9", 300), ("99999999999", 86400)],
)
def test_how_long_a_token_lives(server: TokenServer, told: str, life: int) -> None:
    server.refuse("", status=200, body=f'{{"access_token": "a", "expires_in": {told}}}'.encode())
    assert ask(oauth_of(server), name="m365", secret="x").life == timedelta(seconds=life)


def test_a_redirect_is_not_followed_with_the_secret(server: TokenServer) -> None:
    with TokenServer() as elsewhere:
        server.refuse("", status=307, body=b"", headers={"Location": f"{elsewhere.url}/token"})
        refusal_of(oauth_of(server), secret=server.secret)
        assert elsewhere.requests == []


def test_neither_is_one_of_a_service_account(server: TokenServer, key_pair: tuple[Path, str], tmp_path: Path) -> None:
    with TokenServer() as elsewhere:
        server.refuse("", status=307, body=b"", headers={"Location": f"{elsewhere.url}/token"})
        refusal_of(google(server, service_account(tmp_path, key_pair[0].read_text())), secret="")
        assert elsewhere.requests == []


def test_a_server_that_never_answers_is_given_up(server: TokenServer) -> None:
    with server.held():
        failure = refusal_of(oauth_of(server, timeout_seconds=1))
    assert failure.cause.text.endswith("no answer in time")
    assert not failure.cause.is_ours


def test_a_server_that_is_not_there_is_said() -> None:
    nobody = TokenServer(port=free_port())
    assert "Connection refused" in refusal_of(oauth_of(nobody)).cause.text


def test_a_name_that_does_not_exist_is_said(server: TokenServer) -> None:
    settings = oauth_of(server, token_url="https://login.invalid/token")
    assert "login.invalid can't be reached" in refusal_of(settings).cause.text


@pytest.mark.parametrize("trusts", [True, False])
def test_the_certificate_of_the_token_server_is_checked(
    server: TokenServer, certificates: Certificates, trusts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server._server is not None
    server._server.socket = certificates.server_context().wrap_socket(server._server.socket, server_side=True)
    url = f"https://localhost:{server.port}/token"
    settings = oauth_of(server, token_url=url, ca_file=certificates.ca if trusts else None)
    if trusts:
        # An environment that names another authority changes nothing.
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.stranger_certificate))
        assert ask(settings, name="m365", secret=server.secret).access_token
    else:
        failure = refusal_of(settings)
        assert "certificate of localhost" in failure.cause.text
        assert "ca_file" in failure.cause.hint
        assert server.requests == []


def test_a_netrc_file_signs_nothing(server: TokenServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password sesame\n")
    monkeypatch.setenv("NETRC", str(netrc))
    device = oauth_of(server, grant="device_code")
    assert begin_login(device, name="m365", secret="").user_code == "ABCD-EFGH"


def test_a_device_login_waits_until_the_person_is_done(server: TokenServer) -> None:
    settings = oauth_of(server, grant="device_code")
    login = begin_login(settings, name="m365", secret="")
    assert (login.user_code, login.url) == ("ABCD-EFGH", "https://login.example.com/device")
    assert poll_login(settings, login, name="m365", secret="") is None
    server.approved = True
    granted = poll_login(settings, login, name="m365", secret="")
    assert granted is not None
    assert granted.refresh_token
    assert "device.1" not in repr(login)


def test_a_device_login_that_was_declined_is_told(server: TokenServer) -> None:
    settings = oauth_of(server, grant="device_code")
    login = begin_login(settings, name="m365", secret="")
    server.refuse("authorization_declined", "AADSTS65004: User declined to consent to access the app.")
    with pytest.raises(NoToken) as failure:
        poll_login(settings, login, name="m365", secret="")
    assert "the login was declined" in failure.value.cause.text


def test_an_unknown_app_is_told_before_anybody_types_a_code(server: TokenServer) -> None:
    with pytest.raises(NoToken) as failure:
        begin_login(oauth_of(server, grant="device_code", client_id="other"), name="m365", secret="")
    assert "no app with this client_id" in failure.value.cause.text

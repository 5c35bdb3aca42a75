"""The `[oauth.NAME]` tables: presets, secrets, and what is refused before anybody tries."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.settings import Settings, load_settings

APP = """\
[oauth.m365]
provider = "microsoft"
grant = "client_credentials"
tenant = "contoso.example"
client_id = "1"
"""
SECRET = {"GATEWAY_OAUTH_M365_CLIENT_SECRET": "sesame"}


def load(folder: Path, text: str, **environ: str) -> Settings:
    (folder / "gateway.toml").write_text(text, encoding="utf-8")
    return load_settings(folder, environ)


def problems_of(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        load(folder, text, **environ)
    return [str(problem).replace(f"{folder}/", "") for problem in refused.value.problems]


def test_microsofts_addresses_and_scopes_are_known(tmp_path: Path) -> None:
    one = load(tmp_path, APP, **SECRET).oauth["m365"]
    assert one.token_url == "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token"
    assert one.scopes == ("https://outlook.office365.com/.default",)
    person = APP.replace("client_credentials", "device_code") + 'account = "a@example.com"\n'
    one = load(tmp_path, person).oauth["m365"]
    assert one.device_url == "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/devicecode"
    assert "offline_access" in one.scopes


def test_googles_are_too_and_what_is_written_wins(tmp_path: Path) -> None:
    text = '[oauth.g]\nprovider = "google"\ngrant = "service_account"\naccount = "a@example.com"\n'
    text += 'service_account_file = "key.json"\n'
    one = load(tmp_path, text).oauth["g"]
    assert (one.token_url, one.scopes) == ("https://oauth2.googleapis.com/token", ("https://mail.google.com/",))
    assert one.service_account_file == tmp_path / "key.json"
    one = load(tmp_path, text + 'token_url = "https://t.example.com/x"\nscopes = ["a", "b"]\n').oauth["g"]
    assert (one.token_url, one.scopes) == ("https://t.example.com/x", ("a", "b"))


def test_a_secret_comes_from_a_variable_or_a_file_and_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "app.secret").write_text("from the file\n", encoding="utf-8")
    settings = load(tmp_path, APP + 'client_secret_file = "app.secret"\n')
    assert settings.oauth["m365"].client_secret.get_secret_value() == "from the file"
    assert settings.oauth["m365"].client_secret_file == tmp_path / "app.secret"
    settings = load(tmp_path, APP, **SECRET)
    assert settings.oauth["m365"].client_secret.get_secret_value() == "sesame"
    assert "sesame" not in repr(settings) + settings.model_dump_json()


def test_a_mailbox_and_the_relay_log_in_without_a_password(tmp_path: Path) -> None:
    users = '[[mailbox]]\nname = "a"\nhost = "h"\nuser = "u"\noauth = "m365"\n'
    users += '[relay]\nhost = "h"\nuser = "u"\noauth = "m365"\n'
    settings = load(tmp_path, APP + users, **SECRET)
    assert (settings.mailboxes[0].oauth, settings.relay.oauth) == ("m365", "m365")


def test_variables_reach_every_key(tmp_path: Path) -> None:
    one = load(tmp_path, APP, GATEWAY_OAUTH_M365_SCOPES="x, y", GATEWAY_OAUTH_M365_TENANT="t", **SECRET).oauth["m365"]
    assert (one.scopes, one.tenant) == (("x", "y"), "t")


OTHER = '[oauth.o]\nprovider = "other"\ngrant = "device_code"\nclient_id = "1"\naccount = "a"\n'
BROKEN: list[tuple[str, dict[str, str], list[str]]] = [
    (APP, {},
     ["gateway.toml:1:1: oauth.m365: has no secret "
      "(write client_secret_file, or certificate_file, or set GATEWAY_OAUTH_…_CLIENT_SECRET)"]),
    (APP + 'client_secret = "sesame"', {},
     ["gateway.toml:6:1: oauth.m365.client_secret: secrets do not belong in this file "
      '(write client_secret_file = "/path/to/file", or set GATEWAY_OAUTH_M365_CLIENT_SECRET)']),
    (APP.replace('tenant = "contoso.example"\n', ""), SECRET,
     ["gateway.toml:1:1: oauth.m365: has no tenant (write tenant, the Directory (tenant) ID of your app)"]),
    (APP.replace("contoso.example", "a/b"), SECRET,
     ['gateway.toml:4:1: oauth.m365.tenant: "a/b" is no tenant '
      "(write the Directory (tenant) ID, or a domain of the tenant)"]),
    (APP + 'tokn_url = "x"', SECRET,
     ['gateway.toml:6:1: oauth.m365.tokn_url: there is no such key (did you mean "token_url"?)']),
    (APP + 'certificate_file = "c.pem"', SECRET,
     ["gateway.toml:6:1: oauth.m365.certificate_file: and a secret can't both be used (leave one of them out)"]),
    (APP.replace("client_credentials", "service_account"), SECRET,
     ["gateway.toml:3:1: oauth.m365.grant: microsoft has none of this kind for mail "
      '(write "client_credentials")']),
    (APP.replace("client_credentials", "device_code"), {},
     ["gateway.toml:1:1: oauth.m365: has no account "
      '(write account = "helpdesk@example.com", whose mailbox it is)']),
    (OTHER, {},
     ["gateway.toml:1:1: oauth.o: has no token_url (write token_url, the address of the token server)",
      "gateway.toml:1:1: oauth.o: has no device_url (write device_url, where a login with a device code begins)"]),
    (OTHER + 'device_url = "https://d.example.com/d"\ntoken_url = "http://t.example.com/t"', {},
     ["gateway.toml:7:1: oauth.o.token_url: is not a secure address "
      "(write https://…; plain http is allowed on this machine only)"]),
    (OTHER + 'device_url = "https://d.example.com/d"\ntoken_url = "https://u:p@t.example.com/t"', {},
     ["gateway.toml:7:1: oauth.o.token_url: has more than a host and a path in it (write https://host/path)"]),
    (APP + 'scopes = ["a b"]', SECRET,
     ['gateway.toml:6:11: oauth.m365.scopes[1]: "a b" is no scope '
      "(write one scope as one text, without spaces (RFC 6749 §3.3))"]),
    (APP + '[relay]\nhost = "h"\nuser = "u"\noauth = "m356"', SECRET,
     ['gateway.toml:9:1: relay.oauth: there is no [oauth.m356] (did you mean "m365"?)']),
    (APP + '[relay]\nhost = "h"\noauth = "m365"', SECRET,
     ["gateway.toml:6:1: relay: has no user (write user, the address of the mailbox)"]),
    ('[relay]\nhost = "h"\nuser = "u"\noauth = "m365"', {},
     ["gateway.toml:4:1: relay.oauth: there is no [oauth.m365] (write a table [oauth.m365])"]),
    (APP + '[relay]\nhost = "h"\nuser = "u"\noauth = "m365"', SECRET | {"GATEWAY_RELAY_PASSWORD": "x"},
     ["gateway.toml:9:1: relay.oauth: and a password can't both be used (leave one out)"]),
    (APP + '[relay]\nhost = "h.example.com"\ntls = "none"\nuser = "u"\noauth = "m365"', SECRET,
     ['gateway.toml:8:1: relay.tls: would send the password in the clear (write "starttls")']),
    (f'{APP}certificate_file = "c"\n{APP.replace("m365", "M365")}certificate_file = "c"', {},
     ["gateway.toml:7:1: oauth.M365: can't be told from [oauth.m365] in GATEWAY_OAUTH_M365_…"]),
    ("oauth = 3", {}, ["gateway.toml:1:1: oauth: should be a table, not 3"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "environ", "expected"), BROKEN)
def test_what_cannot_work_is_refused(tmp_path: Path, text: str, environ: dict[str, str], expected: list[str]) -> None:
    assert problems_of(tmp_path, text, **environ) == expected


def test_a_refusal_shows_no_secret(tmp_path: Path) -> None:
    told = problems_of(tmp_path, APP + 'client_secret = ["sesame"]\ntoken_url = "https://a:sesame@b/"\n')
    assert "sesame" not in "".join(told)

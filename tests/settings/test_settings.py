"""gateway.toml and the environment, read into one value or refused with every mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.defaults_files import default_file
from gateway.errors import ConfigurationError
from gateway.options.tables import OptionDescription
from gateway.settings import Settings, describe_settings, load_settings

MAILBOX = """\
[[mailbox]]
name = "support-de"
host = "imap.example.com"
user = "helpdesk@example.com"
"""
PASSWORD = {"GATEWAY_MAILBOX_SUPPORT_DE_PASSWORD": "sesame"}


def load(folder: Path, text: str = "", **environ: str) -> Settings:
    if text:
        (folder / "gateway.toml").write_text(text, encoding="utf-8")
    return load_settings(folder, environ)


def problems_of(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        load(folder, text, **environ)
    return [str(problem).replace(f"{folder}/", "") for problem in refused.value.problems]


def test_without_any_file_everything_has_a_default(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert (settings.smtp.host, settings.smtp.port) == ("127.0.0.1", 8025)
    assert settings.storage.url == f"sqlite:///{tmp_path}/storage/gateway.sqlite"
    assert settings.rules_file == tmp_path / "rules.toml"
    assert settings.templates_folder == tmp_path / "templates"
    assert settings.mailboxes == ()
    assert settings.relay.host == ""


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        'rules_file = "policy/rules.toml"\n[storage]\nfolder = "/var/lib/gateway"\n[smtp]\ntls_certificate = "a.pem"',
    )
    assert settings.rules_file == tmp_path / "policy/rules.toml"
    assert settings.storage.folder == Path("/var/lib/gateway")
    assert settings.storage.url == "sqlite:////var/lib/gateway/gateway.sqlite"
    assert settings.smtp.tls_certificate == tmp_path / "a.pem"
    assert load(tmp_path, '[storage]\nurl = "sqlite:///x.sqlite"').storage.url == f"sqlite:///{tmp_path}/x.sqlite"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        "[smtp]\nport = 2525\nconnections = 7\n" + MAILBOX,
        GATEWAY_SMTP_PORT="25",
        GATEWAY_LMTP_ENABLED="true",
        GATEWAY_SMTP_TRUSTED_PEERS="192.0.2.0/24, ::1",
        GATEWAY_RULES_FILE="other.toml",
        GATEWAY_LOG_LEVEL="debug",
        GATEWAY_MAILBOX_SUPPORT_DE_FOLDER="Help",
        **PASSWORD,
        HOME="/root",
    )
    assert (settings.smtp.port, settings.smtp.connections) == (25, 7)
    assert settings.lmtp.enabled is True
    assert settings.smtp.trusted_peers == ("192.0.2.0/24", "::1")
    assert settings.rules_file == tmp_path / "other.toml"
    assert settings.log.level == "debug"
    assert settings.mailboxes[0].folder == "Help"


def test_secrets_come_from_variables_or_files(tmp_path: Path) -> None:
    (tmp_path / "relay.secret").write_text("first line\nsecond line\n", encoding="utf-8")
    (tmp_path / "box.secret").write_text("from file", encoding="utf-8")
    text = '[relay]\nhost = "smtp.example.com"\nuser = "u"\n' + MAILBOX + 'password_file = "box.secret"\n'
    settings = load(tmp_path, text, GATEWAY_RELAY_PASSWORD_FILE="relay.secret")
    assert settings.relay.password.get_secret_value() == "first line"
    assert settings.mailboxes[0].password.get_secret_value() == "from file"
    settings = load(tmp_path, text, GATEWAY_RELAY_PASSWORD="variable", **PASSWORD)
    assert settings.relay.password.get_secret_value() == "variable"
    assert settings.mailboxes[0].password.get_secret_value() == "sesame"


def test_the_databases_password_is_put_into_its_url_in_safe_letters(tmp_path: Path) -> None:
    text = '[storage]\nurl = "postgresql://gateway@db.example.com:5432/gateway"'
    settings = load(tmp_path, text, GATEWAY_STORAGE_PASSWORD="a/b@c:d")
    assert settings.storage.url == "postgresql://gateway:a%2Fb%40c%3Ad@db.example.com:5432/gateway"
    url = "postgresql://gateway:pw@db.example.com/gateway"
    assert load(tmp_path, text, GATEWAY_STORAGE_URL=url).storage.url == url


def test_no_secret_is_shown(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        MAILBOX + '[relay]\nhost = "h"\nuser = "u"\n[storage]\nurl = "postgresql://u@h/d"',
        GATEWAY_STORAGE_PASSWORD="sesame",
        GATEWAY_RELAY_PASSWORD="sesame",
        **PASSWORD,
    )
    assert "sesame" not in repr(settings)
    assert "sesame" not in str(settings)
    assert "sesame" not in settings.model_dump_json(exclude={"storage": {"url"}})
    assert "sesame" in settings.storage.url


def test_a_refusal_shows_no_secret(tmp_path: Path) -> None:
    text = 'password = "sesame"\n[relay]\npassword = ["sesame"]\n' + MAILBOX + 'password = "sesame"\n'
    told = problems_of(tmp_path, text, GATEWAY_RELAY_PASSWORD="sesame", GATEWAY_STORAGE_URL="mysql://a:sesame@b")
    assert told
    assert "sesame" not in "\n".join(told)


# gateway.toml, the environment, and what is said.
BROKEN: list[tuple[str, dict[str, str], list[str]]] = [
    ("[smtp]\nprot = 25", {},
     ['gateway.toml:2:1: smtp.prot: there is no such key (did you mean "port"?)']),
    ("[smpt]\nport = 25", {},
     ['gateway.toml:1:1: smpt: there is no such key (did you mean "smtp"?)']),
    ('[smtp]\nport = "25"', {},
     ['gateway.toml:2:1: smtp.port: should be a whole number without quotes, not "25" (write 25)']),
    ("[smtp]\nport = 70000", {},
     ["gateway.toml:2:1: smtp.port: 70000 is out of range: at most 65535"]),
    ('[smtp]\ntrusted_peers = ["mail.example.com"]', {},
     ['gateway.toml:2:18: smtp.trusted_peers[1]: "mail.example.com" is not an IP address or network '
      '(write "192.0.2.7" or "192.0.2.0/24")']),
    ('rules_file = ""', {},
     ["gateway.toml:1:1: rules_file: is empty"]),
    ("[smtp]\nrequire_starttls = true", {},
     ["gateway.toml:2:1: smtp.require_starttls: needs tls_certificate"]),
    ('[smtp]\ntls_key = "k.pem"', {},
     ["gateway.toml:2:1: smtp.tls_key: needs tls_certificate"]),
    ('[lmtp]\nlisten = "8024"', {},
     ['gateway.toml:2:1: lmtp.listen: "8024" is not a place to listen '
      '(write "127.0.0.1:8024" or "unix:/run/gateway/lmtp.sock")']),
    ('[storage]\nurl = "mysql://x"', {},
     ["gateway.toml:2:1: storage.url: is not the URL of a database "
      "(write sqlite:///path or postgresql://user@host:5432/name)"]),
    ('[storage]\nurl = "postgresql://u:secret@h/d"', {},
     ["gateway.toml:2:1: storage.url: has a password in it "
      "(leave the password out and write password_file, or set GATEWAY_STORAGE_PASSWORD)"]),
    ('[relay]\nhost = "h"\nuser = "u"\npassword = "secret"', {"GATEWAY_RELAY_PASSWORD": "x"},
     ["gateway.toml:4:1: relay.password: secrets do not belong in this file "
      '(write password_file = "/path/to/file", or set GATEWAY_RELAY_PASSWORD)']),
    ('[relay]\nhost = "h"\nuser = "u"\npassword_file = "nowhere"', {"GATEWAY_RELAY_USER": "v"},
     ['gateway.toml:4:1: relay.password_file: the secret can\'t be read from "nowhere": No such file or directory']),
    ('[relay]\nhost = "h"\nuser = "u"', {},
     ["gateway.toml:3:1: relay.user: has no password (write password_file, or set GATEWAY_RELAY_PASSWORD)"]),
    ('[relay]\nhost = "smtp.example.com"\nuser = "u"\ntls = "none"', {"GATEWAY_RELAY_PASSWORD": "x"},
     ['gateway.toml:4:1: relay.tls: would send the password in the clear (write "starttls")']),
    ('[relay]\nsent_mailbox = "suport-de"\n' + MAILBOX, PASSWORD,
     ['gateway.toml:2:1: relay.sent_mailbox: there is no mailbox "suport-de" (did you mean "support-de"?)']),
    (MAILBOX, {},
     ["gateway.toml:1:1: mailbox[1] “support-de”: has no password "
      "(write password_file, or set GATEWAY_MAILBOX_SUPPORT_DE_PASSWORD)"]),
    (MAILBOX + 'tls = "none"', PASSWORD,
     ['gateway.toml:5:1: mailbox[1] “support-de”, tls: none is allowed on this machine only '
      '(write "implicit" or "starttls")']),
    (MAILBOX + 'after = "move"', PASSWORD,
     ['gateway.toml:5:1: mailbox[1] “support-de”, after: needs move_to (write move_to = "Done")']),
    (MAILBOX + 'move_to = "Done"', PASSWORD,
     ['gateway.toml:5:1: mailbox[1] “support-de”, move_to: does nothing by itself (write after = "move")']),
    (MAILBOX + 'after = "move"\nmove_to = "INBOX"', PASSWORD,
     ["gateway.toml:6:1: mailbox[1] “support-de”, move_to: is the folder that is watched"]),
    (MAILBOX + MAILBOX.replace("-", "_"), PASSWORD,
     ["gateway.toml:1:1: mailbox[1] “support-de”: has no password "
      "(write password_file, or set GATEWAY_MAILBOX_SUPPORT_DE_PASSWORD)",
      'gateway.toml:6:1: mailbox[2].name: "support_de" can\'t be told from the mailbox "support-de" '
      "in GATEWAY_MAILBOX_SUPPORT_DE_…"]),
    (MAILBOX.replace("support-de", "support de"), {},
     ['gateway.toml:2:1: mailbox[1].name: "support de" is not a short name (use letters, digits, - and _)']),
    ('folder = "/tmp"', {},
     ["gateway.toml:1:1: folder: there is no such key (the folder is the one that gateway.toml is in)"]),
    ("", {"GATEWAY_SMTP_PROT": "25"},
     ['environment: GATEWAY_SMTP_PROT: there is no such setting (did you mean "GATEWAY_SMTP_PORT"?)']),
    ("", {"GATEWAY_MAILBOX_X_PASSWORD": "x"},
     ["environment: GATEWAY_MAILBOX_X_PASSWORD: there is no such setting (gateway.toml has no [[mailbox]])"]),
    (MAILBOX, {**PASSWORD, "GATEWAY_MAILBOX_OTHER_XYZ": "x"},
     ["environment: GATEWAY_MAILBOX_OTHER_XYZ: there is no such setting (the mailboxes are SUPPORT_DE)"]),
    ("", {"GATEWAY_SMTP_PORT": "smtp"},
     ['environment: GATEWAY_SMTP_PORT: should be a whole number, not "smtp"']),
    ("", {"GATEWAY_SMTP_ENABLED": "perhaps"},
     ['environment: GATEWAY_SMTP_ENABLED: should be true or false, not "perhaps"']),
    ("[log]\nlevel = 1", {"GATEWAY_LOG_LEVEL": "inf"},
     ['environment: GATEWAY_LOG_LEVEL: "inf" is not possible here (did you mean "info"?; '
      "possible: debug, info, warning, error)"]),
    ('smtp = 1', {"GATEWAY_SMTP_PORT": "25"},
     ["gateway.toml:1:1: smtp: should be a table, not 1"]),
    ('mailbox = "x"', {},
     ['gateway.toml:1:1: mailbox: should be a list in square brackets, not "x"']),
    ("[smtp", {},
     ["gateway.toml:1: not TOML: a heading in brackets is not closed, at the end of the file (write it like [desk])"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "environ", "said"), BROKEN)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, environ: dict[str, str], said: list[str]) -> None:
    (tmp_path / "gateway.toml").write_text(text, encoding="utf-8")
    assert problems_of(tmp_path, "", **environ) == said


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = "[smtp]\nprot = 1\nrequire_starttls = true\n" + MAILBOX + 'after = "move"\npassword = "secret"\n'
    told = problems_of(tmp_path, text, GATEWAY_LOG_LEVL="x")
    assert [line.partition(": ")[0] for line in told] == [
        "environment",
        "gateway.toml:2:1",
        "gateway.toml:3:1",
        "gateway.toml:8:1",
        "gateway.toml:9:1",
    ]


def test_a_password_in_the_clear_is_fine_on_this_machine(tmp_path: Path) -> None:
    text = MAILBOX.replace("imap.example.com", "127.0.0.1") + 'tls = "none"\n'
    text += '[relay]\nhost = "localhost"\nuser = "u"\ntls = "none"\n'
    assert load(tmp_path, text, GATEWAY_RELAY_PASSWORD="x", **PASSWORD).mailboxes[0].tls == "none"


def test_a_mailbox_is_found_by_name_in_any_case(tmp_path: Path) -> None:
    settings = load(tmp_path, MAILBOX, **PASSWORD)
    assert settings.mailbox_named("Support-DE") is settings.mailboxes[0]
    assert settings.mailbox_named("other") is None


def test_the_commented_template_says_what_holds_without_it(tmp_path: Path) -> None:
    shipped = default_file("gateway.toml").read_text(encoding="utf-8")
    assert load(tmp_path, shipped) == load(tmp_path, "[log]")


def test_every_line_of_the_template_may_be_uncommented(tmp_path: Path) -> None:
    shipped = default_file("gateway.toml").read_text(encoding="utf-8")
    uncommented = re.sub(r"^# (?=\[\[|\[oauth|[a-z_]+ = )", "", shipped, flags=re.MULTILINE)
    settings = load(
        tmp_path,
        uncommented,
        GATEWAY_MAILBOX_SUPPORT_PASSWORD="sesame",
        GATEWAY_OAUTH_NAME_TENANT="contoso.example",
        GATEWAY_OAUTH_NAME_CLIENT_ID="1",
        GATEWAY_OAUTH_NAME_CLIENT_SECRET="sesame",
    )
    assert settings.mailboxes[0].ca_file is None
    assert settings.oauth["NAME"].certificate_file is None
    assert settings.model_copy(update={"mailboxes": (), "oauth": {}}) == load(tmp_path, "[log]")


def test_an_empty_variable_hides_no_password_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sesame", encoding="utf-8")
    text = '[relay]\nhost = "h"\nuser = "u"\npassword_file = "secret"'
    assert load(tmp_path, text, GATEWAY_RELAY_PASSWORD="").relay.password.get_secret_value() == "sesame"


@pytest.mark.parametrize("row", describe_settings(), ids=lambda row: f"{row.table}{row.key}")
def test_every_setting_stands_in_the_template_with_its_default(row: OptionDescription) -> None:
    assert row.description
    text = default_file("gateway.toml").read_text(encoding="utf-8")
    section = text.split("\n[storage]")[0] if not row.table else text.split(f"{row.table}\n", 1)[1]
    found = re.search(rf"^# {row.key} = (.*)$", re.split(r"\n(?:# )?\[", section)[0], re.MULTILINE)
    assert found, f"{row.table} {row.key} is not shown"
    # What must be given has no default; the template shows an example.
    assert found[1].startswith(row.default)

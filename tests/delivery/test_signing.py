"""DKIM signatures on what the desk sends: verified with the library and a name server of our own."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import dkim
import pytest

from gateway.compose import compose, load_templates
from gateway.compose.notices import NOTICES
from gateway.compose.samples import sample_letters
from gateway.delivery.signing import signer
from gateway.errors import ConfigurationError
from gateway.settings import Relay

CHECKOUT = Path(__file__).resolve().parents[2]
DOMAIN = "example.com"


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dkim") / "dkim.pem"
    subprocess.run(["openssl", "genrsa", "-out", str(path), "2048"], check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def is_valid(key_file: Path) -> Callable[[bytes], bool]:
    """Whether a mail has one valid signature, by a name server that knows our key under its selector."""
    public = subprocess.run(
        ["openssl", "rsa", "-in", str(key_file), "-pubout", "-outform", "DER"], check=True, capture_output=True
    ).stdout
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)

    def answer(name: bytes, timeout: int = 5) -> bytes | None:
        return record if name == b"helpdesk._domainkey.example.com." else None

    return lambda content: bool(dkim.DKIM(content).verify(dnsfunc=answer))


@pytest.fixture(scope="module")
def sign(key_file: Path) -> Callable[[bytes], bytes]:
    return signer(Relay(dkim_key_file=key_file), desk_domain=DOMAIN)


@pytest.fixture(scope="module")
def mail() -> bytes:
    letter, _ = sample_letters("answer")
    return compose(letter, load_templates(CHECKOUT / "templates"))


@pytest.mark.parametrize("notice", NOTICES)
def test_every_notice_is_signed_so_that_others_can_verify_it(
    notice: str, sign: Callable[[bytes], bytes], is_valid: Callable[[bytes], bool]
) -> None:
    templates = load_templates(CHECKOUT / "templates")
    for letter in sample_letters(notice):
        content = compose(letter, templates)
        signed = sign(content)
        assert signed.endswith(content), "the mail itself is not touched"
        assert is_valid(signed)
        assert max(map(len, signed.split(b"\r\n"))) <= 998
        assert signed.count(b"\r\n") == signed.count(b"\n") == signed.count(b"\r")


def test_what_a_reader_could_be_misled_by_is_covered_and_no_length_is_given(
    mail: bytes, sign: Callable[[bytes], bytes]
) -> None:
    head = sign(mail)[: -len(mail)].replace(b"\r\n", b"").replace(b" ", b"").decode()
    tags = dict(tag.split("=", 1) for tag in head.partition(":")[2].split(";") if "=" in tag)
    covered = tags["h"].lower().split(":")
    assert {"from", "to", "subject", "date", "message-id", "reply-to", "references", "in-reply-to"} <= set(covered)
    assert "l" not in tags
    assert (tags["d"], tags["s"], tags["c"]) == (DOMAIN, "helpdesk", "relaxed/relaxed")


@pytest.mark.parametrize(
    "damage",
    [
        lambda mail: mail + b"more\r\n",
        lambda mail: mail.replace(b"Subject: ", b"Subject: Re: ", 1),
        *(
            lambda mail, name=name: name + b": <x@evil.example>\r\n" + mail
            for name in (
                *(b"From", b"To", b"Subject", b"Reply-To", b"Date", b"Message-ID", b"In-Reply-To", b"References"),
                *(b"Cc", b"Content-Type"),
            )
        ),
    ],
)
def test_a_mail_that_was_changed_or_got_one_more_header_is_not_valid(
    mail: bytes, sign: Callable[[bytes], bytes], is_valid: Callable[[bytes], bool], damage: Callable[[bytes], bytes]
) -> None:
    signed = sign(mail)
    try:
        valid = is_valid(damage(signed))
    except dkim.DKIMException:
        valid = False
    assert not valid


def test_without_a_key_nothing_is_signed(mail: bytes) -> None:
    assert signer(Relay(), desk_domain=DOMAIN)(mail) == mail


def test_another_domain_and_selector_can_sign(key_file: Path, mail: bytes) -> None:
    relay = Relay(dkim_key_file=key_file, dkim_domain="mail.bücher.example", dkim_selector="s2026.desk")
    signed = signer(relay, desk_domain=DOMAIN)(mail)
    assert b"d=mail.xn--bcher-kva.example;" in signed
    assert b"s=s2026.desk;" in signed


@pytest.mark.parametrize("content", [b"", b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"])
def test_a_key_that_is_none_is_refused_at_the_start_without_its_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        signer(Relay(dkim_key_file=path), desk_domain=DOMAIN)
    assert "dkim_key_file" in str(refused.value)
    assert "AAAA" not in str(refused.value)
    with pytest.raises(ConfigurationError, match="can't read"):
        signer(Relay(dkim_key_file=tmp_path / "nowhere"), desk_domain=DOMAIN)

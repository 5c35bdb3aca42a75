"""The `[oauth.NAME]` tables: who asks a token server for tokens, in whose name, and what the big providers are called.

Pure, like all settings. `mistakes_of` finds what can't work before anybody tries; `resolved` fills in the provider's
addresses and scopes, so that everybody else finds them in the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from gateway.options.hosts import is_loopback
from gateway.options.tables import OptionalFilePath, OptionTable, wrong

Provider = Literal["microsoft", "google", "other"]
Grant = Literal["client_credentials", "device_code", "service_account"]

_TENANT = re.compile(r"[A-Za-z0-9.-]+")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def _endpoint(text: str) -> str:
    if not text:
        return text
    parts = urlsplit(text)
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname))):
        raise wrong("is not a secure address", "write https://…; plain http is allowed on this machine only")
    if parts.username is not None or parts.fragment:
        raise wrong("has more than a host and a path in it", "write https://host/path")
    return text


def _tenant(text: str) -> str:
    if text and not _TENANT.fullmatch(text):
        raise wrong(f'"{text}" is no tenant', "write the Directory (tenant) ID, or a domain of the tenant")
    return text


def _scope(text: str) -> str:
    if not _SCOPE.fullmatch(text):
        raise wrong(f'"{text}" is no scope', "write one scope as one text, without spaces (RFC 6749 §3.3)")
    return text


Endpoint = Annotated[str, AfterValidator(_endpoint)]


class Oauth(OptionTable):
    """`[oauth.NAME]`: an account at a token server, for mailboxes and the relay that name it with `oauth = "NAME"`."""

    provider: Provider
    """microsoft, google, or other (which needs token_url)."""
    grant: Grant
    """client_credentials = an app by itself; device_code = a person logs in once; service_account = Google."""
    account: str = ""
    """Whose mailbox it is: who logs in (device_code), or in whose name the service account acts."""
    tenant: Annotated[str, AfterValidator(_tenant)] = ""
    """Microsoft: the Directory (tenant) ID, or a domain of the tenant."""
    client_id: str = ""
    """The app's id: Microsoft's Application (client) ID."""
    client_secret: SecretStr = SecretStr("")
    """The app's secret; only from GATEWAY_OAUTH_<NAME>_CLIENT_SECRET or client_secret_file."""
    client_secret_file: OptionalFilePath = None
    """A file with the secret in its first line; a new one is noticed without a restart."""
    certificate_file: OptionalFilePath = None
    """A PEM file with the app's RSA key and certificate, instead of a secret."""
    service_account_file: OptionalFilePath = None
    """The JSON key of the Google service account."""
    scopes: Annotated[tuple[Annotated[str, AfterValidator(_scope)], ...], Field(strict=False)] = ()
    """What the token is for; [] = what the provider calls IMAP and sending."""
    token_url: Endpoint = ""
    """The token server; "" = the provider's."""
    device_url: Endpoint = ""
    """Where a login with a device code begins; "" = the provider's."""
    ca_file: OptionalFilePath = None
    """A PEM file with the authority of the token server's certificate; by default the system's."""
    timeout_seconds: Annotated[int, Field(ge=1, le=60)] = 20
    """How long to wait for the token server's answer."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What a provider calls its own: `{tenant}` is filled in; scopes for each grant that it has for mail."""

    token_url: str
    device_url: str
    scopes: dict[Grant, tuple[str, ...]]


PRESETS: dict[Provider, Preset] = {
    "microsoft": Preset(
        token_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",  # noqa: S106 (no secret)
        device_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode",
        scopes={
            "client_credentials": ("https://outlook.office365.com/.default",),
            "device_code": (
                "https://outlook.office.com/IMAP.AccessAsUser.All",
                "https://outlook.office.com/SMTP.Send",
                "offline_access",
            ),
        },
    ),
    "google": Preset(
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106
        device_url="",
        scopes={"service_account": ("https://mail.google.com/",)},
    ),
    "other": Preset(
        token_url="",
        device_url="",
        scopes={"client_credentials": (), "device_code": (), "service_account": ()},
    ),
}

# Why a provider lacks a grant, and what to do instead.
_NOT_THERE: dict[tuple[Provider, Grant], str] = {
    ("google", "device_code"): 'Google gives no mail to devices: write "service_account", or use an app password',
    ("google", "client_credentials"): 'write "service_account"',
    ("microsoft", "service_account"): 'write "client_credentials"',
}


def mistakes_of(one: Oauth) -> Iterator[tuple[str, str, str]]:
    """What is missing or can't work together: key ("" = the table), what is wrong, what would be right."""
    if one.grant not in PRESETS[one.provider].scopes:
        yield "grant", f"{one.provider} has none of this kind for mail", _NOT_THERE.get((one.provider, one.grant), "")
        return
    if one.provider == "microsoft" and not one.tenant and not one.token_url:
        yield "", "has no tenant", "write tenant, the Directory (tenant) ID of your app"
    if one.provider == "other" and not one.token_url:
        yield "", "has no token_url", "write token_url, the address of the token server"
    if one.grant == "device_code" and not one.device_url and not PRESETS[one.provider].device_url:
        yield "", "has no device_url", "write device_url, where a login with a device code begins"
    if one.grant != "client_credentials" and not one.account:
        yield "", "has no account", 'write account = "helpdesk@example.com", whose mailbox it is'
    yield from _wrong_keys(one)


def _wrong_keys(one: Oauth) -> Iterator[tuple[str, str, str]]:
    has_secret = bool(one.client_secret.get_secret_value())
    if one.grant == "service_account":
        if one.service_account_file is None:
            yield "", "has no service_account_file", "make a JSON key for the service account and name the file"
        return
    if not one.client_id:
        yield "", "has no client_id", "write client_id, the id of your app"
    if one.service_account_file is not None:
        yield "service_account_file", "does nothing with this grant", 'write grant = "service_account"'
    if has_secret and one.certificate_file is not None:
        yield "certificate_file", "and a secret can't both be used", "leave one of them out"
    if one.grant == "client_credentials" and not has_secret and one.certificate_file is None:
        yield "", "has no secret", "write client_secret_file, or certificate_file, or set GATEWAY_OAUTH_…_CLIENT_SECRET"


def resolved(one: Oauth, folder: Path) -> Oauth:
    """The table with the provider's addresses and scopes filled in, and every path absolute."""
    preset = PRESETS[one.provider]

    def absolute(path: Path | None) -> Path | None:
        return None if path is None else folder / path.expanduser()

    return one.model_copy(
        update={
            "token_url": one.token_url or preset.token_url.format(tenant=one.tenant),
            "device_url": one.device_url or preset.device_url.format(tenant=one.tenant),
            "scopes": one.scopes or preset.scopes.get(one.grant, ()),
            "client_secret_file": absolute(one.client_secret_file),
            "certificate_file": absolute(one.certificate_file),
            "service_account_file": absolute(one.service_account_file),
            "ca_file": absolute(one.ca_file),
        }
    )

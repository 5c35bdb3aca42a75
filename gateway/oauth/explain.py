"""What a refusal really means: the token server's, and that of a mail server to which a good token was shown.

Providers say "invalid_client" or "AUTHENTICATE failed" for a dozen different causes. Pure: what was said comes in, the
cause and what helps go out. Sources: Microsoft's list of AADSTS codes and its page on OAuth for IMAP and SMTP AUTH,
Google's pages on XOAUTH2 and service accounts, RFC 6749 §5.2, RFC 8628 §3.5. Tried against servers of our own only.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass

_TEXT_LIMIT = 300
_AADSTS = re.compile(r"AADSTS(\d{4,7})")
# Microsoft adds ids and the moment to every sentence; they help its support, and nobody at 3 am.
_TRACE = re.compile(r"\s*(?:Trace ID|Correlation ID|Timestamp):.*", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why there is no token: `text` in plain words, `hint` what to do. `is_ours` is False where waiting may help."""

    text: str
    hint: str = ""
    is_ours: bool = True

    def __str__(self) -> str:
        return f"{self.text} ({self.hint})" if self.hint else self.text


_LOGIN = "run `gateway auth login {name}`"
_SECRET = "put the secret's Value, not its Secret ID, into client_secret_file"
_CONSENT = "Entra, your app, API permissions: add them, then Grant admin consent"

# (AADSTS code, what it means, what helps). {name} is the NAME of the table, {account} whose mailbox it is.
MICROSOFT: dict[str, tuple[str, str]] = {
    "7000215": ("the client secret is wrong", _SECRET),
    "7000222": ("the client secret has expired", "make a new one: Entra, your app, Certificates & secrets"),
    "7000216": ("the app must show a secret or a certificate", "write client_secret_file or certificate_file"),
    "7000218": (
        "the app must show a secret",
        "Entra, your app, Authentication: Allow public client flows = Yes; or write client_secret_file",
    ),
    "7000112": ("the app is disabled in the tenant", "Entra, Enterprise applications, your app: enable it"),
    "700016": ("the tenant has no app with this client_id", "compare client_id and tenant with the app's overview"),
    "700027": ("the app does not know this certificate, or it has expired", "upload it: Certificates & secrets"),
    "700024": ("the time of the signed request is wrong", "set this machine's clock"),
    "500133": ("the time of the signed request is wrong", "set this machine's clock"),
    "90002": ("there is no such tenant", "write tenant, the Directory (tenant) ID of the app's overview"),
    "900023": ("the tenant is no id and no domain", "write tenant, the Directory (tenant) ID of the app's overview"),
    "53003": ("a Conditional Access policy blocks the login", "exclude the app or the account from the policy"),
    "530034": ("the tenant blocks it for everybody", "ask the tenant's administrator"),
    "65001": ("nobody has consented to the app's permissions", _CONSENT),
    "90094": ("only an administrator may consent", _CONSENT),
    "90008": ("the app's permissions were never granted", _CONSENT),
    "65004": ("the login was declined", f"{_LOGIN} again, and accept"),
    "70011": ("the scopes are wrong", "leave scopes out: they have good defaults"),
    "1002012": ("an app by itself asks for one scope that ends in /.default", "leave scopes out"),
    "28003": ("the scopes are empty or wrong", "leave scopes out: they have good defaults"),
    "500011": ("the tenant has no Exchange Online", "does the subscription have mailboxes?"),
    "650057": ("the app does not name Exchange Online among its permissions", _CONSENT),
    "50105": ("{account} is not assigned to the app", "Entra, Enterprise applications, your app, Users and groups"),
    "50034": ("{account} does not exist in the tenant", "compare account and tenant"),
    "50057": ("{account} is disabled", "enable it, then " + _LOGIN),
    "50053": ("{account} is locked", "wait, or unlock it; then " + _LOGIN),
    "50055": ("the password of {account} has expired", "change it, then " + _LOGIN),
    "50173": ("the login is no longer valid: the password was changed or sessions were revoked", _LOGIN),
    "50076": ("a second factor is asked for", _LOGIN),
    "50079": ("a second factor must be set up", _LOGIN),
    "50078": ("the second factor has expired", _LOGIN),
    "50158": ("another security check is asked for", _LOGIN),
    "50097": ("the policy asks for a registered device", "exclude the account from the policy"),
    "70000": ("the login is expired or revoked", _LOGIN),
    "70008": ("the login has expired", _LOGIN),
    "70043": ("a policy on the frequency of logins has ended it", "exclude the account from it, then " + _LOGIN),
    "700082": ("the login has expired: it was not used for 90 days", _LOGIN),
    "700084": ("the login has expired", _LOGIN),
    "54005": ("the login was used already", _LOGIN),
    "9002313": ("the request is malformed", "compare tenant, client_id and scopes with the app's overview"),
}
_MICROSOFT_BUSY = frozenset({"90033", "90036", "90055", "50196", "50199", "50087", "90001", "1000031"})

# (words of Google's description in lower case, what it means, what helps).
GOOGLE: tuple[tuple[str, str, str], ...] = (
    (
        "unauthorized to retrieve access tokens using this method",
        "the domain has not delegated the mailboxes to the service account",
        "Admin console, Security, API controls, Domain-wide delegation: the service account's Client ID with the scope "
        "https://mail.google.com/",
    ),
    ("invalid email or user id", "there is no user {account}", "write account, the address of a user, not of a group"),
    ("account not found", "the service account is gone", "was it deleted? Make a new key and name its file"),
    ("invalid jwt signature", "the key of the service account is no longer valid", "make a new JSON key"),
    ("reasonable timeframe", "the time of the signed request is wrong", "set this machine's clock"),
    ("expired or revoked", "the login is expired or revoked", _LOGIN),
)

# RFC 6749 §5.2, RFC 8628 §3.5, where the provider has no better word.
GENERAL: dict[str, tuple[str, str]] = {
    "invalid_client": ("the client's id or secret is wrong, or the secret has expired", "compare client_id and secret"),
    "invalid_grant": ("the login is expired or revoked", _LOGIN),
    "unauthorized_client": ("the client may not use this grant", "allow it at the provider, or change grant"),
    "unsupported_grant_type": ("the token server does not know this grant", "compare token_url and grant"),
    "invalid_scope": ("the scopes are wrong, or not granted", "compare scopes with what the provider has granted"),
    "invalid_request": ("the token server does not understand the request", "compare token_url and client_id"),
    "access_denied": ("access was denied", "was the login declined, or is the account not allowed to?"),
    "expired_token": ("nobody entered the code in time", f"{_LOGIN} again"),
    "interaction_required": ("a person has to log in again", _LOGIN),
}
_BUSY = frozenset({"temporarily_unavailable", "server_error", "slow_down", "rate_limit_exceeded", "internal_failure"})


def token_refusal(*, error: str, description: str, name: str, account: str, grant: str) -> Cause:
    """What the token server's error means; `error` and `description` are RFC 6749's."""
    said = _one_line(_TRACE.sub("", description)) or _one_line(error) or "no reason"
    codes = _AADSTS.findall(description)
    if error in _BUSY or any(code in _MICROSOFT_BUSY for code in codes):
        return Cause(text=f"the token server is busy: {said}", is_ours=False)
    found = next((MICROSOFT[code] for code in codes if code in MICROSOFT), None)
    if found is None:
        lower = description.lower()
        found = next(((text, hint) for words, text, hint in GOOGLE if words in lower), None)
    text, hint = found or GENERAL.get(error, ("the token server refuses", ""))
    if grant != "device_code" and "auth login" in hint:
        hint = ""  # nobody can log in for an app
    whose = account or "the account"
    return Cause(text=f"{text.format(account=whose)}: {said}", hint=hint.format(name=name, account=whose))


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What Microsoft's access token says about itself (its format is Microsoft's business: only hints hang on it)."""

    audience: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    user: str
    is_app: bool


def claims_of(token: str) -> Claims | None:
    """Read an access token that is a JWT, without verifying it; None where it is none."""
    parts = token.split(".")
    if len(parts) != 3 or len(parts[1]) > 16_384:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    roles = found.get("roles")
    listed = tuple(_one_line(role) for role in roles if isinstance(role, str)) if isinstance(roles, list) else ()
    scopes = tuple(_one_line(str(found.get("scp") or "")).split())
    user = _one_line(str(found.get("upn") or found.get("unique_name") or found.get("preferred_username") or ""))
    return Claims(
        audience=_one_line(str(found.get("aud") or "")),
        roles=listed,
        scopes=scopes,
        user=user.lower(),
        is_app=found.get("idtyp") == "app" or (not scopes and not user),
    )


# Exchange's resource, by name and by the id that stands for it in some tokens.
_EXCHANGE = ("outlook.office", "outlook.com", "00000002-0000-0ff1-ce00-000000000000")
_APP_PERMISSION = {"imap": "IMAP.AccessAsApp", "smtp": "SMTP.SendAsApp"}
_USER_PERMISSION = {"imap": "IMAP.AccessAsUser.All", "smtp": "SMTP.Send"}


def login_refusal(*, provider: str, service: str, said: str, server_error: str, token: str, user: str) -> str:
    """Why a mail server refuses a login with a token that the token server has just given; what to do about it.

    `service` is imap or smtp, `said` the server's words, `server_error` the JSON of its SASL challenge (RFC 7628).
    """
    lower = said.lower()
    if provider == "microsoft":
        return _microsoft(lower, service=service, token=token, user=user)
    if provider == "google":
        return _google(lower, service=service, user=user)
    scope = _scope_of(server_error)
    wants = f"it wants a token with the scope {scope}; " if scope else ""
    return f"the token is good, but the server does not accept it: {wants}does it know {user} and this token server?"


def _microsoft(lower: str, *, service: str, token: str, user: str) -> str:
    if "smtpclientauthentication is disabled for the tenant" in lower:
        return (
            "the token is good, but sending with a login is switched off for the tenant: Set-CASMailbox -Identity "
            f"{user} -SmtpClientAuthenticationDisabled $false allows it for this mailbox"
        )
    if "smtpclientauthentication is disabled for the mailbox" in lower:
        return (
            "the token is good, but sending with a login is switched off for the mailbox: Set-CASMailbox -Identity "
            f"{user} -SmtpClientAuthenticationDisabled $false"
        )
    if "security defaults" in lower:
        return "security defaults block the login: allow Authenticated SMTP for this mailbox"
    return _missing_in_token(claims_of(token), service=service, user=user) or _missing_in_exchange(service, user)


def _missing_in_token(claims: Claims | None, *, service: str, user: str) -> str:
    if claims is None:
        return ""
    if claims.audience and not any(name in claims.audience.lower() for name in _EXCHANGE):
        return f"the token is for {claims.audience}, not for Exchange Online: leave scopes out"
    if claims.is_app and _APP_PERMISSION[service] not in claims.roles:
        return (
            f"the token has no {_APP_PERMISSION[service]}: Entra, your app, API permissions, Office 365 Exchange "
            "Online, Application permissions; then Grant admin consent, and wait some minutes"
        )
    if not claims.is_app and _USER_PERMISSION[service] not in claims.scopes:
        return f"the token has no {_USER_PERMISSION[service]}: add it to scopes, and log in again"
    if claims.user and claims.user != user.lower():
        return f"the token is that of {claims.user}, which needs Full Access (and Send As) to {user}"
    return ""


def _missing_in_exchange(service: str, user: str) -> str:
    first = (
        "the token is good, but Exchange Online gives the app no right to this mailbox: New-ServicePrincipal with the "
        "Object ID of the Enterprise application (not of the app registration), then Add-MailboxPermission -Identity "
        f"{user} -User <Object ID> -AccessRights FullAccess; "
    )
    if service == "imap":
        return f"{first}or IMAP is off: Set-CASMailbox -Identity {user} -ImapEnabled $true"
    return f"{first}or {user} is no mailbox of the tenant"


def _google(lower: str, *, service: str, user: str) -> str:
    if "imap access is disabled" in lower or "not enabled for imap" in lower:
        return "IMAP is switched off: Admin console, Apps, Gmail, End user access"
    return (
        "the token is good, but Gmail does not accept it: its scope must be https://mail.google.com/ (leave scopes "
        f"out; delegate just this one), and user and account must be the same mailbox, {user}"
    )


def _scope_of(server_error: str) -> str:
    try:
        found = json.loads(server_error)
    except (ValueError, RecursionError):
        return ""
    return _one_line(str(found.get("scope") or "")) if isinstance(found, dict) else ""


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:_TEXT_LIMIT]

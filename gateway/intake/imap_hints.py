"""What to do about the sentences with which mail providers refuse a login or a folder.

A provider's own words rarely say what to change. Pure: text in, hint out, "" where we know none.
"""

from __future__ import annotations

# (words of the server, in lower case; what helps). The first match counts: the special stand above the general.
HINTS: tuple[tuple[str, str], ...] = (
    # Microsoft 365
    (
        "user is authenticated but not connected",
        "Microsoft 365: the login is right, but the app has no right to this mailbox: register it in Exchange Online "
        "with New-ServicePrincipal and give it the mailbox with Add-MailboxPermission",
    ),
    (
        "basicauthblocked",
        "Microsoft 365 takes no passwords for IMAP: log in with a token, see docs/oauth.md",
    ),
    # Google
    (
        "application-specific password required",
        "Google: the account has two-step verification: make an app password for the gateway",
    ),
    ("web login required", "Google: log in once in a browser, or make an app password for the gateway"),
    ("not enabled for imap", "Google: switch IMAP on in the account's settings, and in the admin console"),
    ("too many simultaneous connections", "Google allows about 15 connections at a time for an account: close some"),
    # Everybody
    ("certificate verify failed", "set ca_file to the authority that signed the server's certificate"),
    ("hostname mismatch", "write the host as it stands in the server's certificate"),
    ("wrong version number", 'the port does not speak TLS from the start: tls = "starttls", usually port 143'),
    ("record layer failure", 'the port does not speak TLS from the start: tls = "starttls", usually port 143'),
    ("does not support starttls", 'the server offers no STARTTLS here: tls = "implicit", usually port 993'),
    ("authenticationfailed", "check user and password; some providers want an app password"),
    ("authentication failed", "check user and password; some providers want an app password"),
    ("invalid credentials", "check user and password; some providers want an app password"),
    ("login failed", "check user and password; some providers want an app password"),
    ("doesn't exist", "check the folder's name; gateway check --connect lists the folders"),
    ("nonexistent", "check the folder's name; gateway check --connect lists the folders"),
    ("overquota", "the mailbox is full"),
)


def hint_for(text: str) -> str:
    """Say what helps against a server's words, "" where nothing is known."""
    lower = text.lower()
    return next((hint for words, hint in HINTS if words in lower), "")

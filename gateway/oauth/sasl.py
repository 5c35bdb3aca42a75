"""The words of a login with a token: XOAUTH2 (Google's and Microsoft's) and OAUTHBEARER (RFC 7628), for IMAP and SMTP.

Both are one message, and a trap: a server that refuses first sends the reason as a challenge, and the client has to
answer that before it hears "no". Pure; the dialogues are imapclient's and aiosmtplib's.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

# The first that a server offers is used. Exchange has only the first, and everybody who has the second has the first.
MECHANISMS = ("XOAUTH2", "OAUTHBEARER")

_REASON_LIMIT = 1000


def mechanism_of(offered: Collection[str]) -> str:
    """Choose a mechanism of those offered (in upper case); "" where the server takes no tokens."""
    return next((mechanism for mechanism in MECHANISMS if mechanism in offered), "")


@dataclass(kw_only=True)
class Exchange:
    """One login: call it with each challenge; afterwards `server_error` has the reason that came as one."""

    mechanism: str
    user: str
    token: str = field(repr=False)
    host: str
    port: int
    server_error: str = ""
    _has_begun: bool = False

    def __call__(self, challenge: bytes) -> bytes:
        if not self._has_begun:
            self._has_begun = True
            return self.initial()
        self.server_error = challenge[:_REASON_LIMIT].decode("utf-8", "replace")
        # RFC 7628 §3.2.3: one 0x01; XOAUTH2: an empty answer.
        return b"\x01" if self.mechanism == "OAUTHBEARER" else b""

    def initial(self) -> bytes:
        """What the client says first."""
        if self.mechanism == "XOAUTH2":
            return f"user={self.user}\x01auth=Bearer {self.token}\x01\x01".encode()
        # RFC 5801 §4: "=" and "," are written as =3D and =2C in the authorization identity.
        name = self.user.replace("=", "=3D").replace(",", "=2C")
        words = (f"n,a={name},", f"host={self.host}", f"port={self.port}", f"auth=Bearer {self.token}")
        return ("\x01".join(words) + "\x01\x01").encode()

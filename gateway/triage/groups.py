"""Mail that a group passed on under the desk's own address.

Google Groups rewrites From to "'Erika Muster' via Help Desk <helpdesk@example.com>" where the author's domain forbids
others to send in its name (DMARC p=reject), and keeps the author in X-Original-From. Without a look there, the author's
mail would be taken for our own coming back.
"""

from __future__ import annotations

import re
from dataclasses import replace

from gateway.mail import Address, Mail
from gateway.policy import Policy

_MAILBOX = re.compile(r"(?:\"?([^\"<>]*?)\"?\s*<)?([^\s<>@,;:\"()\\]{1,64}@[^\s<>@,;:\"()\\]{1,190})>?")
_KEPT_IN = ("x-original-from", "x-original-sender")


def through_group(mail: Mail, policy: Policy) -> Mail:
    """The mail under its author's address, which nothing vouches for; any other mail as it is."""
    if mail.sender is None or not policy.is_desk_address(mail.sender.address) or not mail.header("list-id"):
        return mail
    for name in _KEPT_IN:
        match = _MAILBOX.fullmatch(mail.header(name).strip())
        if match and not policy.is_desk_address(match[2].lower()):
            author = Address(address=match[2].lower(), name=(match[1] or "").strip())
            return replace(mail, sender=author, sender_defects=(*mail.sender_defects, "passed on by a group"))
    return mail

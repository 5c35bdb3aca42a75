"""Delivery: the outbox's mails go to the relay, or into the Maildir where no relay is configured.

Place in the mail's way: the last one. Each claimed mail is rendered once, its final bytes are committed, and only then
is a connection opened; every attempt sends exactly those bytes. `worker` does this in a thread of its own, `relay` and
`maildir` are the two ways out, `outcome` says what each answer means for the mail.

What may fail: the template (that one mail is held), the relay's answer for one mail (tried again, or failed and the
agent told), the relay itself (everything waits, nothing is counted against a mail).
"""

from gateway.delivery.check import Fact, check_relay
from gateway.delivery.rendering import Rendered
from gateway.delivery.worker import Deliverer

__all__ = ["Deliverer", "Fact", "Rendered", "check_relay"]

"""A stored mail, read once more for `#why`: its bytes parsed in a worker as when it came, and its envelope.

A mail whose bytes are gone is not read; one that can't be parsed has its defect, as then.
"""

from __future__ import annotations

from gateway.desk.raw import read_raw
from gateway.desk.recalling import Recalled
from gateway.desk.rereading import reread
from gateway.intake.envelope import envelope_from_json
from gateway.mail import Envelope, Mail
from gateway.parsing import Parser, Raw
from gateway.policy import Policy
from gateway.triage.groups import through_group


def read_stored(recalled: Recalled, policy: Policy, *, parser: Parser) -> tuple[Mail, Envelope] | None:
    """The mail of a ledger row and how it came; None where its bytes are gone. Raises WorkersFailed."""
    content = read_raw(recalled.ledger)
    if not content:
        return None
    own = (policy.desk.address, *policy.desk.aliases)
    (mail,) = parser.parse_many([Raw(content=content)], own)
    return reread(through_group(mail, policy), own_addresses=own), envelope_from_json(dict(recalled.envelope))

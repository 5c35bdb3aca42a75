"""Several mails that wait for one agent's "was it you?": which were said yes to, and which one is asked about next.

Inside the transaction of a mail. A yes lets in what the agent was shown and nothing else: whoever writes in the agent's
name while the question is open must not come in with it. So the next one gets a question of its own as soon as there
is a yes, and never two wait for an answer about one ticket.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gateway.desk.operating import sort_one_again
from gateway.desk.quarantining import entry_of, was_asked_about
from gateway.policy import Policy
from gateway.store.rows import find_all, find_values, marks
from gateway.store.states import LedgerState
from gateway.store.tables import Ledger
from gateway.triage.challenge import ASKED_ABOUT

_MOST_LOOKED_AT = 500


def confirmed_among(ledger_ids: Sequence[int]) -> frozenset[int]:
    """Those of these mails that an agent said yes to."""
    if not ledger_ids:
        return frozenset()
    sql = f"SELECT ledger_id FROM event WHERE kind = 'confirmed' AND ledger_id IN ({marks(ledger_ids)})"  # noqa: S608
    return frozenset(number for (number,) in find_values(sql, *ledger_ids))


def ask_about_next(confirmed: Ledger, address: str, policy: Policy, *, now: datetime) -> None:
    """After a yes: let the oldest mail in this agent's name about the same ticket, which nobody was asked about, be
    decided once more, so that it is asked about now."""
    agent, codes = policy.agent_of(address), tuple(sorted(ASKED_ABOUT))
    condition = f"state = ? AND reason_code IN ({marks(codes)}) AND id <> ?"
    values = (LedgerState.QUARANTINED, *codes, confirmed.id)
    about = _about(confirmed)
    for row in find_all(Ledger, condition, *values, order="id", limit=_MOST_LOOKED_AT):
        waits = _about(row) == about and not row.envelope.get("quiet") and not was_asked_about(row)
        if waits and policy.agent_of(entry_of(row)["sender"]) == agent:
            sort_one_again(row.id, by=address, now=now)
            return


def _about(row: Ledger) -> Any:
    return entry_of(row)["release"].get("token", "")

"""Every attack of the corpus against a desk with a past: what is decided, what changes, who is told, what nobody sees.

A file with `known_gap` describes what should hold and does not yet: its test fails when it does, so that the gap is
closed in the file too.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest

from gateway.intake.accept import Door
from gateway.intake.smtp import SmtpListener, SmtpThread
from gateway.mail import Transport
from gateway.parse import parse
from gateway.settings.tables import Smtp
from tests.attacks.casefile import Attack, all_attacks, filled, on_the_wire
from tests.attacks.checks import Outcome, expectations, universal
from tests.attacks.conftest import NewDesk
from tests.attacks.dialogue import last_row, speak, stored_wrongly
from tests.attacks.house import AttackedDesk, policy_after
from tests.servers.certificates import Certificates

ATTACKS = all_attacks()
# The audit reads everything, so it looks behind the first attack of each row.
AUDITED = {attack.row: attack.name for attack in reversed(ATTACKS)}


BY_MAIL = [attack for attack in ATTACKS if not attack.is_dialogue]
IN_THE_DIALOGUE = [attack for attack in ATTACKS if attack.is_dialogue]
LOGGED = [attack for attack in ATTACKS if attack.row == "T37"]


def name_of(attack: Attack) -> str:
    return attack.name


def judge(attack: Attack, wrong: list[str]) -> None:
    if gap := attack.head.get("known_gap"):
        assert wrong, f"this holds now; take known_gap out of {attack.path.name}: {gap}"
    else:
        assert not wrong, "\n".join([attack.head["title"], *wrong])


@pytest.mark.parametrize("attack", BY_MAIL, ids=name_of)
def test_an_attack_by_mail(attack: Attack, new_desk: NewDesk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    desk = new_desk(policy_after(**attack.head.get("policy", {})))
    outcome = strike(attack, desk)
    wrong = [*universal(outcome), *expectations(outcome)]
    wrong += [f"logged: {line[:300]!r}" for line in caplog.messages if len(line) > 2000 or "\x1b" in line]
    if AUDITED[attack.row] == attack.name:
        wrong += [f"audit: {finding}" for finding in desk.audit_findings()]
    judge(attack, wrong)


def strike(attack: Attack, desk: AttackedDesk) -> Outcome:
    """Deliver the mails of an attack and look at what came of them."""
    before, agents, since = desk.state(), desk.agents(), desk.last_event()
    head, row, raw, count = attack.head, None, b"", 0
    earlier = head.get("earlier", [])
    for position, mail in enumerate(attack.mails):
        envelope = head["envelope"] | (earlier[position] if position < len(earlier) else {})
        is_last = position == len(attack.mails) - 1
        copies = head.get("copies", 1) if is_last else envelope.pop("copies", 1)
        for copy in range(1, copies + 1):
            desk.now += timedelta(seconds=envelope.get("after_seconds", head.get("seconds_between", 600)))
            raw, count = on_the_wire(mail, desk.fill, copy=copy), len(desk.sent)
            row = desk.receive(raw, **_envelope(filled(envelope, desk.fill, copy=copy), desk))
    assert row is not None
    return Outcome(
        attack=attack,
        desk=desk,
        row=row,
        raw=raw,
        before=before,
        after=desk.state(),
        agents_before=agents,
        sent=list(desk.sent),
        sent_by_last=desk.sent[count:],
        suppressed=desk.suppressed(since),
    )


def _envelope(written: dict[str, Any], desk: AttackedDesk) -> dict[str, Any]:
    """The envelope of a mail as the door wants it; `unknown_path` is a transport that knows no reverse path."""
    names = ("reverse_path", "peer", "helo", "mailbox", "uid", "uidvalidity", "authenticated")
    values: dict[str, Any] = {name: written[name] for name in names if name in written}
    if written.get("unknown_path"):
        values["reverse_path"] = None
    values["recipients"] = tuple(written.get("recipients", ()))
    values["transport"] = Transport(written["transport"])
    if written.get("days_old"):
        values["internal_date"] = desk.now - timedelta(days=written["days_old"])
    return values


@pytest.mark.parametrize("attack", IN_THE_DIALOGUE, ids=name_of)
def test_an_attack_on_the_dialogue(attack: Attack, new_desk: NewDesk, certificates: Certificates) -> None:
    desk = new_desk(policy_after(**attack.head.get("policy", {})))
    since, sent = last_row(desk), len(desk.sent)
    options: dict[str, Any] = {"port": 0, "hostname": "desk.example.com", "trusted_peers": ()}
    if attack.head.get("tls"):
        options |= {"tls_certificate": certificates.certificate, "tls_key": certificates.key}
    with Door(desk.database, clock=desk.clock) as door:
        listener = SmtpListener(
            Smtp(**(options | attack.head.get("options", {}))),
            is_recipient=desk.policy.is_desk_address,
            door=door,
            clock=desk.clock,
        )
        thread = SmtpThread(listener).start()
        try:
            wrong = speak(attack, desk, thread.port, certificates)
        finally:
            thread.stop(1.0)
    wrong += stored_wrongly(attack, desk, since)
    if len(desk.sent) != sent:
        wrong.append("a refusal was mailed")
    judge(attack, wrong)


@pytest.mark.parametrize("attack", LOGGED, ids=name_of)
def test_what_reads_a_hostile_mail_logs_little_of_it(
    attack: Attack, played: tuple[AttackedDesk, object], caplog: pytest.LogCaptureFixture
) -> None:
    """T37: the parse worker's libraries, here in this process."""
    caplog.set_level(logging.DEBUG)
    parse(on_the_wire(attack.mails[-1], played[0].fill))
    assert [line for line in caplog.messages if len(line) > 200 or "\x1b" in line or "\n" in line] == []

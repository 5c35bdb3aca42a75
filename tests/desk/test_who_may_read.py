"""Who may read: whatever a stranger sends, nothing of a ticket reaches anybody who is not on it (T3, T4, T6, T7)."""

from __future__ import annotations

import random
import re
import string

import pytest

from gateway.keys import DOCTOR_HEADER, PROBE_HEADER
from tests.desk.harness import DESK, DeskUnderTest

ERIKA, EVE = "erika@example.com", "eve@evil.example"
OLGA = "olga@customer.example"
SECRET = "The code of the safe is 4711."


@pytest.fixture
def opened(desk: DeskUnderTest) -> DeskUnderTest:
    desk.write(ERIKA, f"My VPN is down. {SECRET}")
    return desk


def everything_to(desk: DeskUnderTest, address: str) -> str:
    return "\n".join(one.content.decode() + one.text for one in desk.inbox(address))


def test_a_spoofed_requester_with_the_number_and_a_cc_of_ones_own_gets_nothing(opened: DeskUnderTest) -> None:
    row = opened.write(
        ERIKA,
        "Please answer here.",
        subject="Re: [INC-1001]",
        headers={"Cc": EVE},
        reverse_path=EVE,
        peer="203.0.113.7",
    )
    assert (row.outcome, opened.ticket()["watchers"]) == ("appended", [])
    assert EVE in str(opened.ticket()["messages"][-1]["marks"]), "the agents are told of the Cc"
    opened.answer("anna@example.com", opened.last("anna@example.com"), f"As you said: {SECRET}\n#resolve")
    assert opened.inbox(EVE) == []
    assert opened.audit() == []


def test_a_spoofed_outside_requester_moves_nothing_and_is_marked(desk: DeskUnderTest) -> None:
    desk.write(OLGA, f"Broken. {SECRET}")
    desk.answer("anna@example.com", desk.last("anna@example.com"), "#resolve done")
    desk.write(OLGA, "Still broken!", subject="Re: [INC-1001]", headers={"Cc": EVE}, reverse_path=EVE)
    assert desk.ticket()["status"] == "resolved"
    assert "unverified" in desk.ticket()["messages"][-1]["marks"]
    assert desk.inbox(EVE) == []


@pytest.mark.parametrize("subject", ["Re: [INC-1001]", "AW: [inc-1001] Hello", "INC-1001"])
def test_a_stranger_with_a_number_learns_nothing(opened: DeskUnderTest, subject: str) -> None:
    opened.write(EVE, "What was it again?", subject=subject, headers={"Cc": "eve2@evil.example"})
    opened.answer("anna@example.com", opened.last("anna@example.com"), "Who are you?")
    for address in (EVE, "eve2@evil.example"):
        assert SECRET not in everything_to(opened, address)
        assert "VPN is down" not in everything_to(opened, address)


def test_a_new_participant_gets_what_comes_and_nothing_that_was(opened: DeskUnderTest) -> None:
    notice = opened.last("anna@example.com")
    opened.answer("anna@example.com", notice, "#note\nAn internal thought.")
    opened.answer("anna@example.com", notice, "#cc dora@example.com")
    opened.answer("anna@example.com", notice, "We have renewed it.")
    assert "We have renewed it." in everything_to(opened, "dora@example.com")
    assert SECRET not in everything_to(opened, "dora@example.com")
    assert "internal thought" not in everything_to(opened, "dora@example.com") + everything_to(opened, ERIKA)


@pytest.mark.parametrize("sender", [EVE, "carl@example.com", "anna@example.com, eve@evil.example"])
def test_the_requester_never_changes_by_a_mail(opened: DeskUnderTest, sender: str) -> None:
    """Not by the requester's own key either: whoever writes with it is another person (T6)."""
    opened.answer(sender, opened.last(ERIKA), "I am the requester now.", reverse_path=EVE)
    assert opened.ticket()["requester"] == ERIKA
    opened.answer("anna@example.com", opened.last("anna@example.com", "new_ticket"), "Restarted.")
    assert [one.to for one in opened.sent if one.notice == "answer"] == [ERIKA]


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-generated"},
        {"Precedence": "bulk"},
        {"List-Id": "<news.thirdparty.example>"},
        {"X-Auto-Response-Suppress": "All", "Auto-Submitted": "auto-notified"},
    ],
    ids=str,
)
def test_what_a_service_sends_to_a_reply_address_is_shown_to_nobody(
    opened: DeskUnderTest, headers: dict[str, str]
) -> None:
    """The ticket trick of 2017: somebody signs up elsewhere with the reply address of a ticket of theirs."""
    reply_to, before = opened.last(ERIKA).reply_to, len(opened.sent)
    row = opened.write(
        "no-reply@thirdparty.example",
        "Your code is 998877.",
        subject="Confirm your address",
        to=reply_to,
        recipients=(reply_to,),
        headers=headers,
        reverse_path="bounce@thirdparty.example",
    )
    assert row.state == "quarantined"
    assert "998877" not in "".join(one.text for one in opened.sent[before:])
    assert all("998877" not in message["text"] for message in opened.ticket()["messages"])


# What these say, anybody may say of their own mail: who writes to whom, what it answers, that a machine wrote it.
STANDARD = {
    *("from", "to", "subject", "date", "message-id", "in-reply-to", "references", "reply-to", "list-id", "content-id"),
    *("mime-version", "content-type", "content-transfer-encoding", "auto-submitted", "x-auto-response-suppress"),
}


OURS = {"x-helpdesk-gateway", "importance"}


def test_no_header_of_ours_changes_anything_when_it_comes_from_outside(desk: DeskUnderTest) -> None:
    """T7: every header name that we ever write, with values of somebody's own, beside the same mail without them."""
    ours = OURS | {"x-priority", "priority", DOCTOR_HEADER.lower(), PROBE_HEADER.lower()}
    ours |= {f"x-helpdesk-gateway-{name}" for name in ("smuggled", "ticket", "priority", "agent", "heartbeat")}
    desk.write(ERIKA, "It drops.", subject="Matter 0")
    keep = ("requester", "type", "status", "priority", "team", "category", "watchers")
    plain = {key: value for key, value in desk.ticket().items() if key in keep}
    chance = random.Random(7)
    for number, name in enumerate(sorted(ours) * 2, 1002):
        value = "".join(chance.choices(string.ascii_lowercase + string.digits + "<>@.;=", k=40))
        # Each from somebody else, so that no budget tells them apart.
        sender = f"person{number}@example.com"
        row = desk.write(sender, "It drops.", subject=f"Matter {number}", headers={name: value})
        assert (row.outcome, row.reason_code) == ("opened", ""), name
        made = {key: value for key, value in desk.ticket(number).items() if key in keep}
        assert made | {"requester": ERIKA} == plain, name
        assert desk.inbox(sender, "acknowledgement"), name


def test_every_header_that_we_write_is_known_here(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "I can't work, nobody can.", subject="First")
    desk.answer("anna@example.com", desk.last("anna@example.com"), "#priority P1\n#assign ben")
    written = {name.lower() for one in desk.sent for name in one.message.keys()}  # noqa: SIM118
    assert written - STANDARD == OURS


def test_no_requester_ever_sees_an_agents_address_or_a_key_of_somebody_else(opened: DeskUnderTest) -> None:
    notice = opened.last("anna@example.com")
    words = f"Write to anna@example.com or {notice.reply_to}, see {notice.message_id}. {DESK}"
    opened.answer("anna@example.com", notice, words, html=f"<p>{words}</p>")
    got = everything_to(opened, ERIKA)
    keys = {key for one in opened.inbox(ERIKA) for key in re.findall(r"[a-z2-7]{40}", one.content.decode())}
    assert "anna@example.com" not in got
    assert re.search(r"\+([a-z2-7]{40})@", notice.reply_to)[1] not in keys  # type: ignore[index]

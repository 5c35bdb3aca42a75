"""Links in agents' mails: a tap and a send do what the command does, once, for that agent, on that ticket."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, unquote

import pytest

from gateway.desk.quarantining import DIGEST, urgent_due
from gateway.store.database import connection
from gateway.store.tables import Outbox, UsedLink
from tests.desk.harness import DeskUnderTest, Sent, policy_of

ERIKA = "Erika Muster <erika@example.com>"
ANNA, BEN = "anna@example.com", "ben@example.com"
IPHONE = "\n\nVon meinem iPhone gesendet\nAnna Agent, IT, Tel. 4711"


@pytest.fixture
def notice(desk: DeskUnderTest) -> Sent:
    desk.write(ERIKA, "It drops since this morning.")
    return desk.last(ANNA, "new_ticket")


def links(sent: Sent) -> dict[str, str]:
    """The links of a mail as a client shows them: what stands there, and where it leads."""
    return {
        unescape(words): unescape(href)
        for href, words in re.findall(r'<a href="(mailto:[^"]+)"[^>]*>([^<]+)</a>', sent.html)
    }


def tap(desk: DeskUnderTest, sent: Sent, line: str, *, sender: str = ANNA, more: str = "", above: str = "") -> None:
    """What a phone writes when a link is tapped and the mail sent, signature and all."""
    address, _, query = links(sent)[line].removeprefix("mailto:").partition("?")
    asked = parse_qs(query, strict_parsing=True)
    body = asked["body"][0].replace("\r\n", "\n")
    head, mark, tail = body.partition("\n")
    desk.write(
        sender,
        above + head + more + mark + tail + IPHONE,
        subject=asked["subject"][0],
        to=unquote(address),
        recipients=(unquote(address),),
    )


def test_a_tap_takes_the_ticket_and_a_second_one_says_so(desk: DeskUnderTest, notice: Sent) -> None:
    tap(desk, notice, "#take")
    assert desk.ticket()["assignee"] == ANNA
    assert desk.inbox("erika@example.com", "answer") == []
    tap(desk, notice, "#take")
    assert "INC-1001: #take was done already" in desk.last(ANNA, "result").text
    assert [one["kind"] for one in desk.ticket()["history"]].count("link-used") == 1
    assert desk.audit() == []


def test_each_link_of_a_mail_works_once(desk: DeskUnderTest, notice: Sent) -> None:
    tap(desk, notice, "#take")
    tap(desk, notice, "#hold requester")
    assert desk.ticket()["status"] == "on_hold"
    tap(desk, notice, "#resolve", more=" It works again.")
    assert desk.ticket()["status"] == "resolved"
    resolution = desk.last("erika@example.com", "resolution").text
    assert "It works again." in resolution
    assert "iPhone" not in resolution
    assert "4711" not in resolution
    assert desk.audit() == []


@pytest.mark.parametrize(("more", "above"), [(" the profile expired", ""), ("", "the profile expired\n")])
def test_a_tapped_note_is_for_colleagues_wherever_the_words_stand(
    desk: DeskUnderTest, notice: Sent, more: str, above: str
) -> None:
    tap(desk, notice, "#note", more=more, above=above)
    assert desk.inbox("erika@example.com", "answer") == []
    assert "the profile expired" in desk.last(BEN, "internal_note").text
    assert desk.audit() == []


def test_what_is_typed_into_a_used_link_comes_back(desk: DeskUnderTest, notice: Sent) -> None:
    tap(desk, notice, "#note", more=" one")
    tap(desk, notice, "#note", more="\nanother thought")
    told = desk.last(ANNA, "result").text
    assert "another thought" in told
    assert len(desk.inbox(BEN, "internal_note")) == 1


@pytest.mark.parametrize("sender", [BEN, "erika@example.com", "stranger@example.net"])
def test_a_forwarded_link_does_nothing_for_anybody_else(desk: DeskUnderTest, notice: Sent, sender: str) -> None:
    tap(desk, notice, "#resolve", sender=sender)
    ticket = desk.ticket()
    assert (ticket["status"], ticket["assignee"], len(ticket["messages"])) == ("new", "", 1)
    assert desk.inbox(sender, "result") == []
    with connection(desk.database):
        assert UsedLink.select().count() == 0
        urgent_due(desk.database, desk.policy, desk.secrets, now=desk.now)
    desk._send()
    hint = " ".join(desk.last(ANNA, DIGEST).text.split())
    # Nobody was asked, and a reply lets nothing in: the hint says neither.
    assert "sent by somebody else to a link or a list that one agent alone was given" in hint
    assert "in the name of an agent" not in hint
    assert "release 1 3" not in hint
    tap(desk, notice, "#resolve")
    assert desk.ticket()["status"] == "resolved"
    assert desk.audit() == []


def test_a_tampered_link_does_nothing(desk: DeskUnderTest, notice: Sent) -> None:
    address = links(notice)["#take"].removeprefix("mailto:").partition("?")[0]
    key = address.partition("+")[2].partition("@")[0]
    broken = address.replace(key, key[:-1] + ("a" if key[-1] != "a" else "b"))
    desk.write(ANNA, "#take", subject="[INC-1001]", to=broken, recipients=(broken,))
    assert desk.ticket()["assignee"] == ""


def test_a_held_mail_leaves_its_link_unused(desk: DeskUnderTest, notice: Sent) -> None:
    tap(desk, notice, "#hold requester", more=" until yesterday")
    assert "no day of the next five years" in " ".join(desk.last(ANNA, "question").text.split())
    tap(desk, notice, "#hold requester")
    assert desk.ticket()["status"] == "on_hold"
    assert desk.audit() == []


def test_the_links_fit_the_ticket_and_its_reader(desk: DeskUnderTest, notice: Sent) -> None:
    assert list(links(notice)) == ["#take", "#resolve", "#hold requester", "#note"]
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#take\n#cc anna@example.com")
    desk.write(ERIKA, "Any news?", subject="Re: [INC-1001] My VPN is down")
    assert "#take" not in links(desk.last(BEN, "new_reply"))
    desk.answer(BEN, desk.last(BEN), "Done\n#resolve")
    desk.answer(ANNA, notice, "#note\nreally?")
    assert list(links(desk.last(BEN, "internal_note"))) == ["#reopen", "#note"]


def test_the_text_says_the_same_in_one_line(desk: DeskUnderTest, notice: Sent) -> None:
    assert "Reply with: #take · #resolve · #hold requester · #note" in notice.text
    assert "mailto:" not in notice.text


def test_nobody_outside_gets_a_link_and_they_can_be_switched_off(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "Hello")
    assert all("mailto:" not in one.html for one in desk.inbox("erika@example.com"))
    desk.change_policy(policy_of("action_links = false"))
    desk.write(ERIKA, "Another matter", subject="Mouse")
    assert links(desk.last(ANNA, "new_ticket")) == {}
    assert "Reply with:" not in desk.last(ANNA, "new_ticket").text


def test_the_audit_knows_used_links(desk: DeskUnderTest, notice: Sent) -> None:
    tap(desk, notice, "#take")
    with connection(desk.database):
        UsedLink.delete().execute()
    (finding,) = desk.audit()
    assert "its link 1" in finding
    with connection(desk.database):
        UsedLink.insert(outbox=Outbox.select().first().id, number=2, used_at=desk.now).execute()
    assert len(desk.audit()) == 2

"""Which event tells whom, and when: `[[notice]]` and `[notices]` of the rules, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway.desk.facts import gather_facts
from gateway.mail import Address, Envelope, Mail, Passage, PassageRole, Transport
from gateway.policy import Policy, parse_policy
from gateway.store.database import connection
from gateway.store.queue import claim
from gateway.store.states import OutboxState
from gateway.store.tables import Contact, Outbox
from tests.desk.harness import DeskUnderTest, policy_of

ERIKA = "Erika Muster <erika@example.com>"
ANNA, BEN = "anna@example.com", "ben@example.com"
LEAD = '[[agent]]\nname = "Lea Lead"\naddress = "lea@example.com"\n'


def table(event: str, *, to: str = "[]", when: str = "at once") -> str:
    return f'[[notice]]\nevent = "{event}"\nto = {to}\nwhen = "{when}"\n'


def test_an_event_tells_those_that_its_table_names(desk: DeskUnderTest) -> None:
    desk.change_policy(led_by_lea(table("internal_note", to='["lead", "assignee"]')))
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#take")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#note\nlooks like the profile")
    assert "the profile" in desk.last("lea@example.com", "internal_note").text
    assert desk.inbox(BEN, "internal_note") == desk.inbox(ANNA, "internal_note") == []
    desk.write(ERIKA, "Any news?", subject="Re: [INC-1001] My VPN is down")
    assert desk.inbox("lea@example.com", "new_reply") == []
    assert desk.audit() == []


def led_by_lea(more: str) -> Policy:
    text = policy_of(more=LEAD + more).text.replace(
        'name = "desk"\n', 'name = "desk"\nleads = ["lea@example.com"]\n', 1
    )
    return parse_policy(text)


def test_what_nobody_is_told_of_stands_in_the_history(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of(more=table("changed", when="never")))
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#priority P1")
    assert desk.inbox(BEN, "changed") == []
    assert "nobody is told: the rules say never for changed" in [one["text"] for one in desk.ticket()["history"]]
    assert desk.audit() == []


def test_somebody_always_hears_of_a_new_ticket(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of(more=table("new_ticket", to='["lead"]')))
    desk.write(ERIKA, "It drops.")
    assert desk.inbox(ANNA, "new_ticket")


def test_bundled_mails_wait_and_go_as_one(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of(more=table("new_reply", when="bundle")))
    desk.write(ERIKA, "It drops.")
    for words in ("first", "second", "third"):
        desk.write(ERIKA, f"{words} word", subject="Re: [INC-1001] My VPN is down")
    assert desk.inbox(ANNA, "new_reply") == []
    assert waiting(desk) == {"bundle"}
    assert desk.audit() == []
    desk.wait(minutes=15)
    assert desk.inbox(ANNA, "new_reply") == []
    assert [word in desk.last(ANNA, "bundle").text for word in ("first", "second", "third")] == [True] * 3
    assert len(desk.inbox(ANNA, "bundle")) == 1
    assert desk.audit() == []


def test_the_digest_comes_once_a_day_by_the_clock_of_its_reader(desk: DeskUnderTest) -> None:
    person = '[[person]]\naddress = "ben@example.com"\ntime_zone = "America/New_York"\n'
    desk.change_policy(policy_of(more=table("new_reply", when="digest") + '[notices]\ndigest_at = "16:00"\n' + person))
    desk.write(ERIKA, "It drops.")
    desk.write(ERIKA, "one", subject="Re: [INC-1001] My VPN is down")
    desk.write(ERIKA, "two", subject="Re: [INC-1001] My VPN is down")
    desk.wait(hours=6, minutes=56)
    assert desk.inbox(ANNA, "bundle") == []
    desk.wait(minutes=1)
    assert len(desk.inbox(ANNA, "bundle")) == 1
    assert desk.inbox(BEN, "bundle") == []
    desk.wait(hours=5)
    assert len(desk.inbox(BEN, "bundle")) == 1


def test_one_mail_alone_is_no_digest(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of(more=table("new_reply", when="digest")))
    desk.write(ERIKA, "It drops.")
    desk.write(ERIKA, "one word", subject="Re: [INC-1001] My VPN is down")
    desk.wait(days=1)
    assert "one word" in desk.last(ANNA, "new_reply").text
    assert desk.inbox(ANNA, "bundle") == []


QUIET = '[notices]\nquiet_hours = "22:00-07:00"\n'
URGENT = '[[rule]]\nname = "Down"\nwhen.words = "server"\nset = { impact = "high", urgency = "high" }\n'


def test_in_quiet_hours_only_urgent_tickets_wake_somebody(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of(more=QUIET + URGENT))
    desk.now = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
    desk.write(ERIKA, "My mouse is slow", subject="Mouse")
    desk.write(ERIKA, "The server is on fire", subject="Server")
    assert [one.subject for one in desk.inbox(ANNA, "new_ticket")] == ["[INC-1002] Server"]
    # People outside hear at once.
    assert len(desk.inbox("erika@example.com", "acknowledgement")) == 2
    assert waiting(desk) == {"quiet_hours"}
    with connection(desk.database):
        assert claim(desk.database, Outbox, owner="x", now=desk.now + timedelta(hours=7), limit=10) == []
    desk.wait(hours=7, minutes=57)
    assert len(desk.inbox(ANNA, "new_ticket")) == 1
    desk.wait(minutes=1)
    assert [one.subject for one in desk.inbox(ANNA, "new_ticket")][-1] == "[INC-1001] Mouse"
    assert desk.audit() == []


def test_the_answer_to_an_agents_own_mail_never_waits(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of(more=QUIET))
    desk.write(ERIKA, "My mouse is slow", subject="Mouse")
    desk.now = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#help")
    assert desk.inbox(ANNA, "result")


PEOPLE = """
[[notice]]
event = ["taken", "on_hold", "resumed"]
to = ["requester", "watchers"]

[[notice]]
event = "resolution"
to = "requester"

[[notice]]
event = "closing"
to = "watchers"
"""


def test_the_people_of_a_ticket_hear_what_the_rules_let_them_hear(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of(more=PEOPLE))
    desk.write(ERIKA, "It drops.")
    ticket = desk.last(ANNA, "new_ticket")
    desk.answer(ANNA, ticket, "#cc fred@example.com")
    desk.answer(ANNA, ticket, "#take\n#hold vendor until 2026-03-04")
    for address in ("erika@example.com", "fred@example.com"):
        text = desk.last(address, "update").text.replace("\r\n", "\n")
        assert "- Anna Agent takes care of it now\n- it waits for a supplier, until 4 March 2026" in text
        assert "anna@example.com" not in text
    # The words of an agent say it themselves.
    desk.answer(ANNA, ticket, "#hold requester\n\nIs it the same by cable?")
    desk.answer(ERIKA, desk.last("erika@example.com", "answer"), "By cable it works.")
    assert [len(desk.inbox(one, "update")) for one in ("erika@example.com", "fred@example.com")] == [1, 2]
    assert "it is no longer on hold, and goes on" in desk.last("fred@example.com", "update").text
    desk.answer(ANNA, ticket, "#resolve")
    assert (len(desk.inbox("erika@example.com", "resolution")), desk.inbox("fred@example.com", "resolution")) == (1, [])
    desk.wait(days=10)
    assert desk.ticket()["status"] == "closed"
    assert (desk.inbox("erika@example.com", "closing"), len(desk.inbox("fred@example.com", "closing"))) == ([], 1)
    assert desk.audit() == []


PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}
WATCHERS = '["watchers"]'
CLOSING = '[[notice]]\nevent = "closing"\nto = "requester"\n'


def test_the_closing_mail_says_who_closed_and_does_not_overtake_the_answer(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of("send_delay_minutes = 5", CLOSING))
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "The cable was loose.\n\n#close")
    assert desk.inbox("erika@example.com", "closing") == []
    later = desk.now + timedelta(minutes=6)
    with connection(desk.database):
        # What waits for a while anyway is not the closing mail alone.
        row = Outbox.get(Outbox.notice == "closing")
        # A row of an older version knows of no yes.
        older = {name: value for name, value in row.context.items() if name != "confirmed_by"}
        Outbox.update(not_before=None, hold_reason="", context=older).where(Outbox.id == row.id).execute()
        answer, closing = (Outbox.get(Outbox.notice == name).id for name in ("answer", "closing"))
        claimed = [one.id for one in claim(desk.database, Outbox, owner="one", now=later, limit=9)]
        assert answer in claimed
        assert closing not in claimed
        Outbox.update(state="sent", lease_owner="", lease_until=None).where(Outbox.id == answer).execute()
        assert [one.id for one in claim(desk.database, Outbox, owner="one", now=later, limit=9)] == [closing]
        Outbox.update(lease_owner="", lease_until=None).where(Outbox.id == closing).execute()
    desk.wait(minutes=6)
    text = desk.last("erika@example.com", "closing").text
    assert "Anna Agent has closed this ticket:" in text
    assert "heard nothing" not in text


def test_a_ticket_that_is_open_again_is_not_told_to_have_ended(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of("send_delay_minutes = 5", CLOSING))
    desk.write(ERIKA, "It drops.")
    ticket = desk.last(ANNA, "new_ticket")
    for words in ("The cable was loose.\n\n#close", "#reopen", "#resolve", "#reopen"):
        desk.answer(ANNA, ticket, words)
    desk.wait(minutes=10)
    assert [one.notice for one in desk.inbox("erika@example.com") if one.notice != "acknowledgement"] == ["answer"]
    given_up = [one["actor"] for one in desk.ticket()["history"] if one["kind"] == "given-up"]
    assert given_up == [ANNA, ANNA]
    assert desk.audit() == []


def test_where_nobody_wrote_any_more_the_closing_mail_says_so(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of(more=CLOSING))
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#resolve")
    desk.wait(days=10)
    assert "We have heard nothing more about this" in desk.last("erika@example.com", "closing").text


def test_what_people_always_heard_can_be_left_out(desk: DeskUnderTest) -> None:
    silent = '[[notice]]\nevent = ["acknowledgement", "added"]\nwhen = "never"\n'
    desk.change_policy(led_by_lea(silent + table("bad_rating", to='["lead"]')))
    for _ in range(2):
        desk.write(ERIKA, "It drops every few minutes since this morning, by cable too.")
    assert desk.inbox("erika@example.com") == []
    assert [one["kind"] for one in desk.ticket()["history"]].count("same-matter") == 1
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#resolve It is renewed.")
    desk.answer("erika@example.com", desk.last("erika@example.com", "resolution"), "1")
    assert desk.inbox("lea@example.com", "bad_rating")
    assert desk.inbox(ANNA, "bad_rating") == []
    assert desk.audit() == []


def test_news_to_a_dead_address_is_held_and_to_a_muted_one_left_out(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of(more=PEOPLE))
    desk.write(ERIKA, "It drops.")
    ticket = desk.last(ANNA, "new_ticket")
    desk.answer(ANNA, ticket, "#cc fred@example.com")
    with connection(desk.database):
        Contact.update(bounced_at=desk.now).where(Contact.address == "erika@example.com").execute()
        later = desk.now + timedelta(days=1)
        Contact.update(muted_until=later).where(Contact.address == "fred@example.com").execute()
    desk.answer(ANNA, ticket, "#take")
    assert desk.inbox("erika@example.com", "update") == desk.inbox("fred@example.com", "update") == []
    with connection(desk.database):
        held = list(Outbox.select().where(Outbox.notice == "update"))
        assert [(row.state, row.hold_reason) for row in held] == [(OutboxState.HELD, "undeliverable")]
    said = [one["text"] for one in desk.ticket()["history"] if one["text"].startswith("update to")]
    assert [text.partition(":")[0] for text in said] == [
        "update to erika@example.com held",
        "update to fred@example.com left out",
    ]
    assert desk.audit() == []


def test_news_that_a_person_makes_is_counted_and_a_hand_over_is_told_to_the_people_of_its_tickets(
    desk: DeskUnderTest,
) -> None:
    few = '[limits]\nautomatic_per_ticket = ["2/60"]\n'
    desk.change_policy(policy_of(more=few + table("reopened", to=WATCHERS) + table("taken", to=WATCHERS)))
    desk.write(ERIKA, "It drops.")
    ticket = desk.last(ANNA, "new_ticket")
    desk.answer(ANNA, ticket, "#cc vic@elsewhere.example\n#take", headers=PROVEN)
    desk.write(ANNA, "#handover ben", subject="x", headers=PROVEN)
    for words in ("by cable", "by air"):
        desk.answer(BEN, desk.last(BEN, "new_ticket"), "#resolve")
        desk.answer(ERIKA, desk.last("erika@example.com"), f"It still drops {words}.")
    # What agents do is told however often; what others do, as long as there is room.
    lines = [text for one in desk.inbox("vic@elsewhere.example", "update") for text in one.text.splitlines()]
    assert [line for line in lines if line.startswith("- ")] == [
        "- Ben Helper takes care of it now",
        "- it is open again",
    ]
    said = [one["text"] for one in desk.ticket()["history"] if one["kind"] == "suppressed"]
    assert [text.partition(":")[0] for text in said] == ["update to vic@elsewhere.example left out"]
    assert desk.audit() == []


def test_the_tickets_of_a_hand_over_are_read_only_where_more_than_a_name_vouches_for_it(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of(more=table("taken", to='["watchers"]')))
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#take")
    words = (Passage(role=PassageRole.NEW, text="#handover ben"),)
    shift = Mail(size_bytes=1, message_id="<1@example.net>", sender=Address(address=ANNA), passages=words)
    forged = Envelope(transport=Transport.SMTP, received_at=desk.now)
    with connection(desk.database):
        found = [
            gather_facts(shift, envelope, desk.policy, now=desk.now, secrets=desk.secrets)
            for envelope in (forged, replace(forged, confirmed_by=ANNA))
        ]
    assert [[one.number for one in known.named_tickets] for known in found] == [[], [1001]]


def waiting(desk: DeskUnderTest) -> set[str]:
    with connection(desk.database):
        return {row.hold_reason for row in Outbox.select().where(Outbox.state == OutboxState.WAITING)}

"""A whole day of an agent in each language: nothing that a decision says comes in English."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.compose.phrases import CATALOGUE
from gateway.desk.bundles import merge_waiting
from gateway.desk.outgoing import unbound_message_id
from gateway.desk.refusals import record_refusal
from gateway.phrase import Phrase, say
from gateway.policy import Policy
from gateway.store.database import connection, transaction
from gateway.store.states import OutboxState
from gateway.store.tables import Outbox
from tests.compose.phrases import all_phrases
from tests.desk.harness import CHECKOUT, DESK, DeskUnderTest, Sent, policy_of

ERIKA = "Erika Muster <erika@example.com>"
ANNA, BEN, NORA = "anna@example.com", "ben@example.com", "nora@example.com"
LANGUAGES = ("de", "fr", "es", "pt")
PLACEHOLDER = re.compile(r"\\\{[a-z_]+\\\}")


def words(language: str) -> dict[str, str]:
    text = (CHECKOUT / "templates" / language / CATALOGUE).read_text(encoding="utf-8")
    return tomllib.loads(text)


def pattern(phrase: str) -> re.Pattern[str]:
    """A phrase as it may stand in a mail: anything in its places, any white space between its words."""
    spaced = re.sub(r"(\\ )+", r"\\s+", PLACEHOLDER.sub(".{0,200}?", re.escape(phrase)))
    return re.compile(rf"(?<![\w#]){spaced}(?!\w)", re.DOTALL)


def is_said(phrase: str, text: str) -> bool:
    """Whether a phrase stands in a text; most are out at their first word, which is found much faster."""
    spoken = re.findall(r"[^\W\d_]+", re.sub(r"\{[a-z_]+\}", " ", phrase))
    return all(word in text for word in spoken) and pattern(phrase).search(text) is not None


def speaks_much(phrase: str) -> bool:
    """Whether a phrase is more than a word or two that may stand in a mail for another reason."""
    return len(re.findall(r"[^\W\d_]{2,}", re.sub(r"\{\w+\}|#\w+", "", phrase))) >= 2


def live_a_day(desk: DeskUnderTest) -> None:
    """Each command and each refusal, held mails, a collision, files, time, a bounce, a bundle."""
    desk.write(ERIKA, "It drops.", files=[("log.txt", b"x" * 100, "text/plain"), ("big.bin", b"y" * 6_000_000, "a/b")])
    notice = desk.last(ANNA, "new_ticket")
    bens = desk.last(BEN)
    desk.answer(BEN, bens, "#note\nI follow it.")
    desk.answer(BEN, bens, "#rules stats")
    say_all(desk, notice, ("#help", "#files", *REFUSED))
    # Sent without the lines that were wrong.
    desk.answer(ANNA, desk.last(ANNA, "question"), "#send")
    desk.answer(ANNA, notice, "Hello Erika #note and not for you")
    desk.answer(ANNA, notice, "Here it is.", files=[("notice.eml", notice.content, "application/octet-stream")])
    say_all(desk, notice, DONE)
    say_all(desk, notice, ("And this.",))
    desk.answer(BEN, bens, "Do that.")  # a minute later
    say_all(desk, notice, ("Words.\n#resolve", "#close", "#take", "#reopen", "#spam", "#take", "Words for nobody."))
    second_ticket(desk)
    third_ticket(desk)
    refuse(desk)
    bundle(desk)


def say_all(desk: DeskUnderTest, notice: Sent, texts: tuple[str, ...]) -> None:
    """Anna answers a notice with each text, with an hour between: who is wrong often is not asked each time."""
    for text in texts:
        desk.now += timedelta(hours=1)
        desk.answer(ANNA, notice, text)


REFUSED = (
    *("#priority P9", "#impact huge", "#urgency", "#category a/b/c", "#type x", "#assign nobody", "#hold", "#cc carl"),
    *("#tag", "#tag ;", "#tag -gone", "#set", "#set x=1", "#set impact=high", "#set language=it"),
    *("#hold vendor until soon", "#merge", "#merge INC-4711", "#merge INC-1001", f"#requester {DESK}", "#send"),
    *("Hello\n#take\nBye", "Hello\n#resolvv", "#priority P9\n#impact x", "#spam\nHello", "Hello\n\n-- \nAnna\n#take"),
    *("", "Hello\n\n#priority P9\n#impact x", "#rules"),
)
DONE = (
    *("#take", "#priority P1", "#impact high", "#urgency low", "#category net/vpn", "#type request", "#type incident"),
    *("#hold requester", "#hold vendor", "#hold approval until 2026-12-24", "#cc carl@example.com", "#assign network"),
    *("#tag vpn", "#tag lan -vpn", "#tag -lan", "#set asset=PC-1", "#set asset="),
    *("#assign ben", "#assign nora", "#requester erika@example.com", "Try again.", "#resolve Done.", "#reopen"),
)


def second_ticket(desk: DeskUnderTest) -> None:
    """A call that an agent logs, a question whose answer is given twice, files alone, a hold that ends."""
    headers = {"Reply-To": "elsewhere@example.net", "Cc": ", ".join(f"p{n}@example.com" for n in range(7))}
    desk.write("Eve <eve@example.net>, Mallory <mallory@example.net>", "INC-1001 x", subject="Hi", headers=headers)
    desk.write(ANNA, "#requester carl@example.com\n#priority P1\n#nope\n\nHe called.", subject="Call")
    confirmation = desk.last(ANNA, "confirmation")
    opened = desk.last(ANNA, "new_ticket")
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#note\nI follow it.")
    say_all(desk, opened, ("yes",))
    say_all(desk, confirmation, ("yes", "yes"))
    say_all(desk, opened, ("#files", "#retry", "#list mine", "# note Inside."))
    desk.answer(ANNA, opened, "", files=[("how.pdf", b"%PDF", "application/pdf")])
    say_all(desk, opened, ("ONE\n\n#tak",))
    first = desk.last(ANNA, "question")
    say_all(desk, opened, ("TWO\n\n#tak", "#send"))
    say_all(desk, first, ("#send", "#send"))
    say_all(desk, opened, ("#link INC-1001", "#merge INC-1001", "#hold vendor until 2026-03-06"))
    desk.wait(days=9)
    desk.write(ERIKA, "More of it.", subject="Third")
    third = desk.last(ANNA, "new_ticket")
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#note\nI follow it.")
    say_all(desk, third, ("#merge INC-1003",))
    desk.answer(ERIKA, desk.last("erika@example.com"), "Still.")


def third_ticket(desk: DeskUnderTest) -> None:
    """Files beside notes, held mails of which little is left, a colleague who takes over and resolves, and a mail that
    nobody can read."""
    desk.write(ERIKA, "Even more of it.", subject="Sixth")
    notice, bens = desk.last(ANNA, "new_ticket"), desk.last(BEN, "new_ticket")
    plan = [("plan.pdf", b"%PDF", "application/pdf")]
    desk.answer(ANNA, notice, "Words.\n\n#note\nInside.", files=plan)
    for text, files in (("MORE\n\n#tak", plan), ("#note\nInside.\n\n#tak", [])):
        say_all(desk, notice, (text,))
        desk.answer(ANNA, desk.last(ANNA, "question"), "#send", files=files)
    desk.now += timedelta(hours=1)
    desk.answer(BEN, bens, "#take\n#resolve It works.")
    desk.answer(ANNA, notice, "Try this too.")  # a minute later
    say_all(desk, notice, ("And that.",))
    desk.now += timedelta(hours=1)
    raw = desk.mail(ANNA, "Words.", subject="Re: Sixth", to=notice.reply_to)
    raw = raw.replace(b"Content-Type: text/plain", b'Content-Type: multipart/mixed; boundary="b"')
    raw = raw.replace(b"\r\n\r\n", b"\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 2_000, 1)
    desk.receive(raw, reverse_path=ANNA, recipients=(notice.reply_to,))


def refuse(desk: DeskUnderTest) -> None:
    """Mails that the relay does not take, or not for days."""
    replies: tuple[Phrase | str, ...] = (
        "550 5.1.1 no such user",
        say("the mail has {size} bytes, the relay takes at most {limit}", size=20_000, limit=10_000),
        say("given up after {days} days; the last answer was: {answer}", days=5, answer="450 4.2.1 busy"),
        say("given up after a day; the last answer was: {answer}", answer="450 4.2.1 busy"),
    )
    for sent, reply in zip(desk.inbox("erika@example.com"), replies, strict=False):
        with connection(desk.database), transaction(desk.database):
            record_refusal(sent.id, reply, policy=desk.policy, secrets=desk.secrets, now=desk.now)
    desk.write(ERIKA, "Another matter.", subject="Fourth")


def bundle(desk: DeskUnderTest) -> None:
    """Many changes at once become one mail."""
    before = {one.id for one in desk.sent}
    with connection(desk.database):
        rows = [row.id for row in Outbox.select().where((Outbox.notice == "changed") & Outbox.id.in_(before))]
        Outbox.update(state=OutboxState.WAITING, hold_reason="").where(Outbox.id.in_(rows)).execute()
        merge_waiting(
            desk.database,
            now=desk.now,
            new_message_id=lambda: unbound_message_id(desk.policy),
            token=desk.policy.token,
        )
    desk.write(ERIKA, "One more.", subject="Fifth")


def to_agents(desk: DeskUnderTest) -> list[Sent]:
    return [sent for sent in desk.sent if sent.to in (ANNA, BEN, NORA)]


# Said in odd cases only: an answer to a mail without a sender or of an agent who has left, dead addresses, two links.
RARE = {
    *("A colleague", "nobody knows the requester's address", "that ticket is closed"),
    "the addresses on the ticket work again: what was held for them is sent",
    "the addresses on the ticket get automatic mail again",
    # An agent's mail that comes twice and differs: `test_held_mails` says it.
    "a mail of yours with the same Message-ID came before, and this one differs from it",
    "#send, if this one is to go out too",
    "this word alone is for people who are no agents",
    # A "no" to what a mail in one's name wants: `test_agents` says it in each language.
    "Thank you. None of this is carried out:",
    "{agent} does not confirm the commands of the mail that opened this ticket",
    # A tapped `#note` without words, what a withdrawn ticket holds back, a mail that opens and merges: `test_hints`,
    # `test_readers`.
    *("#note, and your words below it", "there are no words of yours in it", "A new ticket"),
    "the requester has withdrawn the ticket, and there are words to the requester",
    # An archive with one of our mails in it: `test_agents` holds such an answer.
    "write it again without this file; #send leaves it out",
    # Of a held mail nothing but what can't count.
    "Nothing was sent. Left out of it:",
}
# The modules whose every phrase is said on such a day.
HEARD = (
    *("triage/actions.py", "triage/agent_mail.py", "triage/agent_reply.py", "triage/commands.py", "triage/grammar.py"),
    *("triage/onbehalf.py", "desk/clockwork.py", "desk/outgoing.py", "delivery/recording.py"),
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_whole_day_of_an_agent_has_nothing_in_english(
    make_desk: Callable[[Policy], DeskUnderTest], language: str
) -> None:
    desk = make_desk(policy_of(f'language = "{language}"'))
    live_a_day(desk)
    catalogue = words(language)
    texts = [sent.text for sent in to_agents(desk)]
    everything = "\n\n".join(texts)
    english = [key for key, said in catalogue.items() if speaks_much(key) and key != said]
    assert [key for key in english if is_said(key, everything)] == []
    assert {"question", "confirmation", "result", "changed", "new_ticket", "undeliverable", "bundle"} <= {
        sent.notice for sent in to_agents(desk)
    }
    own = {said.text for said in all_phrases() if said.place.partition(":")[0].endswith(HEARD)}
    missing = [key for key in own - RARE if key and not is_said(catalogue[key], everything)]
    assert missing == []


def test_a_requester_reads_their_own_language_where_an_agent_sent_only_a_file(desk: DeskUnderTest) -> None:
    text = "Guten Tag, mein VPN bricht seit heute früh immer wieder ab und ich kann nicht arbeiten."
    desk.write(ERIKA, text, headers={"Content-Language": "de"})
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "", files=[("how.pdf", b"%PDF", "application/pdf")])
    sent = desk.last("erika@example.com", "answer")
    assert "(siehe Anhang)" in sent.text
    assert "(siehe Anhang)" in sent.html
    assert "(see the attached files)" in desk.last(BEN, "agent_answered").text
    assert "(see the attached files)" in [message["text"] for message in desk.ticket()["messages"]]


def test_a_collision_says_the_time_by_the_desk_s_clock(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    desk = make_desk(policy_of('language = "de"\ntime_zone = "Europe/Berlin"'))
    desk.write(ERIKA, "It drops.")
    ben = desk.last(BEN)
    desk.answer(ANNA, desk.last(ANNA), "Restart it.")
    desk.answer(BEN, ben, "Reinstall it.")
    question = desk.last(BEN, "question").text
    assert "Anna Agent hat um 10:02 Uhr geantwortet" in question
    events = [event["text"] for event in desk.ticket()["history"]]
    assert not [text for text in events if "geantwortet" in text]


def test_a_row_that_an_older_version_wrote_is_shown_as_it_is(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    desk = make_desk(policy_of('language = "de"'))
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "#priority P1")
    with connection(desk.database):
        row = Outbox.select().where(Outbox.notice == "changed").get()
        row.context = row.context | {"changes": ["priority P1", {"unknown": "x"}]}
        row.state, row.hold_reason = OutboxState.WAITING, ""
        row.save()
    desk.sort()
    desk.write(ERIKA, "More.", subject="Second")
    assert "- priority P1" in desk.last(BEN, "changed").text

"""Phone calls, walk-ins and mails that went to an agent in person: the agent logs them for the employee."""

from __future__ import annotations

import email.policy
from email.message import EmailMessage

import pytest

from tests.stories.house import DESK, SECRET, House, Person

PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}

# How mail clients pass a mail on: the prefix of the subject, and what stands above the employee's words.
FORWARDS = {
    "outlook-en": (
        "FW:",
        "________________________________\nFrom: {who}\nSent: Monday, March 2, 2026 9:00 AM\n"
        "To: Anna Agent <anna@example.com>\nSubject: {subject}\n\n{text}",
    ),
    "outlook-de": (
        "WG:",
        "Von: {who}\nGesendet: Montag, 2. März 2026 09:00\nAn: Anna Agent <anna@example.com>\n"
        "Betreff: {subject}\n\n{text}",
    ),
    "outlook-fr": (
        "TR:",
        "De : {who}\nEnvoyé : lundi 2 mars 2026 09:00\nÀ : Anna Agent <anna@example.com>\nObjet : {subject}\n\n{text}",
    ),
    "gmail-en": (
        "Fwd:",
        "---------- Forwarded message ---------\nFrom: {who}\nDate: Mon, Mar 2, 2026 at 9:00 AM\n"
        "Subject: {subject}\nTo: Anna Agent <anna@example.com>\n\n\n{text}",
    ),
    "gmail-es": (
        "Fwd:",
        "---------- Forwarded message ---------\nDe: {who}\nDate: lun, 2 mar 2026 a las 9:00\n"
        "Subject: {subject}\nTo: Anna Agent <anna@example.com>\n\n\n{text}",
    ),
    "gmail-de": (
        "Fwd:",
        "---------- Forwarded message ---------\nVon: {who}\nDate: Mo., 2. März 2026 um 09:00 Uhr\n"
        "Subject: {subject}\nTo: Anna Agent <anna@example.com>\n\n\n{text}",
    ),
    "apple-en": (
        "Fwd:",
        "Begin forwarded message:\n\n> From: {who}\n> Subject: {subject}\n> Date: 2 March 2026 at 09:00:00 CET\n"
        "> To: Anna Agent <anna@example.com>\n> \n> {text}",
    ),
    "apple-de": (
        "Fwd:",
        "Anfang der weitergeleiteten Nachricht:\n\n> Von: {who}\n> Betreff: {subject}\n"
        "> Datum: 2. März 2026 um 09:00:00 MEZ\n> An: Anna Agent <anna@example.com>\n> \n> {text}",
    ),
    "apple-fr": (
        "Fwd:",
        "Début du message réexpédié :\n\n> De: {who}\n> Objet: {subject}\n> Date: 2 mars 2026 à 09:00:00 UTC+1\n"
        "> À: Anna Agent <anna@example.com>\n> \n> {text}",
    ),
    "thunderbird-en": (
        "Fwd:",
        "-------- Forwarded Message --------\nSubject: \t{subject}\nDate: \tMon, 2 Mar 2026 09:00:00 +0100\n"
        "From: \t{who}\nTo: \tAnna Agent <anna@example.com>\n\n\n\n{text}",
    ),
    "thunderbird-de": (
        "Fwd:",
        "-------- Weitergeleitete Nachricht --------\nBetreff: \t{subject}\nDatum: \tMon, 2 Mar 2026 09:00:00 +0100\n"
        "Von: \t{who}\nAn: \tAnna Agent <anna@example.com>\n\n\n\n{text}",
    ),
    "thunderbird-fr": (
        "Fwd:",
        "-------- Message transféré --------\nSujet : \t{subject}\nDate : \tMon, 2 Mar 2026 09:00:00 +0100\n"
        "De : \t{who}\nPour : \tAnna Agent <anna@example.com>\n\n\n\n{text}",
    ),
}


@pytest.mark.parametrize("client", FORWARDS)
def test_a_forwarded_mail_opens_a_ticket_for_its_author(
    house: House, erika: Person, anna: Person, ben: Person, client: str
) -> None:
    prefix, shape = FORWARDS[client]
    subject = f"Scanner of {erika.address.partition('@')[0]}"
    body = shape.format(who=erika.mailbox, subject=subject, text="The scanner on floor 2 jams.")
    anna.writes(f"She called me too, {SECRET}.\n\n{body}", subject=f"{prefix} {subject}", headers=PROVEN)
    acknowledgement = erika.gets("Your number")
    assert subject in acknowledgement.subject
    assert prefix not in acknowledgement.subject
    ticket = house.ticket(acknowledgement.ticket)
    assert ticket["requester"] == erika.address
    assert [(one["from"], one["visibility"], one["text"]) for one in ticket["messages"]] == [
        (erika.address, "public", "The scanner on floor 2 jams."),
        ("anna@example.com", "internal", f"She called me too, {SECRET}."),
    ]
    assert "The scanner on floor 2 jams." in ben.gets("logged by Anna Agent").text
    erika.answers(acknowledgement, "Only on Mondays.")
    ben.gets("Only on Mondays.", about=acknowledgement.ticket)


def test_a_mail_forwarded_as_an_attachment_opens_a_ticket_for_its_author(
    house: House, erika: Person, anna: Person
) -> None:
    inner = EmailMessage()
    inner["From"], inner["To"], inner["Subject"] = erika.mailbox, "anna@example.com", "Beamer"
    inner["Message-ID"] = "<inner@pc>"
    inner.set_content("The beamer stays dark.")
    outer = EmailMessage()
    outer["From"], outer["To"], outer["Subject"] = anna.mailbox, DESK, "Fwd: Beamer"
    outer["Authentication-Results"] = PROVEN["Authentication-Results"]
    outer.set_content("See below.")
    outer.add_attachment(inner)
    house.hand_in(outer.as_bytes(policy=email.policy.SMTP), sender=anna.address, to=DESK)
    acknowledgement = erika.gets("Your number")
    assert "Beamer" in acknowledgement.subject
    ticket = house.ticket(acknowledgement.ticket)
    assert ticket["messages"][0]["text"] == "The beamer stays dark."


def test_a_walk_in_with_proof_is_carried_out_at_once(house: House, erika: Person, anna: Person, nora: Person) -> None:
    text = f"#requester {erika.address}\n#assign network\n#priority P2\n\nHer phone has no network."
    anna.writes(text, subject="Phone without network", headers=PROVEN)
    number = erika.gets("Your number").ticket
    assert "Her phone has no network." in nora.gets(about=number).text
    ticket = house.ticket(number)
    assert (ticket["team"], ticket["priority"], ticket["requester"]) == ("network", "P2", erika.address)
    assert "#requester" not in str(ticket["messages"][0]["text"])


def test_a_walk_in_that_is_solved_on_the_spot_gets_the_resolution_mail(
    house: House, erika: Person, anna: Person
) -> None:
    text = f"#requester {erika.address}\n\nForgot her PIN.\n\n#resolve New PIN set at the desk."
    anna.writes(text, subject="PIN", headers=PROVEN)
    resolution = erika.gets("New PIN set at the desk.")
    house.settles()
    assert house.status_of(resolution.ticket) == "resolved"


def test_a_refused_command_of_a_walk_in_is_told_to_the_agent(house: House, erika: Person, anna: Person) -> None:
    anna.writes(f"#requester {erika.address}\n#priority urgent\n\nNo sound.", subject="Sound", headers=PROVEN)
    number = erika.gets("Your number").ticket
    anna.gets("is no priority", about=number)


def test_commands_without_proof_wait_for_one_confirmation(
    house: House, erika: Person, anna: Person, ben: Person
) -> None:
    anna.writes(f"#requester {erika.address}\n#priority P1\n\nThe lift computer is down.", subject="Lift")
    number = erika.gets("Your number").ticket
    confirmation = anna.gets("Was it you?", about=number)
    assert "#priority P1" in confirmation.text
    house.settles()
    assert house.ticket(number)["priority"] == "P3"
    anna.answers(confirmation, "Yes.")
    house.settles()
    assert house.ticket(number)["priority"] == "P1"
    assert erika.got() == []


def test_an_answer_to_another_mail_of_the_ticket_confirms_nothing(house: House, erika: Person, anna: Person) -> None:
    """Somebody forges a walk-in of Anna's; she does not notice and works on the ticket."""
    anna.writes(f"#requester {erika.address}\n#close\n\nThe lift computer is down.", subject="Lift")
    acknowledgement = erika.gets("Your number")
    anna.gets("Was it you?", about=acknowledgement.ticket)
    erika.answers(acknowledgement, "It still is.")
    reply = anna.gets("It still is.", about=acknowledgement.ticket)
    anna.answers(reply, "I am on my way.")
    erika.gets("I am on my way.")
    assert house.status_of(acknowledgement.ticket) == "in_progress"


def test_nobody_outside_hears_of_an_unproven_walk_in(house: House, anna: Person, ben: Person) -> None:
    outsider = house.person("olga@customer.example", "Olga")
    anna.writes(f"#requester {outsider.address}\n\nOlga lost her badge.", subject="Badge")
    ben.gets("Olga lost her badge.")
    assert outsider.got() == []


def test_an_agents_own_matter_is_an_ordinary_ticket(house: House, ben: Person) -> None:
    me = house.person("anna@example.com", "Anna Agent")
    me.has_read_everything()
    number = me.opens("My own screen is broken.", subject="Screen")
    assert house.ticket(number)["requester"] == me.address
    ben.answers(ben.gets("My own screen", about=number), "Take the one in room 7.")
    me.answers(me.gets("Take the one in room 7.", about=number), "Thank you, I have it.")
    ben.gets("I have it.", about=number)


def test_a_forward_is_for_whom_the_agent_names(house: House, erika: Person, anna: Person) -> None:
    """A secretary's mail about her boss's laptop: the boss is the requester, her words are the matter."""
    shape = FORWARDS["gmail-en"][1].format(who="Sec <sec@example.com>", subject="Laptop", text="The laptop is slow.")
    text = f"#requester {erika.address}\nIt is her laptop, {SECRET}.\n\n{shape}"
    anna.writes(text, subject="Fwd: Laptop", headers=PROVEN)
    number = erika.gets("Your number").ticket
    assert [one["text"] for one in house.ticket(number)["messages"]] == [
        "The laptop is slow.",
        f"It is her laptop, {SECRET}.",
    ]

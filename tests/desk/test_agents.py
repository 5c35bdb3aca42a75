"""What agents live through beside the stories on real sockets: what time does, and what their mailboxes answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.policy import Policy
from tests.desk.harness import DeskUnderTest, policy_of

ERIKA = "Erika Muster <erika@example.com>"
ANNA = "anna@example.com"
BEN = "ben@example.com"
NORA = "nora@example.com"


def test_a_key_expires_after_the_last_activity(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    notice = desk.last(ANNA)
    desk.wait(days=60)
    desk.answer(ERIKA, desk.last("erika@example.com"), "Still.")
    desk.wait(days=60)
    assert desk.answer(ANNA, notice, "Still the same key.").outcome == "appended"
    desk.wait(days=91)
    for more in ({}, {"headers": {"In-Reply-To": "", "References": ""}, "subject": "Hello"}):
        row = desk.answer(ANNA, notice, "Is it valid?\n#resolve", **more)
        assert (row.state, row.reason_code) == ("quarantined", "agent-unproven")
    assert desk.audit() == []


def test_a_former_agents_key_is_worth_nothing(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    policy = policy_of()
    desk = make_desk(policy)
    desk.write(ERIKA, "It drops.")
    notice = desk.last(BEN)
    desk.change_policy(replace(policy, agents=tuple(one for one in policy.agents if one.address != BEN)))
    before = len(desk.sent)
    row = desk.answer(BEN, notice, "I know better.\n#resolve")
    assert (row.state, row.reason_code) == ("quarantined", "agent-unproven")
    assert len(desk.sent) == before


@pytest.mark.parametrize(("minutes", "outcome"), [(13, "held"), (16, "appended")])
def test_a_colleagues_answer_collides_for_a_quarter_of_an_hour(desk: DeskUnderTest, minutes: int, outcome: str) -> None:
    desk.write(ERIKA, "It drops.")
    bens = desk.last(BEN)
    desk.answer(ANNA, desk.last(ANNA), "Restart it.")
    desk.wait(minutes=minutes)
    assert desk.answer(BEN, bens, "Reinstall it.").outcome == outcome


def test_who_has_seen_the_colleagues_answer_does_not_collide(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "Restart it.")
    assert desk.answer(BEN, desk.last(BEN, "agent_answered"), "And reinstall it.").outcome == "appended"


def test_a_ticket_on_hold_comes_back_on_its_day(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "#take\n#hold vendor until 2026-03-04")
    desk.wait(days=1)
    assert desk.ticket()["status"] == "on_hold"
    desk.wait(days=1)
    assert desk.ticket()["status"] == "in_progress"
    assert "no longer on hold" in desk.last(ANNA, "changed").text
    assert desk.audit() == []


def test_an_answer_takes_up_what_waits_for_the_requester(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "Which version?\n#hold requester")
    assert desk.ticket()["status"] == "on_hold"
    desk.answer(ERIKA, desk.last("erika@example.com", "answer"), "Version 5.")
    assert desk.ticket()["status"] == "in_progress"


def test_an_agents_out_of_office_reaches_the_team_and_nobody_else(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    before = len(desk.inbox("erika@example.com"))
    headers = {"Auto-Submitted": "auto-replied"}
    row = desk.answer(ANNA, desk.last(ANNA), "I am away until Friday.", headers=headers, reverse_path="")
    assert row.outcome == "appended"
    assert "I am away until Friday." in desk.last(BEN, "absent").text
    assert len(desk.inbox("erika@example.com")) == before
    assert desk.inbox(ANNA, "absent") == []
    assert desk.audit() == []


def test_a_command_in_the_signature_is_asked_about(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    row = desk.answer(ANNA, desk.last(ANNA), "It works again.\n\n-- \nAnna Agent\n#resolve")
    assert row.outcome == "held"
    assert "signature" in desk.last(ANNA, "question").text


def test_a_slogan_in_the_signature_is_no_command(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    row = desk.answer(ANNA, desk.last(ANNA), "It works again.\n\n-- \nAnna Agent\n#WeAreExample")
    assert row.outcome == "appended"
    assert "#WeAreExample" not in desk.last("erika@example.com", "answer").text


def test_the_words_beside_a_confirmation_are_kept(desk: DeskUnderTest) -> None:
    desk.write(f"Anna Agent <{ANNA}>", "#requester erika@example.com\n#priority P1\n\nNo light.", subject="Light")
    desk.answer(ANNA, desk.last(ANNA, "confirmation"), "Yes, that was me.")
    ticket = desk.ticket()
    assert ticket["priority"] == "P1"
    assert "Yes, that was me." in ticket["messages"][-1]["text"]
    assert desk.inbox("erika@example.com", "answer") == []


@pytest.mark.parametrize(
    ("words", "loses_ids"),
    [
        ("No", False),
        ("Nein, das war ich nicht!", False),
        ("Non, ce n'est pas moi.", False),
        ("No, no he sido yo.", False),
        ("Não fui eu.", False),
        ("nein", True),
    ],
)
def test_a_no_drops_the_commands_that_were_asked_about(desk: DeskUnderTest, words: str, loses_ids: bool) -> None:
    desk.write(f"Anna Agent <{ANNA}>", "#requester erika@example.com\n#priority P1\n\nNo light.", subject="Light")
    question, before = desk.last(ANNA, "confirmation"), desk.ticket()["priority"]
    ids = {"In-Reply-To": "<changed@relay.example.net>", "References": "<changed@relay.example.net>"}
    desk.answer(ANNA, question, words, headers=ids if loses_ids else {})
    assert desk.ticket()["priority"] == before != "P1"
    told = desk.last(ANNA, "result").text
    assert "None of this is carried out" in told
    assert "#priority P1" in told
    assert words in desk.last(BEN, "internal_note").text
    desk.answer(ANNA, question, "yes")
    assert desk.ticket()["priority"] == before
    assert desk.inbox("erika@example.com", "answer") == []
    assert desk.audit() == []


def test_a_yes_confirms_also_where_a_relay_has_changed_our_ids(desk: DeskUnderTest) -> None:
    desk.write(f"Anna Agent <{ANNA}>", "#requester erika@example.com\n#priority P1\n\nNo light.", subject="Light")
    ids = {"In-Reply-To": "<changed@relay.example.net>", "References": "<changed@relay.example.net>"}
    desk.answer(ANNA, desk.last(ANNA, "confirmation"), "Ja", headers=ids)
    assert desk.ticket()["priority"] == "P1"


def test_the_one_who_logs_a_matter_has_a_mail_of_it_to_answer(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    desk = make_desk(policy_of())
    headers = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}
    desk.write(f"Nora <{NORA}>", "#requester erika@example.com\n\nNo light.", subject="Light", headers=headers)
    desk.answer(NORA, desk.last(NORA, "new_ticket"), "I come up.")
    assert "I come up." in desk.last("erika@example.com", "answer").text


def test_the_language_of_a_walk_in_is_not_guessed_from_the_agents_words(desk: DeskUnderTest) -> None:
    text = "#requester erika@example.com\n\nO ecrã está preto desde hoje de manhã e não sei o que fazer com ele."
    desk.write(f"Anna Agent <{ANNA}>", text, subject="Ecrã")
    assert "Thank you for getting in touch" in desk.last("erika@example.com", "acknowledgement").text


def test_an_agents_second_use_of_a_screenshot_reaches_the_requester(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    notice = desk.last(ANNA)
    for count in (1, 2):
        shot = ("shot.png", b"\x89PNG\r\n\x1a\n same picture", "image/png")
        desk.answer(ANNA, notice, f"See the picture, {count}.", files=[shot])
    names = [part.get_filename() for part in desk.last("erika@example.com", "answer").message.iter_attachments()]
    assert names == ["shot.png"]


def test_a_number_of_a_merged_ticket_leads_to_the_one_it_went_into(desk: DeskUnderTest) -> None:
    for subject in ("One", "Two", "Three"):
        desk.write(ERIKA, "It drops.", subject=subject)
    one, _, three = desk.inbox(ANNA, "new_ticket")
    desk.answer(ANNA, one, "#merge INC-1002")
    desk.answer(ANNA, three, "#link INC-1001")
    assert desk.ticket(1003)["links"] == ["related 1002"]
    assert desk.audit() == []


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "We have recorded your report"),
        ("de", "Wir haben Ihre Störungsmeldung aufgenommen"),
        ("fr", "Nous avons enregistré votre signalement"),
        ("es", "Hemos registrado su aviso"),
        ("pt", "Anotamos o seu aviso"),
    ],
)
def test_who_called_is_not_thanked_for_a_message_and_the_words_are_the_agents(
    make_desk: Callable[[Policy], DeskUnderTest], language: str, words: str
) -> None:
    desk = make_desk(policy_of(f'language = "{language}"'))
    desk.write("Anna Agent <anna@example.com>", "#requester erika@example.com\n\nShe has no network.", subject="Call")
    told = " ".join(desk.last("erika@example.com", "acknowledgement").text.split())
    assert words in told
    assert not any(thanks in told for thanks in ("your message", "Ihre Nachricht", "votre message", "su mensaje"))
    assert "She has no network" not in told
    ticket = desk.ticket()
    assert ticket["requester"] == "erika@example.com"
    message = ticket["messages"][0]
    assert (message["from"], message["as"]) == ("anna@example.com", "requester")
    assert "logged by Anna Agent for erika@example.com" in message["marks"]
    # Her words are no answer: a colleague who writes now collides with nobody.
    desk.answer("ben@example.com", desk.last("ben@example.com", "new_ticket"), "Is the cable in?")
    assert "Is the cable in?" in desk.last("erika@example.com", "answer").text
    assert desk.audit() == []


def test_a_mail_that_an_agent_passes_on_is_its_authors(desk: DeskUnderTest) -> None:
    passed_on = "---------- Forwarded message ---------\nFrom: Erika Muster <erika@example.com>\n"
    passed_on += "Date: Mon, 2 Mar 2026 08:00\nSubject: No network\nTo: Anna <anna@example.com>\n\nI have no network.\n"
    desk.write("Anna Agent <anna@example.com>", passed_on, subject="Fwd: No network")
    assert desk.ticket()["messages"][0]["from"] == "erika@example.com"
    assert "Thank you for your message" in desk.last("erika@example.com", "acknowledgement").text


def test_the_language_of_a_mail_that_is_passed_on_is_its_authors(desk: DeskUnderTest) -> None:
    note = "This is what she says on the phone too, please have a look at it when you can.\n\n"
    head = "---------- Forwarded message ---------\nFrom: Mia <mia@example.com>\nDate: Mon, 2 Mar 2026 08:00\n"
    head += "Subject: {}\nTo: Anna <anna@example.com>\n\n"
    words = "Guten Tag, mein Drucker druckt nicht mehr.\n"
    anna = "Anna Agent <anna@example.com>"
    # Mail clients say in which language their owner writes.
    headers = {"Content-Language": "en"}
    desk.write(anna, note + head.format("Drucker") + words, subject="Fwd: Drucker", headers=headers)
    assert "Guten Tag" in desk.last("mia@example.com", "acknowledgement").text
    desk.write(anna, note + head.format("VPN") + "VPN tot.\n", subject="Fwd: VPN", headers=headers)
    assert "Guten Tag" in desk.last("mia@example.com", "acknowledgement").text
    assert len(desk.inbox("mia@example.com", "acknowledgement")) == 2


def test_a_priority_that_an_agent_sets_is_said_to_be_the_agents(desk: DeskUnderTest) -> None:
    headers = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}
    text = "#requester erika@example.com\n#priority P1\n#assign ben\n\nThe hall is dark."
    desk.write(f"Anna Agent <{ANNA}>", text, subject="Light", headers=headers)
    told = " ".join(desk.last(BEN, "new_ticket").text.split())
    assert "Priority: P1 (set by an agent; impact medium, urgency medium)" in told
    assert "priority P1 (an agent)" in told
    assert "P3" not in told

    desk.write(ERIKA, "It drops.")
    assert "Priority: P3 (impact medium, urgency medium)" in " ".join(desk.last(BEN, "new_ticket").text.split())
    assert desk.audit() == []


def test_words_and_a_note_in_one_mail_are_one_mail_to_each_colleague(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "My VPN is down.")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "Restart it, please.\n#note\nThe router of floor 3 again.")
    assert [sent.notice for sent in desk.inbox(BEN)] == ["new_ticket", "agent_answered"]
    told = desk.last(BEN, "agent_answered").text
    assert told.index("Restart it, please.") < told.index("Note by Anna Agent") < told.index("floor 3")
    assert "floor 3" not in desk.last("erika@example.com", "answer").text
    # Files beside a note are the note's, and come with it.
    desk.write(ERIKA, "It jams.", subject="The printer of the hall")
    text = "Restart it twice.\n#note\nThe plan."
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), text, files=[("plan.txt", b"floor", "text/plain")])
    assert [sent.notice for sent in desk.inbox(BEN)][3:] == ["agent_answered", "internal_note"]
    assert desk.audit() == []


def test_people_read_the_title_of_a_team(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    policy = policy_of(more='[[notice]]\nevent = "handed_over"\nto = ["requester"]\n')
    teams = tuple(team.model_copy(update={"title": f"{team.name.title()} & Co"}) for team in policy.teams)
    desk = make_desk(replace(policy, teams=teams))
    desk.write(ERIKA, "My VPN is down.")
    assert "Team: Desk & Co" in desk.last(BEN, "new_ticket").text
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#assign network")
    assert "the team Network & Co takes care of it now" in desk.last("erika@example.com", "update").text
    given = desk.last("nora@example.com", "new_ticket").text
    assert "Team: Network & Co" in given and "given to the team Network & Co by Ben Helper" in " ".join(given.split())
    assert "Moves between teams: 1 (Desk & Co → Network & Co)" in " ".join(given.split())
    assert desk.ticket()["team"] == "network"
    assert desk.audit() == []


def test_an_agent_who_reads_along_gets_one_mail_of_an_answer(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    more = '[[rule]]\nname = "All"\nwhen.words = "vpn"\n'
    desk = make_desk(policy_of(more=more + 'set.watchers = ["ben", "nora.private@example.org", "boss@example.com"]\n'))
    desk.write(ERIKA, "My VPN is down.")
    before = len(desk.sent)
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "Restart it, please.")
    told = {(sent.to, sent.notice) for sent in desk.sent[before:]}
    # Ben is of the team; Nora is not, and follows it because she reads along.
    assert told == {
        ("erika@example.com", "answer"),
        (BEN, "agent_answered"),
        ("nora@example.com", "agent_answered"),
        ("boss@example.com", "answer"),
    }
    desk.answer(BEN, desk.last(BEN, "agent_answered"), "And then tell us.\n\n#resolve")
    assert [sent.notice for sent in desk.sent if sent.to == BEN] == ["new_ticket", "agent_answered"]
    assert desk.audit() == []


def test_an_agent_who_asks_for_help_gets_what_a_requester_gets_once(desk: DeskUnderTest) -> None:
    desk.write("Ben Helper <ben@example.com>", "My own VPN is down.")
    before = len(desk.sent)
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "Restart it, please.")
    assert [(sent.to, sent.notice) for sent in desk.sent[before:]] == [(BEN, "answer")]


def test_an_agent_answers_as_the_requester_what_came_to_the_requester_also_after_an_agents_mail(
    desk: DeskUnderTest,
) -> None:
    """The ids of a thread may be those of mails in either role; the address that is answered says which it is."""
    desk.write(ANNA, "My own screen is dark.", subject="Screen")
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#assign anna")
    as_agent = desk.last(ANNA, "new_ticket")
    desk.answer(BEN, desk.last(BEN), "#resolve It was the cable.")
    resolution = desk.last(ANNA, "resolution")
    ids = f"{as_agent.message_id} {resolution.message_id}"
    desk.answer(ANNA, resolution, "It is still dark.", headers={"References": ids})
    assert desk.ticket()["status"] == "in_progress"
    assert "It is still dark." not in "".join(one.text for one in desk.inbox(ANNA, "answer"))
    assert desk.audit() == []


def test_an_agent_who_is_let_read_along_answers_as_an_agent_also_what_is_closed(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "Restart it, please.\n#cc nora@example.com")
    told = desk.last("nora@example.com")
    assert told.notice == "agent_answered"
    assert "Nora Net follows it from now on" in told.text and "leave" not in told.text
    desk.answer("nora@example.com", told, "Or try the cable.\n#note\nSECRET")
    assert "Or try the cable." in desk.last("erika@example.com", "answer").text
    desk.wait(minutes=30)
    desk.answer("nora@example.com", told, "#close")
    assert desk.ticket()["status"] == "closed"
    desk.answer("nora@example.com", told, "#note\nSECRET again")
    said = [(one["visibility"], one["as"]) for one in desk.ticket()["messages"] if "SECRET" in one["text"]]
    assert said == [("internal", "agent")] * 2
    assert "SECRET" not in "".join(one.text for one in desk.inbox("erika@example.com"))
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#reopen\n#cc -nora@example.com")
    before = len(desk.inbox("nora@example.com"))
    desk.answer(ERIKA, desk.last("erika@example.com"), "It drops again.")
    assert (len(desk.inbox("nora@example.com")), desk.ticket()["watchers"]) == (before, [])
    assert desk.audit() == []


def test_an_agent_whose_own_matter_was_merged_reads_and_answers_as_the_person_who_asked(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.write("Nora Net <nora@example.com>", "My own VPN drops.", subject="Nora's VPN")
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[1], "#merge INC-1001")
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[0], "#resolve Restart it.")
    desk.answer("nora@example.com", desk.last("nora@example.com", "resolution"), "It still drops.")
    assert desk.ticket()["messages"][-1]["as"] == "watcher"
    assert "It still drops." not in "".join(one.text for one in desk.inbox("erika@example.com"))


def test_an_agents_words_on_their_own_merged_matter_reach_no_requester_from_whatever_address(
    desk: DeskUnderTest,
) -> None:
    desk.write("nora.private@example.org", "My laptop is slow.", subject="Laptop")
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[0], "#merge 1002")
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[1], "We fixed the server.")
    desk.answer(NORA, desk.last("nora.private@example.org", "answer"), "Private: my PIN is 1234.")
    assert "1234" not in "".join(one.text for one in desk.inbox("erika@example.com"))
    assert "1234" in desk.last(ANNA, "new_reply").text
    assert desk.ticket(1002)["messages"][-1]["as"] == "watcher"
    assert desk.audit() == []


def test_who_lets_an_agent_read_along_twice_is_told_that_nothing_happened(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    notice = desk.last(BEN, "new_ticket")
    desk.answer(BEN, notice, "#cc nora.private@example.org")
    before = len(desk.sent)
    desk.answer(BEN, notice, "#cc nora@example.com")
    assert [(one.to, one.notice) for one in desk.sent[before:]] == [(BEN, "result")]
    assert "Nora Net reads along already" in desk.last(BEN, "result").text
    assert desk.audit() == []


def test_who_resolves_what_nobody_has_has_it_and_an_agents_own_matter_is_told_in_their_language(
    make_desk: Callable[[Policy], DeskUnderTest],
) -> None:
    desk = make_desk(policy_of(more='[[agent]]\nname = "Carl"\naddress = "carl@example.com"\nlanguage = "de"\n'))
    desk.write("carl@example.com", "The chair in my room is broken, please bring me another one.", subject="Chair")
    assert "Ihre Nummer" in desk.last("carl@example.com", "acknowledgement").text
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#resolve")
    assert (desk.ticket()["status"], desk.ticket()["assignee"]) == ("resolved", ANNA)
    assert desk.audit() == []

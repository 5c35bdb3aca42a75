"""When things go wrong: the relay, the process, the policy file. Nothing is lost, nothing comes twice."""

from __future__ import annotations

import smtplib
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from gateway.store.states import OutboxState
from gateway.store.tables import Ledger, Outbox
from tests.servers.gateway import GatewayProcess
from tests.servers.sink import Sink, Stage
from tests.servers.waiting import eventually
from tests.stories.conftest import relay_settings
from tests.stories.house import DESK, House, Person, furnish, refused_by_server
from tests.stories.letters import File, Letter, compose_mail


@pytest.fixture
def house(tmp_path: Path, new_gateway: Callable[..., GatewayProcess], sink: Sink) -> House:
    """A house of this story's own."""
    folder = furnish(tmp_path / "desk")
    return House(gateway=new_gateway(folder=folder, env=relay_settings(sink.port)).start(), sink=sink)


@pytest.fixture
def erika(house: House) -> Person:
    return house.person("erika@example.com", "Erika Muster")


@pytest.fixture
def anna(house: House) -> Person:
    return house.person("anna@example.com", "Anna Agent")


@pytest.fixture
def ben(house: House) -> Person:
    return house.person("ben@example.com", "Ben Helper")


def test_answers_wait_for_a_relay_that_is_away_and_keep_their_order(
    house: House, sink: Sink, erika: Person, anna: Person
) -> None:
    number = erika.opens("It drops.")
    notice = anna.gets("It drops.", about=number)
    sink.stop()
    texts = [f"Answer number {count}." for count in range(1, 7)]
    for text in texts:
        anna.answers(notice, text)
    erika.writes("Something else is broken.", subject="Phone")
    eventually(lambda: _waiting(house) >= 8, reason="answers and the acknowledgement wait")
    assert erika.unread() == []
    sink.start()
    # The pauses between two tries grow; on a busy machine it may be the third.
    house.settles(timeout_seconds=60)
    came = [letter.text for letter in erika.unread()]
    assert [text for one in came for text in texts if text in one] == texts
    assert len(came) == 7
    assert house.audit() == []
    assert house.assert_discreet() == 8


def _waiting(house: House) -> int:
    with house.reading():
        return int(Outbox.select().where(Outbox.state == OutboxState.WAITING).count())


def test_a_relay_that_says_later_gets_the_same_mail_again_and_one_that_says_never_is_told_to_the_agent(
    house: House, sink: Sink, erika: Person, anna: Person, ben: Person
) -> None:
    number = erika.opens("It drops.")
    notice = anna.gets("It drops.", about=number)
    ben.gets("It drops.", about=number)
    sink.answer(Stage.RCPT, "451 4.7.1 greylisted", recipient=erika.address)
    anna.answers(notice, "Please restart.")
    eventually(lambda: "greylisted" in _reply_to_answer(house), reason="the relay's answer")
    assert erika.unread() == []
    ben.gets("Please restart.", about=number)
    _let_time_pass(house)
    erika.gets("Please restart.")

    sink.answer(Stage.BODY, "550 5.7.1 looks like spam", recipient=erika.address)
    anna.answers(notice, "Buy a new client.")
    told = anna.gets("did not arrive", about=number)
    assert "looks like spam" in told.text
    assert "Buy a new client." in told.text
    assert erika.got() == []
    assert house.audit() == []


def _reply_to_answer(house: House) -> str:
    with house.reading():
        row = Outbox.select().where(Outbox.notice == "answer").order_by(Outbox.id.desc()).first()
        return row.reply if row is not None else ""


def _put_off(house: House) -> int:
    with house.reading():
        return int(Outbox.select().where(Outbox.not_before.is_null(False)).count())


def _let_time_pass(house: House) -> None:
    """The pause before the next try is over."""
    with house.reading():
        for row in Outbox.select().where(Outbox.not_before.is_null(False)):
            row.not_before -= timedelta(hours=1)
            row.save(only=[Outbox.not_before])


def test_a_lost_answer_of_the_relay_repeats_the_same_bytes(house: House, sink: Sink, erika: Person) -> None:
    sink.lose_answer()
    erika.writes("It drops.")
    sink.wait_for_count(3)
    eventually(lambda: _put_off(house) == 1, reason="the gateway to notice that no answer came")
    _let_time_pass(house)
    house.settles()
    twice = [mail.content for mail in sink.mails]
    assert len(twice) - len(set(twice)) == 1
    assert house.audit() == []


class Crowd:
    """Many employees who each write one mail, and whose mail server tries again until it is taken."""

    def __init__(self, house: House, count: int, *, at_once: int = 4) -> None:
        self._house = house
        self._waiting = [f"employee.{number}@example.com" for number in range(count)]
        self.taken: set[str] = set()
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._write, daemon=True) for _ in range(at_once)]
        self._gives_up = threading.Event()

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def _write(self) -> None:
        while not self._gives_up.is_set():
            with self._changed:
                if not self._waiting:
                    return
                address = self._waiting.pop()
            mail = compose_mail(sender=address, to=DESK, subject=f"From {address}", text=f"I am {address}.")
            while not self._gives_up.is_set():
                try:
                    self._house.hand_in(mail, sender=address, to=DESK)
                    break
                except (OSError, smtplib.SMTPException):
                    self._gives_up.wait(0.05)
            with self._changed:
                self.taken.add(address)
                self._changed.notify_all()

    def wait_until_taken(self, count: int) -> None:
        with self._changed:
            done = self._changed.wait_for(lambda: len(self.taken) >= count, 60)
        assert done, f"{len(self.taken)} of {count} mails were taken: {self._house.gateway.output[-3000:]}"

    def end(self) -> None:
        self._gives_up.set()
        for thread in self._threads:
            thread.join(20)


def test_a_process_that_is_killed_and_stopped_under_load_loses_nothing_and_repeats_nothing(
    house: House, sink: Sink
) -> None:
    crowd = Crowd(house, 120)
    crowd.start()
    try:
        for count in (15, 40, 65):
            crowd.wait_until_taken(count)
            house.gateway.kill()
            house.gateway.start()
        crowd.wait_until_taken(90)
        assert house.gateway.stop() == 0
        house.gateway.start()
        crowd.wait_until_taken(120)
    finally:
        crowd.end()
    house.settles()
    # A mail whose 250 was lost with the process is sent again by its client, and is a duplicate.
    with house.reading():
        opened = Counter(row.envelope["reverse_path"] for row in Ledger.select().where(Ledger.outcome == "opened"))
    assert opened == Counter(dict.fromkeys(crowd.taken, 1))
    ours = [mail for mail in sink.mails if not house.agents() & set(mail.recipients)]
    acknowledged = {(mail.recipients[0], Letter(mail.content).message_id) for mail in ours}
    assert Counter(recipient for recipient, _ in acknowledged) == opened
    # At most the mails under way at a kill came twice, with the same bytes.
    assert len(ours) - len(acknowledged) <= 4 * 3
    assert len({mail.content for mail in ours}) == len(acknowledged)
    assert house.audit() == []


def test_the_policy_is_taken_over_live_and_a_broken_one_refused(house: House, erika: Person, anna: Person) -> None:
    rules = house.gateway.folder / "rules.toml"
    good = rules.read_text()
    carla = house.person("carla@example.com", "Carla")
    # It is a second before the mtime of the file can differ.
    more = good + '\n[[agent]]\nname = "Carla"\naddress = "carla@example.com"\nteams = ["desk"]\n'
    rules.write_text(more.replace('"it@example.com"', '"it@example.com", "new@example.com"'))
    house.gateway.wait_for_output(lambda line: "rules_in_force" in line)
    erika.writes("It drops.", to="new@example.com")
    number = erika.gets("Your number").ticket
    carla.answers(carla.gets("It drops.", about=number), "I am new here. Restart it.")
    erika.gets("I am new here.")

    rules.write_text(rules.read_text() + "\n[[agent]]\nname = 7\n")
    house.gateway.wait_for_output(lambda line: "rules_refused" in line)
    second = erika.opens("It drops again.", subject="Again")
    notice = carla.gets("It drops again.", about=second)
    eventually(lambda: house.gateway.run("status").returncode == 1, timeout_seconds=30, reason="a yellow status")
    status = house.gateway.run("status")
    assert "rules.toml" in status.stdout + status.stderr

    rules.write_text(good)
    house.gateway.wait_for_output(lambda line: "rules_in_force" in line and line not in notice.text)
    eventually(lambda: house.gateway.output.count("rules_in_force") == 2, reason="the old policy again")
    # Carla is no agent any more: her keys are worth nothing.
    carla.answers(notice, "Still me.\n#resolve")
    house.settles()
    assert house.quarantine() == ["agent-unproven"]
    assert house.status_of(second) == "new"
    assert refused_by_server(lambda: erika.writes("Hello?", to="new@example.com")).startswith("{")


def test_the_pipe_says_with_its_exit_code_what_became_of_a_mail(house: House, erika: Person) -> None:
    mail = compose_mail(sender=erika.address, to=DESK, subject="By pipe", text="I came through a pipe.")
    run = house.gateway.run
    assert run("deliver", "--sender", erika.address, stdin=mail).returncode == 0
    acknowledgement = erika.gets("Your number")
    assert run("deliver", "--recipient", "it@example.com", stdin=mail).returncode == 0
    assert erika.got() == []
    to = acknowledgement.reply_to
    answer = compose_mail(sender=erika.address, to=to, subject="Re", text="More of it.")
    assert run("deliver", "--recipient", to, "--sender", erika.address, stdin=answer).returncode == 0
    assert run("deliver", "--recipient", "nobody@example.com", stdin=mail).returncode in (64, 65)
    house.settles()
    assert len(house.ticket(acknowledgement.ticket)["messages"]) == 2
    (house.gateway.folder / "rules.toml").write_text("[desk\n")
    assert run("deliver", stdin=mail).returncode == 75
    assert house.audit() == []


def test_one_mail_to_two_addresses_of_the_desk_opens_one_ticket(house: House, erika: Person, anna: Person) -> None:
    both = [DESK, "it@example.com"]
    erika.writes("Both get it.", to=", ".join(both), recipients=both)
    mail = erika.writes("One after the other.", to=", ".join(both), recipients=both[:1], subject="Twice")
    house.hand_in(mail, sender=erika.address, to=both[1])
    house.settles()
    assert len(erika.unread()) == 2
    assert len(anna.unread()) == 2
    with house.reading():
        assert sorted(row.outcome for row in Ledger.select()) == ["duplicate", "opened", "opened"]


def test_what_is_too_big_for_the_relay_is_named_to_agents_and_told_to_its_author(
    tmp_path: Path, new_gateway: Callable[..., GatewayProcess], new_sink: Callable[..., Sink]
) -> None:
    small = new_sink(size_limit_bytes=60_000)
    gateway = new_gateway(folder=furnish(tmp_path / "desk"), env=relay_settings(small.port)).start()
    house = House(gateway=gateway, sink=small)
    erika, anna = house.person("erika@example.com"), house.person("anna@example.com")
    video = File(name="video.mp4", content=b"v" * 100_000, content_type="video/mp4")
    number = erika.opens("See the video.", files=[video])
    notice = anna.gets("See the video.", about=number)
    assert "video.mp4 (too large" in notice.text
    assert notice.files == {}
    anna.answers(notice, "Watch this one instead.", files=[video])
    told = anna.gets("did not arrive", about=number)
    assert "Watch this one instead." in told.text
    assert "takes at most" in told.text
    assert erika.got() == []
    assert house.audit() == []


def test_a_process_without_timers_follows_the_policy_too(
    tmp_path: Path, new_gateway: Callable[..., GatewayProcess]
) -> None:
    folder = furnish(tmp_path / "desk")
    door = new_gateway(folder=folder, arguments=("--only", "smtp")).start()
    house = House(gateway=door)
    erika = house.person("erika@example.com", inbox=lambda: ())
    assert "550" in refused_by_server(lambda: erika.writes("Hello", to="new@example.com"))
    furnish(folder, aliases=["it@example.com", "new@example.com"])
    door.wait_for_output(lambda line: "rules_in_force" in line)
    assert refused_by_server(lambda: erika.writes("Hello", to="new@example.com")) == ""


def test_a_database_that_drops_every_connection_loses_nothing_and_delays_little(
    postgres_url: str, tmp_path: Path, new_gateway: Callable[..., GatewayProcess], sink: Sink
) -> None:
    env = relay_settings(sink.port) | {"GATEWAY_STORAGE_URL": postgres_url}
    gateway = new_gateway(folder=furnish(tmp_path / "desk"), env=env).start()
    house = House(gateway=gateway, sink=sink)
    crowd = Crowd(house, 60)
    crowd.start()
    try:
        for count in (10, 25, 40):
            crowd.wait_until_taken(count)
            _drop_connections(postgres_url)
        crowd.wait_until_taken(60)
    finally:
        crowd.end()
    house.settles()
    with house.reading():
        opened = Counter(row.envelope["reverse_path"] for row in Ledger.select().where(Ledger.outcome == "opened"))
    assert opened == Counter(dict.fromkeys(crowd.taken, 1))
    assert house.audit() == []


def _drop_connections(url: str) -> None:
    """As a restart of the database server, or a switch to its standby, would."""
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")

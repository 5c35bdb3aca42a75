"""The servers that the other tests stand on do what their fixtures promise."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError

from tests.servers.certificates import Certificates
from tests.servers.client import send, send_lmtp, swaks
from tests.servers.dovecot import DovecotServer, Mailbox
from tests.servers.gateway import GatewayProcess
from tests.servers.ports import free_port
from tests.servers.postfix import PostfixServer
from tests.servers.require import PROGRAMS, server_or_skip
from tests.servers.sink import Sink, Stage
from tests.servers.waiting import eventually, is_listening


def mail(subject: str = "Printer on fire", message_id: str = "one@example.com", references: str = "") -> bytes:
    lines = [
        "From: Erika Employee <employee@example.com>",
        "To: helpdesk@example.com",
        f"Subject: {subject}",
        f"Message-ID: <{message_id}>",
    ]
    if references:
        lines += [f"In-Reply-To: <{references}>", f"References: <{references}>"]
    return "\n".join([*lines, "", "It burns.", ".a line that begins with a dot", ""]).encode()


class TestSink:
    def test_keeps_envelope_and_bytes_of_what_it_gets(self, sink: Sink) -> None:
        send(mail(), port=sink.port, from_="a@example.com", to=["b@example.net", "c@example.net"])
        received = sink.wait_for_count(1)[0]
        assert received.sender == "a@example.com"
        assert received.recipients == ("b@example.net", "c@example.net")
        assert received.content == mail().replace(b"\n", b"\r\n")
        assert received.subject == "Printer on fire"
        assert received.text == "It burns.\n.a line that begins with a dot\n"
        assert received.helo == "client.example.net"
        assert not received.tls

    def test_calls_the_null_sender_nothing(self, sink: Sink) -> None:
        send(mail(), port=sink.port, from_="", to="b@example.net")
        assert sink.wait_for_mail_to("B@example.net").sender == ""

    @pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY])
    def test_answers_as_scripted_once_and_then_takes_the_mail(self, sink: Sink, stage: Stage) -> None:
        sink.answer(stage, "451 4.3.0 later")
        with pytest.raises(smtplib.SMTPException, match="later"):
            send(mail(), port=sink.port, to="b@example.net")
        assert sink.mails == ()
        send(mail(), port=sink.port, to="b@example.net")
        assert len(sink.mails) == 1

    def test_refuses_at_the_first_word(self, sink: Sink) -> None:
        sink.answer(Stage.CONNECT, "554 5.3.2 not today")
        with pytest.raises(smtplib.SMTPConnectError, match="not today"):
            send(mail(), port=sink.port, to="b@example.net")

    def test_refuses_one_recipient_of_two_for_ever(self, sink: Sink) -> None:
        sink.answer(Stage.RCPT, "550 5.1.1 unknown", times=None, recipient="c@example.net")
        for _ in range(2):
            refused = send(mail(), port=sink.port, to=["b@example.net", "c@example.net"])
            assert refused == {"c@example.net": (550, b"5.1.1 unknown")}
        assert [taken.recipients for taken in sink.mails] == [("b@example.net",)] * 2

    @pytest.mark.parametrize("stage", [stage for stage in Stage if stage not in (Stage.STARTTLS, Stage.AUTH)])
    def test_closes_the_connection_at_any_stage(self, sink: Sink, stage: Stage) -> None:
        sink.close_at(stage)
        with pytest.raises((smtplib.SMTPException, OSError)):
            send(mail(), port=sink.port, to="b@example.net")
        assert sink.mails == ()

    def test_says_421_after_the_final_dot_again_and_again_and_hangs_up(self, sink: Sink) -> None:
        sink.answer(Stage.BODY, "421 4.3.2 going down", times=None)
        for _ in range(2):
            with pytest.raises(smtplib.SMTPException, match="going down"):
                send(mail(), port=sink.port, to="b@example.net")
        assert sink.mails == ()

    def test_takes_a_mail_and_loses_the_answer(self, sink: Sink) -> None:
        sink.lose_answer()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            send(mail(), port=sink.port, to="b@example.net")
        assert len(sink.mails) == 1

    def test_holds_a_dialogue_until_released(self, sink: Sink) -> None:
        gate = sink.hold(Stage.BODY)
        client = threading.Thread(target=send, args=(mail(),), kwargs={"port": sink.port, "to": "b@example.net"})
        client.start()
        gate.wait_until_reached()
        assert sink.mails == ()
        gate.release()
        client.join(timeout=10)
        assert len(sink.mails) == 1

    def test_announces_and_keeps_a_size_limit(self, new_sink: Callable[..., Sink]) -> None:
        sink = new_sink(size_limit_bytes=100)
        with pytest.raises(smtplib.SMTPSenderRefused, match="552"):
            send(mail(), port=sink.port, to="b@example.net")

    def test_hides_extensions(self, new_sink: Callable[..., Sink]) -> None:
        sink = new_sink(hide_extensions=("8BITMIME",), smtputf8=False)
        with smtplib.SMTP("127.0.0.1", sink.port) as client:
            client.ehlo()
            assert not client.has_extn("8bitmime")
            assert not client.has_extn("smtputf8")
            assert client.has_extn("enhancedstatuscodes")

    def test_demands_tls_and_a_password(self, new_sink: Callable[..., Sink], certificates: Certificates) -> None:
        tls = certificates.server_context()
        sink = new_sink(tls=tls, require_starttls=True, user="desk", password="secret")
        trusting = certificates.client_context()
        with pytest.raises(smtplib.SMTPException):
            send(mail(), port=sink.port, to="b@example.net")
        with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
            send(mail(), port=sink.port, to="b@example.net", starttls=trusting)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            send(mail(), port=sink.port, to="b@example.net", starttls=trusting, user="desk", password="wrong")
        send(mail(), port=sink.port, to="b@example.net", starttls=trusting, user="desk", password="secret")
        received = sink.wait_for_count(1)[0]
        assert received.tls
        assert received.user == "desk"

    def test_shows_a_certificate_that_nobody_trusts(
        self, new_sink: Callable[..., Sink], certificates: Certificates
    ) -> None:
        sink = new_sink(tls=certificates.server_context(stranger=True))
        with pytest.raises(ssl.SSLCertVerificationError):
            send(mail(), port=sink.port, to="b@example.net", starttls=certificates.client_context())

    def test_speaks_tls_from_the_start(self, new_sink: Callable[..., Sink], certificates: Certificates) -> None:
        sink = new_sink(tls=certificates.server_context(), implicit_tls=True)
        with smtplib.SMTP_SSL("localhost", sink.port, context=certificates.client_context()) as client:
            client.sendmail("a@example.com", ["b@example.net"], mail())
        assert sink.wait_for_count(1)[0].tls

    def test_goes_away_and_comes_back_on_the_same_port(self, sink: Sink) -> None:
        sink.stop()
        assert not is_listening(sink.port)
        sink.start()
        send(mail(), port=sink.port, to="b@example.net")
        assert len(sink.mails) == 1

    def test_names_what_came_when_the_wanted_mail_did_not(self, sink: Sink) -> None:
        send(mail(), port=sink.port, to="b@example.net")
        with pytest.raises(AssertionError, match="Printer on fire"):
            sink.wait_for_mail_to("c@example.net", timeout_seconds=0.01)

    def test_is_understood_by_swaks(self, sink: Sink) -> None:
        result = swaks("--to", "b@example.net", "--from", "a@example.com", port=sink.port)
        assert result.exit_code == 0, result.dialogue
        assert sink.wait_for_count(1)[0].subject.startswith("test")


def test_a_reserved_port_is_not_given_twice() -> None:
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rival, pytest.raises(OSError, match="in use"):
        rival.bind(("127.0.0.1", port))


class TestPostgres:
    def test_keeps_a_row_in_a_database_of_the_tests_own(self, postgres_url: str) -> None:
        with psycopg.connect(postgres_url) as connection:
            connection.execute("CREATE TABLE word (word text)")
            connection.execute("INSERT INTO word VALUES ('ünïcode')")
            assert connection.execute("SELECT word FROM word").fetchall() == [("ünïcode",)]

    def test_gives_the_next_test_an_empty_one(self, postgres_url: str) -> None:
        with psycopg.connect(postgres_url) as connection:
            found = connection.execute("SELECT 1 FROM pg_tables WHERE tablename = 'word'").fetchall()
        assert found == []


def test_a_test_that_asks_for_a_database_runs_on_both(database_url: str) -> None:
    assert database_url.partition(":")[0] in ("sqlite", "postgresql")


class TestDovecot:
    def test_gives_back_an_appended_mail_unseen(self, mailbox: Mailbox) -> None:
        mailbox.append(mail(), internal_date=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
        stored = mailbox.mails()
        assert [one.content for one in stored] == [mail().replace(b"\n", b"\r\n")]
        assert "\\Seen" not in stored[0].flags
        with mailbox.connect("INBOX") as client:
            date = client.fetch([stored[0].uid], ["INTERNALDATE"])[stored[0].uid][b"INTERNALDATE"]
        assert date.astimezone(UTC).replace(tzinfo=UTC) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def test_takes_mail_over_lmtp_also_for_a_plus_address(self, mailbox: Mailbox) -> None:
        plus = mailbox.address.replace("@", "+key@")
        answers = send_lmtp(mail(), listen=mailbox.server.lmtp_port, to=[mailbox.address, plus, "nobody@example.com"])
        assert [code for code, _ in answers.values()] == [250, 250, 550]
        stored = mailbox.wait_for_mails(2)
        assert b"Printer on fire" in stored[0].content

    def test_verifies_with_our_ca_over_implicit_tls_and_starttls(self, mailbox: Mailbox) -> None:
        context = mailbox.server.certificates.client_context()
        with IMAPClient("localhost", port=mailbox.server.imaps_port, ssl_context=context) as client:
            client.login(mailbox.address, mailbox.password)
        with IMAPClient("localhost", port=mailbox.server.imap_port, ssl=False) as client:
            client.starttls(context)
            client.login(mailbox.address, mailbox.password)

    def test_keeps_folders_and_threads(self, mailbox: Mailbox) -> None:
        mailbox.create_folder("Done")
        assert mailbox.folders() == ("Done", "INBOX")
        mailbox.append(mail(), folder="Done")
        mailbox.append(mail("Re: Printer on fire", "two@example.com", "one@example.com"), folder="Done")
        mailbox.append(mail("Printer on fire", "three@example.com"), folder="Done")
        assert mailbox.threads("Done", "REFS") == ((1, 2), (3,))

    def test_changes_uidvalidity_and_keeps_the_mails(self, mailbox: Mailbox) -> None:
        mailbox.append(mail())
        before = mailbox.uidvalidity()
        after = mailbox.change_uidvalidity()
        assert after != before
        assert len(mailbox.mails()) == 1

    def test_wakes_an_idle_client_and_then_drops_it(self, mailbox: Mailbox) -> None:
        with mailbox.connect("INBOX") as client:
            client.idle()
            mailbox.append(mail())
            assert (1, b"EXISTS") in client.idle_check(timeout=10)
            mailbox.break_connections()
            client.idle_check(timeout=10)
            with pytest.raises(IMAPClientAbortError, match="EOF"):
                client.idle_done()

    def test_freezes_a_session(self, mailbox: Mailbox) -> None:
        with mailbox.connect("INBOX") as client:
            with mailbox.frozen():
                client.socket().settimeout(0.2)
                with pytest.raises(TimeoutError):
                    client.noop()
            client.shutdown()

    def test_stops_and_starts_with_its_mails(self, dovecot: DovecotServer, mailbox: Mailbox) -> None:
        mailbox.append(mail())
        dovecot.stop()
        assert not is_listening(dovecot.imap_port)
        dovecot.start()
        assert len(mailbox.mails()) == 1


class TestPostfix:
    def test_relays_to_the_rest_of_the_world(self, postfix: PostfixServer, postfix_sink: Sink) -> None:
        send(mail(), port=postfix.port, from_="helpdesk@example.com", to="employee@example.com")
        received = postfix_sink.wait_for_mail_to("employee@example.com")
        assert received.sender == "helpdesk@example.com"
        assert received.subject == "Printer on fire"
        postfix.wait_until_empty()

    def test_tries_again_after_a_temporary_refusal(self, postfix: PostfixServer, postfix_sink: Sink) -> None:
        postfix_sink.answer(Stage.RCPT, "451 4.3.0 later")
        send(mail(), port=postfix.port, to="b@example.net")
        postfix_sink.wait_for_mail_to("b@example.net")

    def test_keeps_what_nobody_takes_and_delivers_it_later(
        self, postfix: PostfixServer, new_sink: Callable[..., Sink]
    ) -> None:
        send(mail(), port=postfix.port, to="b@example.net")
        postfix.wait_until_queued(1)
        sink = new_sink(port=postfix.sink_port)
        postfix.flush()
        sink.wait_for_mail_to("b@example.net")

    def test_returns_what_is_refused_for_good_with_the_null_sender(
        self, postfix: PostfixServer, postfix_sink: Sink
    ) -> None:
        postfix_sink.answer(Stage.RCPT, "550 5.1.1 no such person", recipient="gone@example.net")
        send(mail(), port=postfix.port, from_="helpdesk@sender.example.net", to="gone@example.net")
        report = postfix_sink.wait_for_mail_to("helpdesk@sender.example.net")
        assert report.sender == ""
        assert report.message.get_content_type() == "multipart/report"

    def test_brings_the_desks_mail_to_its_smtp_port(
        self, postfix: PostfixServer, new_sink: Callable[..., Sink]
    ) -> None:
        desk = new_sink(port=postfix.desk_smtp_port)
        send(mail(), port=postfix.port, to=["helpdesk@example.com", "helpdesk+key@example.com"])
        assert desk.wait_for_mail_to("helpdesk+key@example.com").subject == "Printer on fire"
        desk.wait_for_mail_to("helpdesk@example.com")

    def test_brings_mail_into_a_mailbox_of_dovecot(self, postfix: PostfixServer, mailbox: Mailbox) -> None:
        send(mail(), port=postfix.port, to=mailbox.address)
        assert b"Printer on fire" in mailbox.wait_for_mails(1)[0].content

    def test_demands_tls_and_a_mailbox_password_for_submission(
        self, postfix: PostfixServer, postfix_sink: Sink, mailbox: Mailbox, certificates: Certificates
    ) -> None:
        with pytest.raises(smtplib.SMTPException):
            send(mail(), port=postfix.submission_port, to="b@example.net")
        trusting = certificates.client_context()
        name, password = mailbox.address, mailbox.password
        with pytest.raises(smtplib.SMTPAuthenticationError):
            send(mail(), port=postfix.submission_port, to="b@example.net", starttls=trusting, user=name, password="x")
        send(mail(), port=postfix.submission_port, to="b@example.net", starttls=trusting, user=name, password=password)
        postfix_sink.wait_for_mail_to("b@example.net")

    def test_accepts_tls_from_the_start(
        self, postfix: PostfixServer, postfix_sink: Sink, mailbox: Mailbox, certificates: Certificates
    ) -> None:
        with smtplib.SMTP_SSL("localhost", postfix.smtps_port, context=certificates.client_context()) as client:
            client.login(mailbox.address, mailbox.password)
            client.sendmail("a@example.com", ["b@example.net"], mail())
        postfix_sink.wait_for_mail_to("b@example.net")

    def test_leaves_an_empty_queue_to_the_next_test(self, postfix: PostfixServer) -> None:
        assert postfix.queue() == ()


class TestGateway:
    def test_answers_into_its_maildir_and_stops_cleanly(self, gateway_process: GatewayProcess) -> None:
        send(mail(), port=gateway_process.smtp_port, to="helpdesk@example.com")
        answer = gateway_process.wait_for_outgoing(lambda sent: "employee@example.com" in sent["To"])
        assert "Printer on fire" in answer["Subject"]
        assert gateway_process.stop() == 0
        assert not is_listening(gateway_process.smtp_port)

    def test_answers_through_a_relay(self, relayed_gateway: GatewayProcess, sink: Sink) -> None:
        send(mail(), port=relayed_gateway.smtp_port, to="helpdesk@example.com")
        assert "Printer on fire" in sink.wait_for_mail_to("employee@example.com").subject

    def test_keeps_its_database_when_it_is_killed_and_started_again(self, gateway_process: GatewayProcess) -> None:
        send(mail(), port=gateway_process.smtp_port, to="helpdesk@example.com")
        gateway_process.kill()
        assert not gateway_process.is_running
        gateway_process.start()
        assert "employee@example.com" in gateway_process.run("ledger", "list").stdout

    def test_runs_another_command_in_the_same_folder(self, gateway_process: GatewayProcess) -> None:
        eventually(lambda: gateway_process.run("status").returncode == 0, reason="status is green")

    def test_shows_what_was_printed_when_it_does_not_start(self, new_gateway: Callable[..., GatewayProcess]) -> None:
        with pytest.raises(AssertionError, match="GATEWAY_SMTP_PROT"):
            new_gateway(env={"GATEWAY_SMTP_PROT": "8025"}).start()

    def test_hides_the_testers_own_settings(
        self, new_gateway: Callable[..., GatewayProcess], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GATEWAY_SMTP_PROT", "8025")
        assert new_gateway().start().is_running


class TestRequire:
    def test_skips_with_the_reason_where_a_program_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("REQUIRE_SERVERS", raising=False)
        monkeypatch.setitem(PROGRAMS, "teapot", ("no-such-program",))
        with pytest.raises(pytest.skip.Exception, match="teapot is not installed here: no-such-program not found"):
            server_or_skip("teapot")

    def test_fails_where_servers_are_required(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REQUIRE_SERVERS", "1")
        monkeypatch.setitem(PROGRAMS, "teapot", ("no-such-program",))
        with pytest.raises(pytest.fail.Exception, match="no-such-program not found"):
            server_or_skip("teapot")

"""Lists and records of tickets, ledger, outbox and quarantine, while no gateway runs and while one does."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.commands import gateway
from tests.cli.conftest import write_to_the_desk
from tests.servers.gateway import GatewayProcess
from tests.servers.waiting import eventually


def change(folder: Path, statement: str) -> None:
    """Do to the database what no command does."""
    with closing(sqlite3.connect(folder / "storage" / "gateway.sqlite")) as database, database:
        database.execute(statement)


@pytest.mark.parametrize(
    ("command", "count", "keys"),
    [
        (("ticket", "list"), 2, {"ticket", "priority", "status", "team", "requester", "subject", "updated"}),
        (("ledger", "list"), 4, {"id", "received", "from", "subject", "state", "outcome", "reason", "ticket"}),
        (("outbox", "list"), 4, {"id", "created", "notice", "to", "ticket", "state", "message_id"}),
        (("quarantine", "list"), 2, {"id", "reason", "from", "subject", "kind"}),
    ],
)
def test_a_list_is_one_json_array_of_records(
    lived_in: Path, command: tuple[str, ...], count: int, keys: set[str]
) -> None:
    records = gateway(*command, "--json", cwd=lived_in, expect=0).json
    assert len(records) == count
    assert all(keys <= set(record) for record in records)


def test_a_list_without_a_terminal_is_a_line_for_each_row(lived_in: Path) -> None:
    rows = gateway("ticket", "list", cwd=lived_in, expect=0).rows
    assert {row["requester"]: row["subject"] for row in rows} == {
        "erika@example.com": "My VPN is down",
        "jonas@example.com": "Änderung am Drucker bitte",
    }


def test_the_folder_may_stand_before_or_behind_the_command(lived_in: Path, tmp_path: Path) -> None:
    before = gateway("-C", lived_in, "ticket", "list", cwd=tmp_path, expect=0)
    behind = gateway("ticket", "list", "--folder", lived_in, cwd=tmp_path, expect=0)
    assert len(before.rows) == len(behind.rows) == 2


def test_a_state_filters_and_a_wrong_one_names_the_right_ones(lived_in: Path) -> None:
    assert len(gateway("ledger", "list", "--state", "quarantined", cwd=lived_in, expect=0).rows) == 2
    wrong = gateway("ledger", "list", "--state", "lost", cwd=lived_in, expect=2)
    assert "waiting, done, failed, quarantined" in " ".join(wrong.err.split())


def test_a_wrong_team_names_the_right_ones(lived_in: Path) -> None:
    assert "one of desk" in gateway("ticket", "list", "--team", "dsek", cwd=lived_in, expect=2).err


def test_a_ticket_is_shown_by_its_number_in_any_form(lived_in: Path) -> None:
    ticket = gateway("ticket", "list", "--json", cwd=lived_in, expect=0).json[0]["ticket"]
    number = ticket.partition("-")[2]
    record = gateway("ticket", "show", number, "--json", cwd=lived_in, expect=0).json
    assert record["ticket"] == ticket
    assert record["messages"][0]["text"].strip() == "It does not work."
    text = gateway("ticket", "show", f"[{ticket}]", cwd=lived_in, expect=0).out
    assert "It does not work." in text
    assert "History" in text
    assert "acknowledgement to" in text


def test_what_is_not_there_is_said_with_exit_code_1(lived_in: Path) -> None:
    for command in (("ticket", "show", "9999"), ("ledger", "show", "99"), ("outbox", "show", "99")):
        done = gateway(*command, cwd=lived_in, expect=1)
        assert "there is no" in done.err
        assert not done.out


def test_a_ledger_row_tells_every_reason_and_gives_the_mail_itself(lived_in: Path) -> None:
    row = gateway("ledger", "list", "--json", cwd=lived_in, expect=0).json[-1]
    record = gateway("ledger", "show", str(row["id"]), "--json", cwd=lived_in, expect=0).json
    assert record["envelope"]["recipients"] == ["helpdesk@example.com"]
    assert ["new-ticket", "a new matter"] in record["reasons"]
    assert "new-ticket: a new matter" in gateway("ledger", "show", str(row["id"]), cwd=lived_in, expect=0).out
    raw = gateway("ledger", "show", str(row["id"]), "--raw", cwd=lived_in, expect=0).out
    assert raw.startswith("From: erika@example.com")


def test_an_outgoing_mail_is_shown_with_its_final_bytes(lived_in: Path) -> None:
    record = gateway("outbox", "show", "1", "--json", cwd=lived_in, expect=0).json
    assert record["state"] == "sent"
    raw = gateway("outbox", "show", "1", "--raw", cwd=lived_in, expect=0).out
    assert f"Message-ID: {record['message_id']}" in " ".join(raw.split())


def test_a_quarantined_mail_is_shown_with_what_a_release_would_do(lived_in: Path) -> None:
    rows = gateway("quarantine", "list", "--json", cwd=lived_in, expect=0).json
    number = next(str(row["id"]) for row in rows if row["reason"] == "own-mail")
    shown = gateway("quarantine", "show", number, cwd=lived_in, expect=0).out
    assert "own-mail" in shown
    assert "A release would open a ticket in team desk (incident, P3). Acknowledgement: no, mail out of" in shown
    assert gateway("quarantine", "show", number, "--json", cwd=lived_in, expect=0).json["mail"]["action"] == "open"


def test_a_mail_that_is_not_in_quarantine_is_not_shown_there(lived_in: Path) -> None:
    done = next(row["id"] for row in gateway("ledger", "list", "--json", cwd=lived_in).json if row["state"] == "done")
    assert "it is done (opened)" in gateway("quarantine", "show", str(done), cwd=lived_in, expect=1).err


def test_a_deletion_needs_a_reason_and_leaves_a_row(desk_copy: Path) -> None:
    number = str(gateway("quarantine", "list", "--json", cwd=desk_copy).json[0]["id"])
    gateway("quarantine", "delete", number, cwd=desk_copy, expect=2)
    gateway("quarantine", "delete", number, "--reason", " ", cwd=desk_copy, expect=2)
    assert gateway("quarantine", "delete", number, "--reason", "spam", "--json", cwd=desk_copy, expect=0).json == {
        "deleted": 1
    }
    assert "0 of 1" in gateway("quarantine", "delete", number, "--reason", "spam", cwd=desk_copy, expect=1).out
    record = gateway("ledger", "show", number, "--json", cwd=desk_copy, expect=0).json
    assert (record["outcome"], record["subject"]) == ("deleted", "")
    assert gateway("audit", cwd=desk_copy, expect=0).out.startswith("Clean")


def test_failed_mails_are_tried_again_by_number_or_all_together(desk_copy: Path) -> None:
    change(desk_copy, "UPDATE ledger SET state = 'failed', reason_code = '' WHERE state = 'quarantined'")
    assert gateway("status", cwd=desk_copy, expect=2).out.count("2 mails failed") == 1
    numbers = [str(row["id"]) for row in gateway("ledger", "list", "--state", "failed", "--json", cwd=desk_copy).json]
    gateway("ledger", "retry", cwd=desk_copy, expect=2)
    gateway("ledger", "retry", "--all", numbers[0], cwd=desk_copy, expect=2)
    assert "1 of 2 mails" in gateway("ledger", "retry", numbers[0], "99", cwd=desk_copy, expect=1).out
    assert gateway("ledger", "retry", "--all", "--json", cwd=desk_copy, expect=0).json == {"retried": 1}
    assert "0 mails" in gateway("ledger", "retry", "--all", cwd=desk_copy, expect=0).out


def test_held_mails_are_sent_by_number_or_all_together(desk_copy: Path) -> None:
    change(desk_copy, "UPDATE outbox SET state = 'held', hold_reason = 'template' WHERE id IN (1, 2)")
    assert gateway("outbox", "list", "--state", "held", cwd=desk_copy, expect=0).rows[0]["why"] == "template"
    gateway("outbox", "retry", cwd=desk_copy, expect=2)
    assert gateway("outbox", "retry", "1", "--json", cwd=desk_copy, expect=0).json == {"retried": 1}
    assert "1 mail will" in gateway("outbox", "retry", "--all", cwd=desk_copy, expect=0).out


def test_what_was_not_done_says_why_for_each_mail(desk_copy: Path) -> None:
    change(desk_copy, "UPDATE outbox SET state = 'sent' WHERE id = 1")
    done = gateway("outbox", "retry", "1", "9999", cwd=desk_copy, expect=1)
    assert done.err.splitlines() == ["1: was sent already", "9999: there is no such mail"]
    rows = gateway("ledger", "list", "--json", cwd=desk_copy).json
    opened = next(str(row["id"]) for row in rows if row["state"] == "done")
    aside = next(str(row["id"]) for row in rows if row["state"] == "quarantined")
    done = gateway("ledger", "retry", opened, aside, "999", cwd=desk_copy, expect=1)
    assert done.err.splitlines() == [
        f"{opened}: has not failed, it is done: gateway ledger show {opened}",
        f"{aside}: has not failed, it is in quarantine: gateway quarantine retry {aside}",
        "999: there is no such mail",
    ]
    for command in (("release",), ("delete", "--reason", "spam"), ("retry",)):
        done = gateway("quarantine", *command, opened, "999", cwd=desk_copy, expect=1)
        assert done.err.splitlines() == [
            f"{opened}: is not in quarantine, it is done: gateway ledger show {opened}",
            "999: there is no such mail",
        ]
    assert gateway("quarantine", "release", aside, cwd=desk_copy, expect=0).err == ""


def test_a_long_subject_is_cut_for_people_and_whole_for_machines(new_desk: Path) -> None:
    content = b"From: erika@example.com\r\nSubject: " + b"long " * 100 + b"\r\n\r\nText\r\n"
    gateway("deliver", cwd=new_desk, stdin=content, env={"RECIPIENT": "helpdesk@example.com"}, expect=0)
    (row,) = gateway("ledger", "list", cwd=new_desk, expect=0).rows
    assert len(row["subject"]) == 200
    assert row["subject"].endswith("…")
    assert row["subject"] in gateway("ledger", "show", row["id"], cwd=new_desk, expect=0).out
    assert len(gateway("ledger", "list", "--json", cwd=new_desk, expect=0).json[0]["subject"]) > 490


def test_a_mail_without_bytes_is_said_to_have_none(desk_copy: Path) -> None:
    change(desk_copy, "UPDATE outbox SET state = 'waiting', part_count = 0 WHERE id = 1")
    assert "not rendered yet" in gateway("outbox", "show", "1", "--raw", cwd=desk_copy, expect=1).err


def test_a_stopped_desk_tells_of_its_own_broken_templates(desk_copy: Path) -> None:
    """Whoever edits one wants to know before the next start."""
    assert "answer.txt" not in gateway("status", cwd=desk_copy).out
    folder = desk_copy / "templates"
    folder.mkdir(exist_ok=True)
    (folder / "answer.txt").write_text("Subject: {{ subject }}\n\n{{ message | body\n")
    assert "answer.txt" in gateway("status", cwd=desk_copy, expect=2).out


def test_tickets_keep_the_prefixes_of_rules_that_can_not_be_read(desk_copy: Path) -> None:
    (desk_copy / "storage" / "rules-in-force.toml").unlink()
    rules = desk_copy / "rules.toml"
    own = rules.read_text().replace("[desk]", '[desk]\nincident_prefix = "HELP"', 1)
    rules.write_text(own + "\n[broken\n")
    done = gateway("ticket", "show", "1001", cwd=desk_copy, expect=0)
    assert "HELP-1001" in done.out
    assert "those that stand in them HELP and REQ" in done.err


def test_status_says_why_automatic_mails_were_left_out(desk_copy: Path) -> None:
    assert "left out" not in gateway("status", cwd=desk_copy).out
    change(desk_copy, """UPDATE event SET kind = 'suppressed', detail = '{"why": "not-answered"}' WHERE id = 1""")
    out = " ".join(gateway("status", cwd=desk_copy).out.split())
    assert "1 (not-answered): the mail itself, its sender or the policy allows no acknowledgement" in out


def test_an_audit_names_what_is_broken(desk_copy: Path) -> None:
    assert gateway("audit", "--json", cwd=desk_copy, expect=0).json["clean"] is True
    change(desk_copy, "DELETE FROM raw_mail_part WHERE ledger_id = 1")
    broken = gateway("audit", "--json", cwd=desk_copy, expect=1).json
    assert any(finding.startswith("ledger 1:") for finding in broken["findings"])
    assert "ledger 1:" in gateway("audit", cwd=desk_copy, expect=1).out


class TestBesideARunningGateway:
    def test_everything_is_seen_and_a_release_is_sorted_at_once(
        self, new_gateway: Callable[..., GatewayProcess]
    ) -> None:
        running = new_gateway().start()
        write_to_the_desk(running)
        status = gateway("status", "--json", cwd=running.folder, expect=1).json
        assert status["colour"] == "yellow"
        assert status["workers"]
        numbers = [str(row["id"]) for row in gateway("quarantine", "list", "--json", cwd=running.folder, expect=0).json]
        released = gateway("quarantine", "release", *numbers, "99", "--json", cwd=running.folder, expect=1)
        assert released.json == {"released": 2}
        eventually(
            lambda: len(gateway("ticket", "list", "--json", cwd=running.folder).json) == 4,
            reason="a ticket for each released mail",
        )
        eventually(lambda: gateway("status", cwd=running.folder).code == 0, reason="all is well again")
        assert gateway("audit", cwd=running.folder, expect=0).out.startswith("Clean")
        assert running.stop() == 0

    def test_a_broken_policy_turns_the_status_yellow_and_the_desk_goes_on(
        self, new_gateway: Callable[..., GatewayProcess]
    ) -> None:
        running = new_gateway().start()
        eventually(lambda: gateway("status", cwd=running.folder).code == 0, reason="it runs and all is well")
        with (running.folder / "rules.toml").open("a") as rules:
            rules.write("\n[desk]\nname = 3\n")
        done = gateway("status", cwd=running.folder, expect=1)
        assert "rules.toml" in done.out
        assert running.is_running

    def test_a_second_gateway_on_the_same_port_says_whose_fault_it_is(
        self, new_gateway: Callable[..., GatewayProcess]
    ) -> None:
        running = new_gateway().start()
        second = new_gateway(smtp_port=running.smtp_port).start(wait=False)
        assert second.wait_for_exit() == 78
        assert f"can't listen on 127.0.0.1:{running.smtp_port}" in second.output
        assert "Traceback" not in second.output
        assert running.is_running


def test_tickets_are_listed_by_owner_found_and_acted_on(desk_copy: Path) -> None:
    def listed(*options: str) -> list[str]:
        return [row["subject"] for row in gateway("ticket", "list", *options, "--json", cwd=desk_copy, expect=0).json]

    everybody = [*listed("--unowned"), *listed("--assignee", "agent")]
    assert sorted(everybody) == ["My VPN is down", "Änderung am Drucker bitte"]
    wrong = gateway("ticket", "list", "--assignee", "nobody", cwd=desk_copy, expect=2)
    assert "there is no agent 'nobody'" in " ".join(wrong.err.split())
    done = gateway("ticket", "do", "1001", "#take", "--as", "agent", "--json", cwd=desk_copy, expect=0).json
    assert (done["done"], done["lines"]) == (True, ["#take"])
    assert listed("--assignee", "agent") == ["My VPN is down"]
    refused = gateway("ticket", "do", "1001", "#priority P9", "--as", "agent", cwd=desk_copy, expect=1)
    assert "is no priority" in " ".join(refused.err.split())
    misspelt = gateway("ticket", "do", "1001", "#tak", "--as", "agent", cwd=desk_copy, expect=1)
    assert "#tak: is no command; what would fit: #take" in misspelt.err
    assert gateway("ticket", "do", "4711", "#take", "--as", "agent", cwd=desk_copy, expect=1).out == ""
    assert gateway("ticket", "find", "zzz", "--json", cwd=desk_copy, expect=0).json == []


def test_due_times_are_listed_and_shown(desk_copy: Path) -> None:
    rules = desk_copy / "rules.toml"
    promises = '\n[[sla]]\nname = "Usual"\nresponse = "1m"\nresolution = "900h"\ncalendar = "always"\n'
    rules.write_text(rules.read_text(encoding="utf-8") + promises, encoding="utf-8")
    assert {row["due"] for row in gateway("ticket", "list", cwd=desk_copy, expect=0).rows} == {""}
    gateway("ticket", "do", "1001", "#priority P2", "--as", "agent", cwd=desk_copy, expect=0)
    listed = {row["ticket"]: row for row in gateway("ticket", "list", "--json", cwd=desk_copy, expect=0).json}
    assert listed["INC-1001"]["due"] > listed["INC-1001"]["response_due"]
    assert {row["due"] for row in listed.values() if row["ticket"] != "INC-1001"} == {None}
    assert any(row["due"] for row in gateway("ticket", "list", cwd=desk_copy, expect=0).rows)
    response, resolution = gateway("ticket", "show", "1001", "--json", cwd=desk_copy, expect=0).json["due"]
    assert (response["kind"], resolution["target_minutes"], resolution["outcome"]) == ("response", 54_000, "running")
    shown = gateway("ticket", "show", "1001", cwd=desk_copy, expect=0).out
    assert "target 900h (Usual, always)" in " ".join(shown.split())
    gateway("ticket", "do", "1001", "#hold vendor", "--as", "agent", cwd=desk_copy, expect=0)
    assert "resolution: stands still" in gateway("ticket", "show", "1001", cwd=desk_copy, expect=0).out
    gateway("ticket", "do", "1001", "#close", "--as", "agent", cwd=desk_copy, expect=0)
    closed = " ".join(gateway("ticket", "show", "1001", cwd=desk_copy, expect=0).out.split())
    assert "resolution: met on" in closed
    assert "response: dropped on" in closed
    gateway("audit", cwd=desk_copy, expect=0)

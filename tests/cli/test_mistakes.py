"""What goes wrong at an admin's hands ends in a sentence that names the place, and in an exit code; never a traceback.

(`commands.gateway` fails every test of this folder whose command prints one.)
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.cli.commands import Done, gateway
from tests.servers.ports import free_port

LOOKING = [("status",), ("audit",), ("ticket", "list"), ("ledger", "list"), ("outbox", "list"), ("quarantine", "list")]


@pytest.mark.parametrize("command", LOOKING)
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = gateway(*command, "-C", tmp_path / "nowhere")
    assert done.code == (2 if command == ("status",) else 78)
    assert "there is no such folder" in done.out + done.err
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_without_a_desk_is_told_from_an_empty_desk(tmp_path: Path) -> None:
    done = gateway("ledger", "list", cwd=tmp_path, expect=78)
    assert f"{tmp_path}: there is no desk here" in done.err
    assert "gateway init" in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", LOOKING)
def test_looking_at_a_desk_that_never_ran_makes_nothing(new_desk: Path, command: tuple[str, ...]) -> None:
    done = gateway(*command, cwd=new_desk)
    assert done.code == (2 if command == ("status",) else 1)
    assert "there is no database" in done.out + done.err
    assert not (new_desk / "storage").exists()


def test_the_status_of_a_desk_that_never_ran_is_json_too(new_desk: Path) -> None:
    record = gateway("status", "--json", cwd=new_desk, expect=2).json
    assert record["colour"] == "red"
    assert "no database" in record["troubles"][0]["text"]


def broken_rules(folder: Path) -> None:
    with (folder / "rules.toml").open("a") as rules:
        rules.write('\n[[rule]]\nname = "New"\nwhen.wrods = ["x"]\nset = { category = "x" }\n')


@pytest.mark.parametrize("command", [("serve",), ("check",), ("rules", "check"), ("status",)])
def test_a_broken_policy_is_named_with_line_key_and_suggestion(desk_copy: Path, command: tuple[str, ...]) -> None:
    broken_rules(desk_copy)
    done = gateway(*command, cwd=desk_copy, env={"GATEWAY_SMTP_PORT": "0"})
    assert done.code == {"status": 2, "check": 1}.get(command[0], 78)
    said = " ".join((done.out + done.err).split())
    assert "rules.toml:" in said
    assert "wrods" in said
    assert 'did you mean "words"' in said


def test_a_broken_policy_does_not_keep_operators_from_the_queues(desk_copy: Path) -> None:
    broken_rules(desk_copy)
    for queue in ("ledger", "outbox", "quarantine"):
        gateway(queue, "list", cwd=desk_copy, expect=0)
    gateway("ledger", "retry", "--all", cwd=desk_copy, expect=0)


def test_a_broken_policy_does_not_keep_operators_from_the_tickets(desk_copy: Path) -> None:
    number = gateway("ticket", "list", "--json", cwd=desk_copy, expect=0).json[0]["ticket"].partition("-")[2]
    broken_rules(desk_copy)
    (desk_copy / "storage" / "rules-in-force.toml").unlink()
    for command in (("list",), ("list", "--team", "nobody"), ("show", number)):
        done = gateway("ticket", *command, cwd=desk_copy, expect=0)
        assert "wrods" in done.err
        assert "the shipped INC and REQ" in done.err
    assert len(gateway("ticket", "list", cwd=desk_copy, expect=0).rows) == 2


def test_operators_go_on_with_the_rules_in_force_while_the_new_ones_are_broken(desk_copy: Path) -> None:
    name = gateway("agent", "list", "--json", cwd=desk_copy, expect=0).json[0]["agent"]
    number = str(gateway("quarantine", "list", "--json", cwd=desk_copy, expect=0).json[0]["id"])
    with (desk_copy / "storage" / "rules-in-force.toml").open("a") as rules:
        rules.write('\n[[team]]\nname = "of-before"\n')
    broken_rules(desk_copy)
    for command in (
        ("agent", "list"),
        ("agent", "away", name, "until", "2", "weeks"),
        ("agent", "back", name),
        ("quarantine", "block", "eve@evil.example"),
        ("quarantine", "release", "--dry-run", number),
        ("ticket", "list", "--team", "of-before"),
        ("ticket", "show", "1001"),
        ("ticket", "do", "1001", "#take", "--as", name),
        ("rules", "explain", "INC-1001"),
        ("explain", "-"),
    ):
        done = gateway(*command, cwd=desk_copy, expect=0)
        assert "wrods" in done.err
        assert "the rules of before are in force" in done.err
    # An address of one's own is known by these rules too.
    assert "one of your own" in gateway("quarantine", "block", "erika@example.com", cwd=desk_copy, expect=1).err
    (desk_copy / "storage" / "rules-in-force.toml").unlink()
    told = gateway("ticket", "do", "1001", "#take", "--as", name, cwd=desk_copy, expect=78).err
    assert "wrods" in told
    assert "There are no rules of before to go by, so nothing was done." in told


def test_a_backup_that_cannot_be_made_is_said_with_exit_code_75(desk_copy: Path) -> None:
    file = desk_copy / "a-file"
    file.write_text("mine")
    for target in (file, file / "below", Path("/proc/nowhere")):
        done = gateway("backup", target, cwd=desk_copy, expect=75)
        assert f"the backup can't be written to {target}" in done.err
    assert file.read_text() == "mine"
    taken = desk_copy / "taken"
    (taken / "gateway.sqlite.unfinished").mkdir(parents=True)
    assert "the backup can't be written" in gateway("backup", taken, cwd=desk_copy, expect=75).err


def test_a_mistyped_variable_is_named(new_desk: Path) -> None:
    done = gateway("check", cwd=new_desk, env={"GATEWAY_SMTP_PROT": "25"}, expect=78)
    assert "GATEWAY_SMTP_PROT" in done.err
    assert "GATEWAY_SMTP_PORT" in done.err


def serve(folder: Path, **env: str) -> Done:
    return gateway("serve", cwd=folder, env={"GATEWAY_SMTP_PORT": "0", **env})


def test_a_storage_that_cannot_be_made_is_named(new_desk: Path) -> None:
    (new_desk / "storage").write_text("a file")
    done = serve(new_desk)
    assert done.code == 78
    assert "storage.folder" in done.err
    assert str(new_desk / "storage") in done.err


def test_a_file_that_is_no_database_is_named(new_desk: Path) -> None:
    (new_desk / "storage").mkdir()
    (new_desk / "storage" / "gateway.sqlite").write_text("not a database, but long enough to look like something")
    for done in (serve(new_desk), gateway("ledger", "list", cwd=new_desk)):
        assert done.code == 78
        assert "gateway.sqlite: file is not a database" in done.err


def test_a_folder_with_signs_of_a_url_in_its_name_keeps_its_database(lived_in: Path, tmp_path: Path) -> None:
    odd = tmp_path / "100% #1?"
    gateway("init", odd, expect=0)
    gateway("deliver", "-C", odd, stdin=b"From: a@example.com\nSubject: x\n\nx\n", expect=0)
    assert (odd / "storage" / "gateway.sqlite").exists()
    assert len(gateway("ledger", "list", "-C", odd, expect=0).rows) == 1
    assert [path.name for path in tmp_path.iterdir()] == [odd.name]


def test_a_database_server_that_is_away_means_try_again(new_desk: Path) -> None:
    url = f"postgresql://gateway@127.0.0.1:{free_port()}/gateway"
    done = serve(new_desk, GATEWAY_STORAGE_URL=url)
    assert done.code == 75
    assert "can't be used" in done.err
    assert gateway("status", cwd=new_desk, env={"GATEWAY_STORAGE_URL": url}, expect=2).out.startswith("Status: red")


def test_a_port_in_use_is_named(new_desk: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = serve(new_desk, GATEWAY_SMTP_PORT=str(port))
    assert done.code == 78
    assert f"smtp.port: can't listen on 127.0.0.1:{port}" in done.err


def test_an_unknown_part_names_the_parts(new_desk: Path) -> None:
    done = gateway("serve", "--only", "smpt", cwd=new_desk, env={"GATEWAY_SMTP_PORT": "0"}, expect=78)
    assert "smpt" in done.err
    assert "smtp, imap, sort, send, timers" in done.err


@pytest.mark.parametrize(
    "command", ["init", "ledger show x", "ticket show no-number", "mailbox import support", "explain", "nonsense"]
)
def test_wrong_usage_is_exit_code_2(new_desk: Path, command: str) -> None:
    assert "Usage:" in gateway(*command.split(), cwd=new_desk, expect=2).err


class TestDeliver:
    MAIL = b"From: erika@example.com\nTo: helpdesk@example.com\nSubject: From a pipe\n\nHello\n"

    def test_stores_a_mail(self, new_desk: Path) -> None:
        gateway("deliver", "--sender", "erika@example.com", cwd=new_desk, stdin=self.MAIL, expect=0)
        (row,) = gateway("ledger", "list", "--json", cwd=new_desk, expect=0).json
        assert (row["by"], row["from"], row["subject"], row["state"]) == (
            "pipe",
            "erika@example.com",
            "From a pipe",
            "waiting",
        )

    def test_refuses_for_good_what_is_no_mail_or_not_for_the_desk(self, new_desk: Path) -> None:
        assert gateway("deliver", cwd=new_desk, expect=65).err
        wrong = gateway("deliver", "--recipient", "boss@example.com", cwd=new_desk, stdin=self.MAIL)
        assert wrong.code in (64, 67)
        assert wrong.err

    def test_says_try_again_to_everything_that_an_admin_can_mend(self, new_desk: Path) -> None:
        gateway("deliver", "--no-such-option", cwd=new_desk, stdin=self.MAIL, expect=75)
        gateway("deliver", "-C", new_desk / "nowhere", stdin=self.MAIL, expect=75)
        broken_rules(new_desk)
        assert "rules.toml" in gateway("deliver", cwd=new_desk, stdin=self.MAIL, expect=75).err


class TestMailboxImport:
    def test_names_the_mailboxes_that_there_are(self, new_desk: Path) -> None:
        done = gateway("mailbox", "import", "support", "--since", "2026-01-01", cwd=new_desk, expect=2)
        assert "gateway.toml has none" in " ".join(done.err.split())

    def test_says_that_a_server_is_away(self, new_desk: Path) -> None:
        table = f'[[mailbox]]\nname = "support"\nhost = "127.0.0.1"\nport = {free_port()}\ntls = "none"\nuser = "x"\n'
        (new_desk / "gateway.toml").write_text(table)
        env = {"GATEWAY_MAILBOX_SUPPORT_PASSWORD": "x"}
        done = gateway("mailbox", "import", "support", "--since", "2026-01-01", cwd=new_desk, env=env, expect=75)
        assert "127.0.0.1" in done.err

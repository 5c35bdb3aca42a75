"""Without a relay, mail is put into a Maildir that mail clients read."""

from __future__ import annotations

import contextlib
import mailbox
import os
import stat
import subprocess
from pathlib import Path

from gateway.store.tables import Outbox
from tests.delivery.house import AFTER_THE_LEASE, NOW, House, open_house
from tests.servers.require import program, skip_or_fail


def test_mail_lies_in_the_maildir_as_the_stored_bytes_with_lf(house: House, tmp_path: Path) -> None:
    outbox_id = house.add("erika@example.com")
    assert house.deliverer().run_once(NOW) == 1
    [path] = (tmp_path / "out" / "new").iterdir()
    assert path.read_bytes() == house.stored_bytes(outbox_id).replace(b"\r\n", b"\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list((tmp_path / "out" / "tmp").iterdir()) == []
    row = house.row(outbox_id)
    assert (row.state, row.reply) == ("sent", f"out/new/{path.name}")


def test_python_reads_the_maildir(small_house: House, tmp_path: Path) -> None:
    ids = [small_house.add(f"person{number}@example.com") for number in range(3)]
    small_house.deliverer().run_once(NOW)
    box = mailbox.Maildir(tmp_path / "out", create=False)
    assert {message["Message-ID"] for message in box} == {small_house.row(outbox_id).message_id for outbox_id in ids}


def test_mutt_reads_the_maildir(small_house: House, tmp_path: Path) -> None:
    mutt = program("mutt") or skip_or_fail("mutt is not installed here")
    for _ in range(3):
        small_house.add()
    small_house.deliverer().run_once(NOW)
    # Copies one mail after the other into an mbox and leaves: what mutt could read is in there.
    copy = tmp_path / "copy"
    keys = f"push '{''.join(f'{number}<enter><copy-message>{copy}<enter>' for number in (1, 2, 3))}<exit>'"
    settings = ["set confirmappend=no confirmcreate=no quit=yes mbox_type=mbox", keys]
    arguments = [mutt, "-n", "-F", "/dev/null", "-f", str(tmp_path / "out")]
    arguments += [word for setting in settings for word in ("-e", setting)]
    subprocess.run(
        ["script", "--quiet", "--command", " ".join(map(_quoted, arguments)), "/dev/null"],
        env=os.environ | {"TERM": "xterm", "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=True,
    )
    with contextlib.closing(mailbox.mbox(copy)) as read:
        assert sorted(message["Subject"] for message in read) == ["answer"] * 3


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def lose_the_commit(house: House, outbox_id: int) -> None:
    """As after a crash between the file and the commit of SENT."""
    Outbox.update(state="waiting", sent_at=None, reply="").where(Outbox.id == outbox_id).execute()


def test_a_crash_before_the_commit_leaves_one_file(small_house: House, tmp_path: Path) -> None:
    outbox_id = small_house.add()
    small_house.deliverer(owner="first").run_once(NOW)
    lose_the_commit(small_house, outbox_id)
    assert small_house.deliverer(owner="second").run_once(AFTER_THE_LEASE) == 1
    assert len(list((tmp_path / "out" / "new").iterdir())) == 1


def test_a_mail_that_was_read_before_the_repetition_does_not_come_back(small_house: House, tmp_path: Path) -> None:
    outbox_id = small_house.add()
    small_house.deliverer(owner="first").run_once(NOW)
    [path] = (tmp_path / "out" / "new").iterdir()
    path.rename(tmp_path / "out" / "cur" / f"{path.name}:2,S")
    lose_the_commit(small_house, outbox_id)
    assert small_house.deliverer(owner="second").run_once(AFTER_THE_LEASE) == 1
    assert list((tmp_path / "out" / "new").iterdir()) == []


def test_a_new_database_does_not_overwrite_the_mails_of_the_old_one(sqlite_url: str, tmp_path: Path) -> None:
    with open_house(sqlite_url, tmp_path) as first:
        outbox_id = first.add()
        first.deliverer().run_once(NOW)
    (tmp_path / "second").mkdir()
    with open_house(f"sqlite:///{tmp_path / 'second' / 'gateway.sqlite'}", tmp_path) as another:
        assert another.add(content=b"Subject: another life\r\n\r\nx\r\n") == outbox_id
        another.deliverer().run_once(NOW)
    assert len(list((tmp_path / "out" / "new").iterdir())) == 2


def test_a_folder_that_cannot_be_written_holds_everything(small_house: House, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    outbox_id = small_house.add()
    small_house.deliverer().run_once(NOW)
    row = small_house.row(outbox_id)
    assert (row.state, row.attempts) == ("waiting", 0)
    assert str(tmp_path / "out") in small_house.trouble()

"""What an agent did not mean for the requester does not go out: notes in odd places, our own mails as files."""

from __future__ import annotations

import io
import zipfile

import pytest

from tests.desk.harness import DeskUnderTest, Sent

ERIKA = "Erika Muster <erika@example.com>"
ANNA = "anna@example.com"


@pytest.fixture
def notice(desk: DeskUnderTest) -> Sent:
    desk.write(ERIKA, "It drops since this morning.")
    return desk.last(ANNA, "new_ticket")


@pytest.mark.parametrize(
    "html",
    [
        "<ul><li>Hello</li><li>#note SECRET</li><li>SECRET too</li></ul>",
        "<table><tr><td>Hello</td><td>#note SECRET</td></tr></table>",
        '<p><span>Hello</span><span style="display:block">#note SECRET</span></p>',
    ],
)
def test_a_note_that_does_not_begin_its_line_holds_the_mail(desk: DeskUnderTest, notice: Sent, html: str) -> None:
    desk.answer(ANNA, notice, "", html=html)
    assert desk.inbox("erika@example.com", "answer") == []
    desk.answer(ANNA, desk.last(ANNA, "question"), "#send")
    assert all("SECRET" not in sent.text.partition("too")[0] for sent in desk.inbox("erika@example.com", "answer"))
    assert desk.audit() == []


@pytest.mark.parametrize("line", ["*#note* SECRET", "- #note SECRET", "* #take", "Hello #NOTE SECRET"])
def test_a_command_behind_a_mark_holds_the_mail(desk: DeskUnderTest, notice: Sent, line: str) -> None:
    desk.answer(ANNA, notice, f"Hello Erika,\n\n{line}\n\nmore words for you")
    assert desk.inbox("erika@example.com", "answer") == []


def test_a_hash_that_is_no_command_goes_out(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "Hello Erika,\n\n- #12 is ours\n- see room #taken\n\nBye")
    assert "#12 is ours" in desk.last("erika@example.com", "answer").text


def test_our_own_mail_as_a_file_does_not_leave_the_house(desk: DeskUnderTest, notice: Sent) -> None:
    files = [("notice.eml", notice.content, "application/octet-stream")]
    desk.answer(ANNA, notice, "Here you are.", files=files)
    assert desk.inbox("erika@example.com", "answer") == []
    assert "notice.eml" in desk.last(ANNA, "question").text
    desk.answer(ANNA, desk.last(ANNA, "question"), "#send")
    key = notice.reply_to.partition("+")[2].partition("@")[0].encode()
    assert len(key) == 40
    for sent in desk.inbox("erika@example.com", "answer"):
        parts = [part for part in sent.message.walk() if not part.is_multipart()]
        assert all(key not in (part.get_payload(decode=True) or b"") for part in parts)


PLAN = ("plan.pdf", b"%PDF the plan of the server room", "application/pdf")


def files_of(sent: Sent) -> list[str]:
    return [part.get_filename() or "" for part in sent.message.iter_attachments()]


def packed(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def test_nor_does_one_in_an_archive_which_send_leaves_out(desk: DeskUnderTest, notice: Sent) -> None:
    """Nobody can cross a key out there; what holds none goes out as it is."""
    logs = packed("a.log", b"a log")
    files = [("mails.zip", packed("notice.eml", notice.content), "application/zip")]
    desk.answer(ANNA, notice, "Here you are.", files=[*files, ("logs.zip", logs, "application/zip")])
    assert desk.inbox("erika@example.com", "answer") == []
    question = desk.last(ANNA, "question")
    said = " ".join(question.text.split())
    assert "mails.zip holds a mail of the desk to one of you" in said and "#send leaves it out" in said
    desk.answer(ANNA, question, "#send")
    answer = desk.last("erika@example.com", "answer")
    assert files_of(answer) == ["logs.zip"]
    assert [part.get_content() for part in answer.message.iter_attachments()] == [logs]
    assert files_of(desk.last("ben@example.com", "agent_answered")) == ["mails.zip", "logs.zip"]
    assert desk.audit() == []


@pytest.mark.parametrize(
    "text",
    [
        "Hello Erika, done.\n\n#note\nThe plan for you, Ben.",
        "#note The plan for you, Ben.\n#resolve Done.",
        "Hello Erika, done.\n\n#note",
    ],
)
def test_files_of_a_mail_with_a_note_stay_inside_and_their_author_is_told(
    desk: DeskUnderTest, notice: Sent, text: str
) -> None:
    desk.answer(ANNA, notice, text, files=[PLAN])
    went_out = [sent for sent in desk.inbox("erika@example.com") if sent.notice in ("answer", "resolution")]
    assert all(files_of(sent) == [] and b"plan.pdf" not in sent.content for sent in went_out)
    if "for you, Ben" in text:
        assert "plan.pdf" in files_of(desk.last("ben@example.com", "internal_note"))
    if went_out:
        assert "plan.pdf: for colleagues only" in desk.last(ANNA, "result").text
    desk.answer(ANNA, notice, "#files")
    assert "plan.pdf" in files_of(desk.last(ANNA, "result"))
    assert desk.audit() == []


@pytest.mark.parametrize("note", ["#note SECRET\n\n#tak", "- #note SECRET"])
def test_so_do_the_files_of_a_held_one_that_is_sent_after_all(desk: DeskUnderTest, notice: Sent, note: str) -> None:
    desk.answer(ANNA, notice, f"Hello Erika, done.\n\n{note}", files=[PLAN])
    desk.answer(ANNA, desk.last(ANNA, "question"), "#send", files=[("more.txt", b"more", "text/plain")])
    answer = desk.last("erika@example.com", "answer")
    assert "Hello Erika, done." in answer.text
    assert b"plan.pdf" not in answer.content and b"more.txt" not in answer.content
    assert "plan.pdf, more.txt: for colleagues only" in " ".join(desk.last(ANNA, "result").text.split())
    assert desk.audit() == []


def test_a_file_beside_words_alone_goes_out(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "Hello Erika, the form.\n\n#tak", files=[PLAN])
    desk.answer(ANNA, desk.last(ANNA, "question"), "#send")
    assert files_of(desk.last("erika@example.com", "answer")) == ["plan.pdf"]


def test_addresses_with_a_way_in_their_local_part_are_nobodys_own(desk: DeskUnderTest, notice: Sent) -> None:
    for sender in ("victim%evil.test@example.com", "evil.test!victim@example.com"):
        desk.write(sender, "Click here")
        assert desk.inbox(sender) == []

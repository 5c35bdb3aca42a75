"""Formatted mail keeps its form on the way out, and loses what is not for the requester."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import pytest

from tests.stories.house import House, Person
from tests.stories.letters import File, Letter, picture

HTML = """\
<html><head><style>p {{ margin: 0 }}</style></head><body>
<p>Please do this:</p>
<ul><li>Close the <b>client</b></li><li>Open it again</li></ul>
<table><tr><td>Server</td><td>vpn2</td></tr></table>
<p>See <a href="https://intranet.example.com/vpn">the page</a> and the picture:</p>
<p><img src="cid:shot@pc" alt="screenshot"></p>
<p><img src="https://tracker.example.net/p.gif"></p>
<script>alert(1)</script>
{commands}
</body></html>
"""
TEXT = (
    "Please do this:\n\n  * Close the client\n  * Open it again\n\nServer \tvpn2\n\n"
    "See the page <https://intranet.example.com/vpn> and the picture:\n\nscreenshot\n\n"
)
SHOT = File(name="shot.png", content=picture(1), content_type="image/png", content_id="shot@pc")
MANUAL = File(name="Anleitung ä.pdf", content=b"%PDF-1.4 \x00\xff manual", content_type="application/pdf")


@pytest.fixture
def number(erika: Person) -> int:
    return erika.opens("It drops since this morning.")


@pytest.fixture
def notice(anna: Person, number: int) -> Letter:
    return anna.gets("It drops", about=number)


@pytest.mark.parametrize(
    "commands", ["<p>#resolve</p>", "<div>#resolve<br></div>", "<p><span>#resolve</span>&nbsp;</p>"]
)
def test_an_html_answer_arrives_formatted_with_picture_and_file(
    house: House, erika: Person, anna: Person, ben: Person, number: int, notice: Letter, commands: str
) -> None:
    ben.gets("It drops", about=number)
    html = HTML.format(commands=commands)
    anna.answers(notice, TEXT + "#resolve", html=html, files=[SHOT, MANUAL])
    for letter in (erika.gets("Close the client"), ben.gets("Close the client", about=number)):
        assert all(tag in letter.html for tag in ("<li>", "<td", 'href="https://intranet.example.com/vpn"'))
        assert list(letter.pictures.values()) == [SHOT.content]
        assert letter.files["Anleitung ä.pdf"] == MANUAL.content
        assert not any(word in letter.html for word in ("<script", "tracker.example.net", "<style>p"))
    letter = erika.letters()[-1]
    assert "#resolve" not in letter.everything
    house.settles()
    assert house.status_of(number) == "resolved"


def test_a_phone_that_writes_html_only_is_understood(
    house: House, erika: Person, anna: Person, number: int, notice: Letter
) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = anna.mailbox, notice.reply_to, f"Re: {notice.subject}"
    mail["Message-ID"], mail["In-Reply-To"] = "<phone@pc>", notice.message_id
    mail.set_content(
        "<div dir='auto'>Done, please try <b>again</b>.</div><div>#resolve</div><br>"
        f"<div class='gmail_quote'>On Mon, 2 Mar 2026, Help Desk wrote:<blockquote>{notice.html}</blockquote></div>",
        subtype="html",
    )
    house.hand_in(mail.as_bytes(policy=SMTP), sender=anna.address, to=notice.reply_to)
    letter = erika.gets("Done, please try")
    assert "<b>again</b>" in letter.html.replace("strong>", "b>")
    assert not any(word in letter.everything for word in ("#resolve", "ticket: inc", "it drops since"))
    house.settles()
    assert house.status_of(number) == "resolved"


def test_a_signature_picture_seen_before_is_set_aside_and_said_so(house: House, erika: Person, anna: Person) -> None:
    logo = File(
        name="logo.png", content=picture(abs(hash(erika.address)) % 250), content_type="image/png", content_id="logo@pc"
    )
    html = '<p>{text}</p><p><img src="cid:logo@pc"></p>'
    erika.writes("It drops.", html=html.format(text="It drops."), files=[logo])
    acknowledgement = erika.gets("Your number")
    first = anna.gets("It drops.", about=acknowledgement.ticket)
    assert logo.content in first.files.values()
    shot = File(
        name="screen.png", content=picture(251) + erika.address.encode(), content_type="image/png", content_id="shot@pc"
    )
    more = html.format(text="It drops again.") + '<p><img src="cid:shot@pc"></p>'
    erika.answers(acknowledgement, "It drops again.", html=more, files=[logo, shot])
    second = anna.gets("It drops again.", about=acknowledgement.ticket)
    assert list(second.files) == ["screen.png"]
    assert "logo.png" in second.text
    anna.answers(second, "#files")
    everything = anna.gets("Files of the ticket", about=acknowledgement.ticket)
    assert logo.content in everything.files.values()


def test_own_keys_and_addresses_in_an_answer_stay_inside(
    house: House, erika: Person, anna: Person, notice: Letter
) -> None:
    """Agents paste what they see: their notice's reply address, their own address, links to both."""
    quoted_key = notice.reply_to.replace("+", "%2B")
    own = f"{notice.reply_to} or Anna@Example.com; the mail was {notice.message_id}"
    html = (
        f'<p>Write to <a href="mailto:{quoted_key}">us</a> or <a href="mailto:anna%40example.com">me</a>, '
        f"{own.replace('<', '&lt;').replace('>', '&gt;')}.</p>"
    )
    anna.answers(notice, f"Write to us or me, {own}.", html=html)
    letter = erika.gets("Write to us or me, helpdesk@example.com")
    assert 'href="mailto:' in letter.html
    house.assert_discreet()
    assert not any(word in letter.everything for word in ("anna%40", quoted_key.partition("@")[0]))

    anna.answers(notice, "I am anna@example.com.", html="<p>I am anna@<b>example</b>.com.</p>")
    assert "anna@" not in " ".join(erika.gets("I am helpdesk@example.com.").html.split("<b>"))

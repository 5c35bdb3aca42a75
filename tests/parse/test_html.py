"""HTML as clients write it and as attackers do."""

# ruff: noqa: E501 - a case is a row

from __future__ import annotations

import pytest

from gateway.mail import Mail
from gateway.parse import parse
from gateway.parse.html import sanitise, tame
from tests.parse.phones import PHONE_LINES


def read(html: str, subject: str = "Re: Printer") -> Mail:
    head = f"From: anna@example.org\nTo: helpdesk@example.com\nSubject: {subject}\nContent-Type: text/html; charset=utf-8\n\n"
    return parse(f"{head}{html}".encode(), own_addresses=("helpdesk@example.com",))


HISTORY = "<p>OLD WORDS of the desk</p><p>more OLD WORDS</p>"
BLOCK = "<b>{}:</b> Help Desk &lt;helpdesk@example.com&gt;<br><b>{}:</b> 1 June 2026 10:04<br><b>{}:</b> Anna<br><b>{}:</b> Printer"
REPLIES = {
    "gmail": '<div dir="ltr">It <b>works</b>.</div><br><div class="gmail_quote gmail_quote_container"><div class="gmail_attr">On 1 Jun 2026 Help Desk wrote:<br></div><blockquote class="gmail_quote">{h}</blockquote></div>',
    "thunderbird": '<p>It <b>works</b>.</p><div class="moz-cite-prefix">Am 01.06.26 um 10:04 schrieb Help Desk:<br></div><blockquote type="cite" cite="mid:x">{h}</blockquote>',
    "apple": '<div>It <b>works</b>.</div><div><br><blockquote type="cite"><div>Il giorno 1 giu 2026, Help Desk ha scritto:</div>{h}</blockquote></div>',
    "apple, attribution outside": 'It <b>works</b>.<br><div><div>On 1 Jun 2026, at 10:04, Help Desk &lt;helpdesk@example.com&gt; wrote:</div><br><blockquote type="cite">{h}</blockquote></div>',
    "outlook web": '<div>It <b>works</b>.</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg" dir="ltr">' + BLOCK.format("Van", "Verzonden", "Aan", "Onderwerp") + "</div>{h}",
    "outlook web, unknown language": '<div>It <b>works</b>.</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">' + BLOCK.format("Zz", "Yy", "Xx", "Ww") + "</div>{h}",
    "outlook desktop": '<p class="MsoNormal">It <b>works</b>.</p><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p class="MsoNormal">' + BLOCK.format("Von", "Gesendet", "An", "Betreff") + "</p></div>{h}",
    "outlook mobile": '<div>It <b>works</b>.</div><div id="mail-editor-reference-message-container" class="ms-outlook-mobile-reference-message"><hr><div id="divRplyFwdMsg">' + BLOCK.format("De", "Envoyé", "À", "Objet") + "</div>{h}</div>",
    "yahoo": '<div>It <b>works</b>.</div><div id="yahoo_quoted_1" class="yahoo_quoted"><div>On Monday, June 1, 2026, Help Desk wrote:</div>{h}</div>',
    "proton": '<div>It <b>works</b>.</div><div class="protonmail_quote">On Monday, Help Desk wrote:<blockquote class="protonmail_quote" type="cite">{h}</blockquote></div>',
    "hotmail": '<div>It <b>works</b>.</div><hr id="stopSpelling">Date: Mon, 1 Jun 2026 10:04<br>Subject: Printer<br>From: helpdesk@example.com<br><br>{h}',
    "samsung": "<div>It <b>works</b>.</div><div>-------- Original message --------</div><div>From: Help Desk &lt;helpdesk@example.com&gt; </div><div>Date: 01/06/2026  10:04  (GMT+01:00) </div><div>To: Anna </div><div>Subject: Printer </div>{h}",
    "yandex": "<div>It <b>works</b>.</div><div>01.06.2026, 10:04, \"Help Desk\" &lt;helpdesk@example.com&gt;:</div><blockquote>{h}</blockquote>",
}  # fmt: skip


@pytest.mark.parametrize("client", REPLIES)
def test_html_replies_lose_their_history_and_nothing_else(client: str) -> None:
    mail = read(REPLIES[client].format(h=HISTORY))
    assert mail.new_text == "It works."
    assert "OLD WORDS" in mail.text
    assert "OLD" not in mail.new_html and "Desk" not in mail.new_html
    assert "<b>works</b>" in mail.new_html


def test_an_indented_paragraph_is_no_quote() -> None:
    mail = read('<p>The error is:</p><blockquote style="margin:0 0 0 40px"><p>disk full</p></blockquote><p>Help!</p>')
    assert "disk full" in mail.new_text and "disk full" in mail.new_html


def test_a_forwarded_html_mail_stays_whole() -> None:
    html = '<div>Please help him.</div><div class="gmail_quote">---------- Forwarded message ---------<br>From: Ben Cole &lt;ben@example.com&gt;<br>Date: Mon, Jun 1, 2026<br>Subject: Scanner<br>To: Anna<br><br><p>It is broken.</p></div>'
    mail = read(html, "Fwd: Scanner")
    assert mail.forwarded is not None and mail.forwarded.sender.address == "ben@example.com"
    assert "It is broken." in mail.new_text and "It is broken." in mail.new_html


@pytest.mark.parametrize(
    "attack",
    [
        '<img src="https://evil.example/x.png">',
        '<img src="data:image/png;base64,AAAA">',
        '<p style="background-image:url(https://evil.example/x)">a</p>',
        '<p style="background:url(https://evil.example/x)">a</p>',
        '<p style="width:expression(alert(1))">a</p>',
        '<a href="javascript:alert(1)">a</a>',
        '<a href="data:text/html,evil.example">a</a>',
        "<svg><script>alert(1)</script></svg>",
        '<iframe src="https://evil.example"></iframe>',
        '<form action="https://evil.example"><input name="p"></form>',
        '<link rel="stylesheet" href="https://evil.example/x.css">',
        "<style>@import url(https://evil.example/x.css)</style>",
        '<table background="https://evil.example/x"><tr><td>a</td></tr></table>',
        '<video src="https://evil.example/v" poster="https://evil.example/p"></video>',
        '<p onclick="alert(1)">a</p>',
        '<img src=" CID:x" onerror="alert(1)">',
        '<math><mtext><img src="https://evil.example/m"></mtext></math>',
        '<img srcset="https://evil.example/x 2x" src="cid:a">',
        '<base href="https://evil.example/"><meta http-equiv="refresh" content="0;url=https://evil.example">',
    ],
)
def test_nothing_dangerous_or_remote_survives(attack: str) -> None:
    source = f"<p>hello</p>{attack}"
    whole = sanitise(tame(source))
    for shown in (whole, read(source).new_html):
        for forbidden in ("evil.example", "alert", "javascript", "data:", "url(", "expression"):
            assert forbidden not in shown, shown
    assert "hello" in whole


def test_lists_tables_links_and_pasted_pictures_survive() -> None:
    html = '<ol><li>one</li></ol><table><tr><td>a</td></tr></table><a href="https://example.org/x">here</a><img src="cid:p1@example.org">'
    mail = read(html)
    for kept in ("<li>one</li>", "<td>a</td>", 'href="https://example.org/x"', 'src="cid:p1@example.org"'):
        assert kept in mail.new_html


APPLE = (
    '<html><body dir="auto"><div dir="ltr">Hello Mia,</div><div dir="ltr"><br></div><div dir="ltr">please <b>restart</b>'
    ' it.</div><br id="lineBreakAtBeginningOfSignature"><div dir="ltr">{line}</div><div dir="ltr"><br><blockquote '
    'type="cite">On 1. Jun 2026, at 10:00, Help Desk &lt;helpdesk@example.com&gt; wrote:<br><br></blockquote></div>'
    '<blockquote type="cite"><div dir="ltr">Does it print?</div></blockquote></body></html>'
)
BARE = (
    '<html><body dir="auto">please <b>restart</b> it.<br><br>{line}<br><div>On 1. Jun 2026, at 10:00, Help Desk '
    '&lt;helpdesk@example.com&gt; wrote:</div><blockquote type="cite">Does it print?</blockquote></body></html>'
)


@pytest.mark.parametrize("markup", [APPLE, BARE])
@pytest.mark.parametrize(
    "line",
    [
        *PHONE_LINES,
        'Get <a href="https://aka.ms/o0ukef">Outlook for iOS</a>',
        'Gesendet von <a href="https://aka.ms/o0ukef">Outlook für Android</a>',
    ],
)
def test_the_line_of_a_phone_goes_and_what_is_formatted_stays(markup: str, line: str) -> None:
    mail = read(markup.format(line=line))
    assert "<b>restart</b>" in mail.new_html and mail.new_text.endswith("restart it.")
    for word in ("Sent", "sendet", "Envoy", "Enviado", "Get", "Outlook"):
        assert word not in mail.new_html


def test_a_picture_beside_the_line_of_a_phone_stays() -> None:
    mail = read('<p>See <i>this</i>.</p><div><img src="cid:a@b">Sent from my iPhone</div>')
    assert "cid:a@b" in mail.new_html and "iPhone" not in mail.new_html

"""Replies as mail clients of many languages write them: a generator, used by test_reply_matrix.

Each language gives its words (`Words`), each client a shape. `{d}`, `{n}`, `{m}` are date, name and address.
"""

# ruff: noqa: E501 - a case is a row

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

NAME = "Help Desk"
ADDRESS = "helpdesk@example.com"
STRANGER = "Robin Roe"
STRANGERS_ADDRESS = "robin.roe@example.net"
QUOTED = (
    "Hello,",
    "",
    "we have replaced the toner cartridge in room 12.",
    "Please switch the device off and on again: does it print now?",
    "",
    "Kind regards",
    "Your support team",
)


@dataclass(frozen=True, kw_only=True)
class Words:
    """What clients write in one language. `labels` are From, Sent, To, Subject of Outlook; `phone` is the last line of
    a phone's mail."""

    reply: str
    gmail: str
    apple: str
    thunderbird: str
    yahoo: str
    phone: str
    labels: tuple[str, str, str, str]
    sent: str
    colon: str = ":"


def written(words: Words, client: str) -> str:
    """What stands above the quote: the author's words, and the line of the phone."""
    return f"{words.reply}\n\n{words.phone}" if client == "ios" else words.reply


def body(words: Words, client: str, *, own: bool) -> str:
    """The whole text body of a reply in that client, quoting us (`own`) or somebody else."""
    name, address = (NAME, ADDRESS) if own else (STRANGER, STRANGERS_ADDRESS)
    marked = "\n".join(f"> {line}".rstrip() for line in QUOTED)
    plain = "\n".join(QUOTED)
    top = written(words, client)

    def filled(template: str) -> str:
        return template.format(n=name, m=address)

    if client == "gmail":
        return f"{top}\n\n{filled(words.gmail)}\n\n{marked}\n"
    if client == "gmail wrapped":
        return f"{top}\n\n{_wrapped(filled(words.gmail))}\n\n{marked}\n"
    if client == "apple":
        quoted = "\n".join(f"> {line}".rstrip() for line in QUOTED)
        return (
            f"{top}\n\n> {filled(words.apple)}\n> \n{quoted}\n"
            if own
            else f"{top}\n\n{filled(words.apple)}\n\n{quoted}\n"
        )
    if client == "ios":
        return (
            f"{top}\n\n> {filled(words.apple)}\n> \n{marked}\n"
            if own
            else f"{top}\n\n{filled(words.apple)}\n\n{marked}\n"
        )
    if client == "thunderbird":
        return f"{top}\n\n{filled(words.thunderbird)}\n{marked}\n"
    if client == "yahoo":
        return f" {top}\n\n    {filled(words.yahoo)}  \n \n {plain}\n"
    block = _outlook_block(words, name, address)
    if client == "outlook":
        return f"{top}\n\n{block}\n\n{plain}\n"
    return f"{top}\n\n________________________________\n{block}\n\n{plain}\n"


CLIENTS = ("gmail", "gmail wrapped", "outlook", "outlook rule", "apple", "thunderbird", "ios", "yahoo")


def cases(languages: dict[str, Words]) -> Iterator[tuple[str, str, bool, str, str]]:
    """Every (language, client, own, body, expected reply)."""
    for language, words in languages.items():
        for client in CLIENTS:
            for own in (True, False):
                yield language, client, own, body(words, client, own=own), words.reply


def _wrapped(line: str) -> str:
    """Gmail breaks its attribution near column 78, often right before the address or the verb."""
    if len(line) <= 60:
        return line
    position = line.rfind(" ", 0, 66)
    return f"{line[:position]}\n{line[position + 1 :]}" if position > 0 else line


def _outlook_block(words: Words, name: str, address: str) -> str:
    sender, sent, to, subject = words.labels
    colon = words.colon
    return (
        f"{sender}{colon} {name} <{address}>\n{sent}{colon} {words.sent}\n"
        f"{to}{colon} Anna Meyer <anna.meyer@example.org>\n{subject}{colon} [INC-1042] Drucker / printer"
    )


# Written and looked at while the recognisers were made.
SEEN = {
    "en": Words(
        reply="Thank you, the printer answers again.\nTwo pages still came out blank, though.\nPlease keep the ticket open until Friday.",
        gmail="On Mon, Jun 1, 2026 at 10:04 AM {n} <{m}> wrote:",
        apple="On 1. Jun 2026, at 10:04, {n} <{m}> wrote:",
        thunderbird="On 01/06/2026 10:04, {n} wrote:",
        yahoo="On Monday, June 1, 2026 at 10:04:11 AM GMT+2, {n} <{m}> wrote:",
        phone="Sent from my iPhone",
        labels=("From", "Sent", "To", "Subject"),
        sent="Monday, June 1, 2026 10:04 AM",
    ),
    "fr": Words(
        reply="Merci, l'imprimante répond de nouveau.\nDeux pages sont pourtant sorties blanches.\nMerci de laisser le ticket ouvert jusqu'à vendredi.",
        gmail="Le lun. 1 juin 2026 à 10:04, {n} <{m}> a écrit :",
        apple="Le 1 juin 2026 à 10:04, {n} <{m}> a écrit :",
        thunderbird="Le 01/06/2026 à 10:04, {n} a écrit :",
        yahoo="Le lundi 1 juin 2026 à 10:04:11 UTC+2, {n} <{m}> a écrit :",
        phone="Envoyé de mon iPhone",
        labels=("De", "Envoyé", "À", "Objet"),
        sent="lundi 1 juin 2026 10:04",
        colon=" :",
    ),
    "pt": Words(
        reply="Obrigada, a impressora voltou a responder.\nDuas páginas ainda saíram em branco.\nPor favor, deixem o chamado aberto até sexta-feira.",
        gmail="Em seg., 1 de jun. de 2026 às 10:04, {n} <{m}> escreveu:",
        apple="No dia 1 de jun. de 2026, às 10:04, {n} <{m}> escreveu:",
        thunderbird="Em 01/06/2026 10:04, {n} escreveu:",
        yahoo="Em segunda-feira, 1 de junho de 2026 às 10:04:11 BRT, {n} <{m}> escreveu:",
        phone="Enviado do meu iPhone",
        labels=("De", "Enviado", "Para", "Assunto"),
        sent="segunda-feira, 1 de junho de 2026 10:04",
    ),
    "nl": Words(
        reply="Bedankt, de printer reageert weer.\nEr kwamen wel nog twee lege pagina's uit.\nLaat de melding alsjeblieft open tot vrijdag.",
        gmail="Op ma 1 jun 2026 om 10:04 schreef {n} <{m}>:",
        apple="Op 1 jun. 2026 om 10:04 heeft {n} <{m}> het volgende geschreven:",
        thunderbird="Op 01-06-2026 om 10:04 schreef {n}:",
        yahoo="Op maandag 1 juni 2026 om 10:04:11 CEST schreef {n} <{m}>:",
        phone="Verstuurd vanaf mijn iPhone",
        labels=("Van", "Verzonden", "Aan", "Onderwerp"),
        sent="maandag 1 juni 2026 10:04",
    ),
    "sv": Words(
        reply="Tack, skrivaren svarar igen.\nTvå sidor kom dock ut tomma.\nLåt gärna ärendet vara öppet till fredag.",
        gmail="Den mån 1 juni 2026 kl 10:04 skrev {n} <{m}>:",
        apple="1 juni 2026 kl. 10:04 skrev {n} <{m}>:",
        thunderbird="Den 2026-06-01 kl. 10:04, skrev {n}:",
        yahoo="Den måndag 1 juni 2026 10:04:11 CEST, {n} <{m}> skrev:",
        phone="Skickat från min iPhone",
        labels=("Från", "Skickat", "Till", "Ämne"),
        sent="den 1 juni 2026 10:04",
    ),
    "nb": Words(
        reply="Takk, skriveren svarer igjen.\nTo sider kom likevel ut blanke.\nLa saken stå åpen til fredag.",
        gmail="man. 1. juni 2026 kl. 10:04 skrev {n} <{m}>:",
        apple="1. jun. 2026 kl. 10:04 skrev {n} <{m}>:",
        thunderbird="Den 01.06.2026 10:04, skrev {n}:",
        yahoo="mandag 1. juni 2026 kl. 10:04:11 CEST skrev {n} <{m}> følgende:",
        phone="Sendt fra min iPhone",
        labels=("Fra", "Sendt", "Til", "Emne"),
        sent="mandag 1. juni 2026 10:04",
    ),
    "cs": Words(
        reply="Děkuji, tiskárna zase odpovídá.\nDvě stránky ale vyjely prázdné.\nNechte prosím požadavek otevřený do pátku.",
        gmail="po 1. 6. 2026 v 10:04 odesílatel {n} <{m}> napsal:",
        apple="1. 6. 2026 v 10:04, {n} <{m}>:",
        thunderbird="Dne 01. 06. 26 v 10:04 {n} napsal(a):",
        yahoo="V pondělí 1. června 2026 10:04:11 SELČ, {n} <{m}> napsal(a):",
        phone="Odesláno z iPhonu",
        labels=("Od", "Odesláno", "Komu", "Předmět"),
        sent="pondělí 1. června 2026 10:04",
    ),
    "tr": Words(
        reply="Teşekkürler, yazıcı yine yanıt veriyor.\nAma iki sayfa boş çıktı.\nLütfen kaydı cuma gününe kadar açık bırakın.",
        gmail="{n} <{m}>, 1 Haz 2026 Pzt, 10:04 tarihinde şunu yazdı:",
        apple="{n} <{m}> şunları yazdı (1 Haz 2026 10:04):",
        thunderbird="1.06.2026 10:04 tarihinde {n} yazdı:",
        yahoo="1 Haziran 2026 Pazartesi 10:04:11 GMT+3 tarihinde {n} <{m}> şunu yazdı:",
        phone="iPhone'umdan gönderildi",
        labels=("Kimden", "Gönderildi", "Kime", "Konu"),
        sent="1 Haziran 2026 Pazartesi 10:04",
    ),
    "zh": Words(
        reply="谢谢，打印机恢复正常了。\n不过有两页是空白的。\n请把工单保留到星期五。",
        gmail="{n} <{m}> 于2026年6月1日周一 10:04写道：",
        apple="2026年6月1日 10:04，{n} <{m}> 写道：",
        thunderbird="在 2026/6/1 10:04, {n} 写道:",
        yahoo="在 2026年6月1日星期一 GMT+8 10:04:11， {n}<{m}> 写道：",
        phone="发自我的 iPhone",
        labels=("发件人", "发送时间", "收件人", "主题"),
        sent="2026年6月1日 10:04",
        colon=":",
    ),
    "hu": Words(
        reply="Köszönöm, a nyomtató újra működik.\nKét oldal azonban üresen jött ki.\nKérem, hagyják nyitva a jegyet péntekig.",
        gmail="{n} <{m}> ezt írta (időpont: 2026. jún. 1., H, 10:04):",
        apple="{n} <{m}> írta (2026. jún. 1. dátummal, 10:04 időpontban):",
        thunderbird="2026. 06. 01. 10:04 keltezéssel, {n} írta:",
        yahoo="2026. június 1., hétfő 10:04:11 CEST, {n} <{m}> ezt írta:",
        phone="iPhone-omról küldve",
        labels=("Feladó", "Elküldve", "Címzett", "Tárgy"),
        sent="2026. június 1., hétfő 10:04",
    ),
}

# Written after the recognisers were done; the first result on these is in docs/measurements.md.
UNSEEN = {
    "de": Words(
        reply="Danke, der Drucker antwortet wieder.\nZwei Seiten kamen allerdings leer heraus.\nBitte lassen Sie das Ticket bis Freitag offen.",
        gmail="Am Mo., 1. Juni 2026 um 10:04 Uhr schrieb {n} <{m}>:",
        apple="Am 01.06.2026 um 10:04 schrieb {n} <{m}>:",
        thunderbird="Am 01.06.26 um 10:04 schrieb {n}:",
        yahoo="Am Montag, 1. Juni 2026 um 10:04:11 MESZ hat {n} <{m}> Folgendes geschrieben:",
        phone="Von meinem iPhone gesendet",
        labels=("Von", "Gesendet", "An", "Betreff"),
        sent="Montag, 1. Juni 2026 10:04",
    ),
    "es": Words(
        reply="Gracias, la impresora vuelve a responder.\nAun así salieron dos páginas en blanco.\nPor favor, dejen la incidencia abierta hasta el viernes.",
        gmail="El lun, 1 jun 2026 a las 10:04, {n} (<{m}>) escribió:",
        apple="El 1 jun 2026, a las 10:04, {n} <{m}> escribió:",
        thunderbird="El 1/6/26 a las 10:04, {n} escribió:",
        yahoo="En lunes, 1 de junio de 2026, 10:04:11 CEST, {n} <{m}> escribió:",
        phone="Enviado desde mi iPhone",
        labels=("De", "Enviado el", "Para", "Asunto"),
        sent="lunes, 1 de junio de 2026 10:04",
    ),
    "it": Words(
        reply="Grazie, la stampante risponde di nuovo.\nDue pagine però sono uscite bianche.\nPer favore lasciate aperta la richiesta fino a venerdì.",
        gmail="Il giorno lun 1 giu 2026 alle ore 10:04 {n} <{m}> ha scritto:",
        apple="Il giorno 1 giu 2026, alle ore 10:04, {n} <{m}> ha scritto:",
        thunderbird="Il 01/06/2026 10:04, {n} ha scritto:",
        yahoo="Il lunedì 1 giugno 2026 alle ore 10:04:11 CEST, {n} <{m}> ha scritto:",
        phone="Inviato da iPhone",
        labels=("Da", "Inviato", "A", "Oggetto"),
        sent="lunedì 1 giugno 2026 10:04",
    ),
    "pl": Words(
        reply="Dziękuję, drukarka znowu odpowiada.\nDwie strony wyszły jednak puste.\nProszę zostawić zgłoszenie otwarte do piątku.",
        gmail="pon., 1 cze 2026 o 10:04 {n} <{m}> napisał(a):",
        apple="Wiadomość napisana przez {n} <{m}> w dniu 1 cze 2026, o godz. 10:04:",
        thunderbird="W dniu 1.06.2026 o 10:04, {n} pisze:",
        yahoo="poniedziałek, 1 czerwca 2026 10:04:11 CEST {n} <{m}> napisał(a):",
        phone="Wysłane z iPhone'a",
        labels=("Od", "Wysłane", "Do", "Temat"),
        sent="poniedziałek, 1 czerwca 2026 10:04",
    ),
    "da": Words(
        reply="Tak, printeren svarer igen.\nTo sider kom dog ud blanke.\nLad venligst sagen stå åben til fredag.",
        gmail="Den man. 1. jun. 2026 kl. 10.04 skrev {n} <{m}>:",
        apple="Den 1. jun. 2026 kl. 10.04 skrev {n} <{m}>:",
        thunderbird="Den 01.06.2026 kl. 10.04 skrev {n}:",
        yahoo="Den mandag den 1. juni 2026 10.04.11 CEST skrev {n} <{m}>:",
        phone="Sendt fra min iPhone",
        labels=("Fra", "Sendt", "Til", "Emne"),
        sent="1. juni 2026 10:04",
    ),
    "fi": Words(
        reply="Kiitos, tulostin vastaa taas.\nKaksi sivua tuli silti tyhjinä.\nPitäkää tiketti auki perjantaihin.",
        gmail="ma 1. kesäk. 2026 klo 10.04 {n} ({m}) kirjoitti:",
        apple="{n} <{m}> kirjoitti 1.6.2026 kello 10.04:",
        thunderbird="{n} kirjoitti 1.6.2026 klo 10.04:",
        yahoo="maanantai 1. kesäkuuta 2026 klo 10.04.11 UTC+3 {n} <{m}> kirjoitti:",
        phone="Lähetetty iPhonesta",
        labels=("Lähettäjä", "Lähetetty", "Vastaanottaja", "Aihe"),
        sent="maanantai 1. kesäkuuta 2026 10.04",
    ),
    "ru": Words(
        reply="Спасибо, принтер снова отвечает.\nНо две страницы вышли пустыми.\nПожалуйста, оставьте заявку открытой до пятницы.",
        gmail="пн, 1 июн. 2026 г. в 10:04, {n} <{m}>:",
        apple="1 июня 2026 г., в 10:04, {n} <{m}> написал(а):",
        thunderbird="01.06.2026 10:04, {n} пишет:",
        yahoo="понедельник, 1 июня 2026 г. в 10:04:11 GMT+3, {n} <{m}> написал(а):",
        phone="Отправлено с iPhone",
        labels=("От", "Отправлено", "Кому", "Тема"),
        sent="1 июня 2026 г. 10:04",
    ),
    "ja": Words(
        reply="ありがとうございます。プリンターはまた動いています。\nただし2ページが白紙で出ました。\n金曜日までチケットを開いたままにしてください。",
        gmail="2026年6月1日(月) 10:04 {n} <{m}>:",
        apple="2026/06/01 10:04、{n} <{m}>のメール:",
        thunderbird="On 2026/06/01 10:04, {n} wrote:",
        yahoo="2026年6月1日月曜日 10:04:11 JST、{n} <{m}> のメール:",
        phone="iPhoneから送信",
        labels=("差出人", "送信日時", "宛先", "件名"),
        sent="2026年6月1日 10:04",
    ),
    "ko": Words(
        reply="감사합니다. 프린터가 다시 작동합니다.\n하지만 두 페이지가 백지로 나왔습니다.\n금요일까지 티켓을 열어 두세요.",
        gmail="2026년 6월 1일 (월) 오전 10:04, {n} <{m}>님이 작성:",
        apple="2026. 6. 1. 오전 10:04, {n} <{m}> 작성:",
        thunderbird="2026-06-01 10:04에 {n} 이(가) 쓴 글:",
        yahoo="2026년 6월 1일 월요일 오전 10시 4분 11초 GMT+9, {n} <{m}>님이 작성:",
        phone="나의 iPhone에서 보냄",
        labels=("보낸 사람", "보낸 날짜", "받는 사람", "제목"),
        sent="2026년 6월 1일 월요일 오전 10:04",
    ),
    "el": Words(
        reply="Ευχαριστώ, ο εκτυπωτής απαντά ξανά.\nΔύο σελίδες όμως βγήκαν λευκές.\nΑφήστε το αίτημα ανοιχτό μέχρι την Παρασκευή.",
        gmail="Στις Δευ 1 Ιουν 2026 στις 10:04 π.μ., ο χρήστης {n} <{m}> έγραψε:",
        apple="1 Ιουν 2026, 10:04 π.μ., ο χρήστης «{n} <{m}>» έγραψε:",
        thunderbird="Στις 1/6/26 10:04, ο/η {n} έγραψε:",
        yahoo="Τη Δευτέρα, 1 Ιουνίου 2026 στις 10:04:11 π.μ. EEST, ο χρήστης {n} <{m}> έγραψε:",
        phone="Στάλθηκε από το iPhone μου",
        labels=("Από", "Στάλθηκε", "Προς", "Θέμα"),
        sent="Δευτέρα, 1 Ιουνίου 2026 10:04",
    ),
}

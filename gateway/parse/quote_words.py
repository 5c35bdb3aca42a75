"""The words by which mail clients introduce quoted and forwarded mail, as tables.

Only words: how they are used stands in `quote_lines` and `signatures`. Sorted by meaning, then roughly by language
(en de fr es pt it nl sv da nb fi pl cs sk ru uk bg tr hu ro el hr sl et lt lv ja zh ko ar he vi id th). All in lower
case; a label is compared after it lost its decoration.
"""

from __future__ import annotations

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split("|") if word.strip())


FROM: Final = _words(
    "from|von|de|expéditeur|remitente|desde|da|mittente|van|afzender|från|fra|avsender|lähettäjä|od|nadawca|"
    "odesílatel|"
    "odosielateľ|от|отправитель|від|відправник|подател|kimden|gönderen|feladó|de la|expeditor|από|šalje|pošiljatelj|"
    "saatja|kellelt|nuo|siuntėjas|no|sūtītājs|差出人|送信者|发件人|發件人|寄件者|寄件人|보낸 사람|보낸사람|"
    "من|מאת|từ|người gửi|dari|จาก|frá"
)
SENT: Final = _words(
    "sent|date|gesendet|datum|envoyé|envoyé le|date d'envoi|enviado|enviado el|fecha|enviada em|enviado em|"
    "enviada|data|"
    "inviato|data invio|verzonden|verzonden op|skickat|sendt|dato|lähetetty|päivämäärä|päiväys|pvm|wysłane|wysłano|"
    "data wysłania|odesláno|odoslané|dátum|отправлено|дата|надіслано|изпратено|gönderildi|gönderme tarihi|tarih|"
    "gönderim|elküldve|trimis|data trimiterii|στάλθηκε|εστάλη|ημερομηνία|poslano|saadetud|kuupäev|išsiųsta|"
    "nosūtīts|送信日時|日時|日付|发送时间|发送日期|寄件日期|日期|時間|时间|보낸 날짜|날짜|تاريخ الإرسال|التاريخ|נשלח|"
    "תאריך|đã gửi|ngày|dikirim|tanggal|ส่ง|วันที่|sent at|gesendet am|verstuurd"
)
TO: Final = _words(
    "to|an|à|a|para|per|aan|till|til|vastaanottaja|do|komu|pre|кому|до|kime|alıcı|címzett|către|προς|za|"
    "prima|kellele|"
    "saaja|kam|kam|adresāts|gavėjas|宛先|收件人|收件者|받는 사람|받는사람|إلى|אל|đến|tới|kepada|ถึง|destinataire|"
    "destinatario|destinatário|pour|a|ke"
)
SUBJECT: Final = _words(
    "subject|betreff|objet|sujet|asunto|assunto|oggetto|onderwerp|ämne|emne|aihe|temat|předmět|predmet|тема|"
    "относно|konu|"
    "tárgy|subiect|θέμα|zadeva|teema|tema|temats|件名|主题|主題|主旨|제목|الموضوع|נושא|chủ đề|tiêu đề|perihal|subjek|"
    "เรื่อง|efni"
)
COPY: Final = _words(
    "cc|bcc|kopie|copie|copia|copie à|cópia|kopia|kopi|kopio|kopie|dw|копия|копія|bilgi|másolatot kap|κοιν.|"
    "抄送|副本|参照|참조|"
    "نسخة|עותק|reply-to|antwort an|répondre à|responder a|importance|priority|priorität|attachments|anlagen|anhänge|"
    "pièces jointes|datos adjuntos|anexos|allegati|bijlagen|bilagor|załączniki|organization|newsgroups|mailing list"
)

WROTE: Final = (
    "wrote",
    "writes",
    "schrieb",
    "geschrieben",
    "a écrit",
    "écrit",
    "escribió",
    "escribio",
    "escreveu",
    "ha scritto",
    "scritto",
    "schreef",
    "geschreven",
    "skrev",
    "kirjoitti",
    "napisał(a)",
    "napisał",
    "napisała",
    "pisze",
    "napsal",
    "napsala",
    "napísal",
    "написал",
    "пишет",
    "пише",
    "написав",
    "написа",
    "yazdı",
    "şunu yazdı",
    "írta",
    "a scris",
    "έγραψε",
    "napisao",
    "piše",
    "je napisal",
    "kirjutas",
    "rašė",
    "rakstīja",
    "のメール",
    "書きました",
    "写道",
    "寫道",
    "작성",
    "님이 쓴 글",
    "كتب",
    "כתב",
    "đã viết",
    "menulis",
    "เขียนว่า",
    "skrifaði",
)

# Before the name of whoever wrote.
WRITER: Final = ("użytkownik ",)

# What stands between dashes above a quoted mail.
ORIGINAL: Final = _words(
    "original message|original appointment|ursprüngliche nachricht|ursprüngliche mail|originalnachricht|"
    "original-nachricht|"
    "message d'origine|message original|message initial|mensaje original|mensaje initial|mensagem original|"
    "messaggio originale|"
    "oorspronkelijk bericht|originele bericht|ursprungligt meddelande|originalmeddelande|ursprungsmeddelande|"
    "oprindelig meddelelse|opprinnelig melding|alkuperäinen viesti|wiadomość oryginalna|oryginalna wiadomość|"
    "původní zpráva|pôvodná správa|исходное сообщение|оригинальное сообщение|оригінальне повідомлення|"
    "orijinal mesaj|orijinal ileti|özgün ileti|eredeti üzenet|mesaj original|αρχικό μήνυμα|izvorna poruka|"
    "izvirno sporočilo|元のメッセージ|原始邮件|原始郵件|邮件原件|원본 메시지|원본 메일|الرسالة الأصلية|הודעה מקורית|"
    "thư gốc|pesan asli|ข้อความต้นฉบับ|reply message|antwort|original mail|original email"
)

# What announces a mail that is passed on.
FORWARDED: Final = _words(
    "forwarded message|begin forwarded message|forwarded by|forwarded mail|weitergeleitete nachricht|"
    "anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail|message transféré|message réexpédié|"
    "début du message transféré|début du message réexpédié|mensaje reenviado|inicio del mensaje reenviado|"
    "mensagem encaminhada|mensagem reencaminhada|início da mensagem encaminhada|início da mensagem reencaminhada|"
    "messaggio inoltrato|inizio messaggio inoltrato|doorgestuurd bericht|begin doorgestuurd bericht|"
    "vidarebefordrat meddelande|vidarebefordrat brev|vidarebefordrat mejl|videresendt besked|videresendt meddelelse|"
    "start på videresendt besked|videresendt melding|videresendt e-post|begynnelse på videresendt melding|"
    "välitetty viesti|edelleenlähetetty viesti|välitetty viesti alkaa|wiadomość przekazana dalej|"
    "przekazana wiadomość|"
    "treść przekazanej wiadomości|początek przekazywanej wiadomości|przesłana wiadomość|přeposlaná zpráva|"
    "začátek přeposílané zprávy|přeposlaný e-mail|preposlaná správa|пересланное сообщение|пересылаемое сообщение|"
    "начало переадресованного сообщения|перенаправлене повідомлення|переслане повідомлення|препратено съобщение|"
    "yönlendirilmiş ileti|iletilen mesaj|yönlendirilen ileti|iletilen ileti başlangıcı|iletilen e-postanın başı|"
    "továbbított üzenet|továbbított levél kezdete|mesaj redirecționat|mesaj transmis mai departe|προωθημένο μήνυμα|"
    "proslijeđena poruka|posredovano sporočilo|転送されたメッセージ|転送メッセージ|転送された メッセージ|"
    "已转发邮件|转发的邮件|被转发的邮件|"
    "下面是被转发的邮件|已轉寄郵件|轉寄郵件|開始轉寄郵件|전달된 메시지|전달된 메일|رسالة معاد توجيهها|הודעה שהועברה|"
    "thư chuyển tiếp|pesan terusan|ข้อความที่ส่งต่อ|áframsent skeyti"
)
# Subject prefixes of a mail that is passed on (the ones of replies are not needed here).
FORWARD_PREFIXES: Final = _words(
    "fw|fwd|wg|wtr|weitergeleitet|tr|rv|enc|res-enc|i|inol|doorst|fs|vs-fw|vb|vl|vidarebefordrat|"
    "videresendt|pd|przek|"
    "přep|fwd[fwd]|пер|пересл|ilt|ynt-ilt|továbbítás|továb|πρθ|転送|转发|轉寄|傳送|전달|הועבר|إعادة توجيه|"
    "trs|chuyển tiếp"
)

SENT_WORDS: Final = (
    "sent from",
    "sent via",
    "sent with",
    "sent by",
    "get outlook for",
    "gesendet",
    "geschickt",
    "envoyé",
    "télécharger outlook",
    "obtenez outlook",
    "enviado",
    "obtener outlook",
    "obter o outlook",
    "inviato",
    "ottieni outlook",
    "verzonden",
    "verstuurd",
    "outlook voor",
    "skickat",
    "hämta outlook",
    "sendt",
    "hent outlook",
    "få outlook",
    "lähetetty",
    "hanki outlook",
    "wysłane",
    "wysłano",
    "pobierz",
    "odesláno",
    "získat",
    "отправлено",
    "получить outlook",
    "надіслано",
    "gönderildi",
    "edinin",
    "elküldve",
    "küldve",
    "trimis",
    "στάλθηκε",
    "poslano",
    "送信",
    "发自",
    "發自",
    "从我的",
    "從我的",
    "보냄",
    "에서 보낸",
    "تم الإرسال",
    "נשלח מ",
    "dikirim dari",
    "outlook für",
    "outlook para",
    "outlook pour",
    "outlook per",
)
DEVICES: Final = (
    "iphone",
    "ipad",
    "ipod",
    "blackberry",
    "android",
    "samsung",
    "galaxy",
    "huawei",
    "xiaomi",
    "pixel",
    "nokia",
    "windows phone",
    "outlook",
    "mail for windows",
    "mail app",
    "mobile phone",
    "smartphone",
    "handy",
    "mobil",
    "yahoo mail",
    "protonmail",
    "proton mail",
    "gmx",
    "tablet",
    "k-9",
    "sparrow",
)

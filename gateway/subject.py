"""Subjects: reply and forward prefixes of every language, and our ticket tokens in any decoration.

Used where a mail comes in (what does it answer, which ticket does it name?) and where one goes out (its subject must
carry the token once and no second "Re:"). Pure functions of text; nothing here fails, and every pattern is bounded, so
that a hostile subject costs microseconds.

The prefixes are those that clients write by themselves (Outlook, Exchange, Lotus Notes, GroupWise, Gmail, Apple Mail,
Thunderbird, QQ Mail, Naver). A word that people also write by hand before a colon ("Ref:", "Reply:") is not one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

SUBJECT_LIMIT_CHARS = 200
_READ_LIMIT_CHARS = 1000

# Latin words are matched in any case; one-letter ones (Italian "R:", "I:") in upper case only, see _PREFIX.
_REPLY_WORDS = (
    # English, French, Spanish; German; Dutch; Danish, Norwegian, Swedish, Icelandic; Finnish, Estonian
    "re aw antw antwort sv svar vs vast "
    # Portuguese; Italian; French (Lotus Notes, GroupWise); Romanian
    "res resp rif risp réf rép réponse răspuns raspuns "
    # Polish, Czech, Slovak; Hungarian; Slovene, Croatian, Serbian; Latvian, Lithuanian; Welsh; Turkish
    "odp vá válasz odg одг atb ats ynt yanıt "
    # Russian, Ukrainian, Bulgarian; Greek; Indonesian; Vietnamese
    "отв ответ відп відповідь отг απ σχετ bls balas trả\u00a0lời "
    # Hebrew; Arabic; Persian
    "השב תגובה رد پاسخ "
    # Chinese, Japanese, Korean, Thai
    "回复 回覆 答复 答覆 返信 回信 회신 답장 ตอบ ตอบกลับ"
)
_FORWARD_WORDS = (
    # English; German (Outlook, Lotus Notes, GroupWise); Dutch; Swedish; Danish and Norwegian; Finnish
    "fw fwd wg wtr wtrlt weiterleitung weitergeleitet doorst vb vs vl "
    # French; Spanish; Portuguese; Italian
    "tr rv reenv enc inoltro "
    # Polish; Hungarian; Czech; Croatian, Serbian; Romanian; Turkish; Estonian; Lithuanian
    "pd tov továbbítás předat přeposláno proslj просл redirecționat ilt edasi persiųsti "
    # Russian, Ukrainian, Bulgarian; Greek; Indonesian; Vietnamese
    "пересл переслано препр πρθ trs chuyển\u00a0tiếp "
    # Hebrew; Arabic; Chinese, Japanese, Korean, Thai
    "הועבר إعادة\u00a0توجيه 转发 轉寄 轉發 転送 전달 ส่งต่อ"
)


def _word_pattern(words: str, one_letter: str) -> str:
    """A pattern for any of these words; a no-break space in a word stands for any white space."""
    longest_first = sorted(set(words.split(" ")) - {""}, key=len, reverse=True)
    escaped = [re.escape(unicodedata.normalize("NFC", word)).replace("\u00a0", r"\s") for word in longest_first]
    return "|".join([*escaped, rf"(?-i:{one_letter})"])


# "Re[2]:", "RE(3):", "Re^2:", "Re2:", "Réf. :", "答复：": a word, a counter, a dot, a colon of any width.
_COLON = r"\s?(?:\[\d{1,3}\]|\(\d{1,3}\)|[\^*]?\d{1,3})?\.?\s?[:\uff1a\ufe55]\s*"
_REPLY = re.compile(rf"(?:{_word_pattern(_REPLY_WORDS, 'R')}){_COLON}", re.IGNORECASE)
_FORWARD = re.compile(rf"(?:{_word_pattern(_FORWARD_WORDS, 'I')}){_COLON}", re.IGNORECASE)
_TAG = re.compile(r"\s*(?:\[[^\[\]]{1,60}\]|【[^【】]{1,60}】)\s*")
# Thunderbird's old form, and mutt's and Pine's (RFC 5256 §2.1 calls them subj-fwd-hdr and subj-trailer).
_WRAPPED_FORWARD = re.compile(r"\[\s?fwd?\s?:\s*(.*)\]", re.IGNORECASE)
_FORWARD_TRAILER = re.compile(r"\s*\(fwd\)\s*$", re.IGNORECASE)

_EMPTY_BRACKETS = re.compile(r"\[\s*\]|\(\s*\)|【\s*】|（\s*）")
# Marks that change the reading direction or are not seen (T14): a subject never needs them, a forger does.
_UNSEEN = re.compile(
    "[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_SCHEME = re.compile(r"\b(https?|ftps?|mailto|tel|data|javascript|file)(:)", re.IGNORECASE)
_DOT_IN_NAME = re.compile(r"(?<=\w)[.\u3002\uff0e\uff61](?=\w)")
_ORDER = re.compile(r" (?=(?:release|delete|block)\b)", re.IGNORECASE)
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_DASHES = "-\u00ad\u2010-\u2015\u2212\ufe58\ufe63\uff0d"
_OPEN, _CLOSE = r"[\[(<{（【［｛〔「《«‹〈]", r"[\])>}）】］｝〕」》»›〉]"
# Scripts that write no spaces between words may touch a token: 工单INC-1042已解决.
_WORD = r"[^\W\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_NUMBER = r"(?![0０])[0-9０-９]{1,9}"


def one_line(text: str) -> str:
    """Make one line of text: NFC, without unseen and direction marks, controls and runs of space as one space."""
    if text.isascii() and text.isprintable() and "  " not in text:
        # Most lines: nothing that NFC, marks or white space other than single spaces could change.
        return text.strip()
    return _SPACES.sub(" ", visible(unicodedata.normalize("NFC", text))).strip()


def defanged(text: str, limit_chars: int = 120) -> str:
    """One line of a stranger's text in which nothing can be clicked, cut to `limit_chars`.

    `http://pay.example.com` reads hxxp://pay[.]example[.]com. A word that a keeper of the quarantine writes as an order
    is tied to the word before it, so that no wrapped line begins with it.
    """
    line = one_line(text[:_READ_LIMIT_CHARS])
    if len(line) > limit_chars:
        line = line[: limit_chars - 1].rstrip() + "…"
    line = _DOT_IN_NAME.sub("[.]", _SCHEME.sub(_defanged_scheme, line))
    return _ORDER.sub("\u00a0", line)


def _defanged_scheme(match: re.Match[str]) -> str:
    scheme = match[1].lower()
    return scheme.replace("tt", "xx", 1) + match[2] if "tt" in scheme else f"x{scheme}{match[2]}"


def visible(text: str) -> str:
    """Return text without the marks that are not seen and that turn the reading direction."""
    return text if text.isascii() else _UNSEEN.sub("", text)


def clean_subject(raw: str, prefixes: tuple[str, ...] = ("INC", "REQ")) -> str:
    """Return what a subject is about: one line of at most 200 characters, without prefixes and our tokens.

    Tags of mailing lists and other systems are kept. The result is "" where nothing is left; cleaning it again changes
    nothing.
    """
    subject, before = one_line(raw[:_READ_LIMIT_CHARS]), None
    while subject != before:  # every round but the last makes it shorter
        before = subject
        subject = _without_tokens(_without_prefixes(subject), prefixes)
        subject = one_line(_EMPTY_BRACKETS.sub(" ", subject))
        if len(subject) > SUBJECT_LIMIT_CHARS:
            subject = subject[: SUBJECT_LIMIT_CHARS - 1].rstrip() + "…"
    return subject


def has_reply_prefix(subject: str) -> bool:
    """The subject says that its mail is a reply: its outermost prefix, behind tags in brackets, is one of replies.

    "VS:" is a Finn's reply and a Dane's forward: this and `has_forward_prefix` are both true for it.
    """
    return _begins_with(_REPLY, subject)


def has_forward_prefix(subject: str) -> bool:
    """The subject says that its mail was passed on: its outermost prefix, behind tags, is one of forwards."""
    line = one_line(subject[:_READ_LIMIT_CHARS])
    return bool(_WRAPPED_FORWARD.fullmatch(line) or _FORWARD_TRAILER.search(line)) or _begins_with(_FORWARD, subject)


def find_tokens(text: str, prefixes: tuple[str, ...] = ("INC", "REQ")) -> tuple[tuple[str, int], ...]:
    """Find the ticket tokens in a text, each (prefix as configured, number) once, in order of appearance.

    Any case and decoration counts: ``[INC-1042]``, ``(inc 1042)``, ``INC–1042:``, ``【ＩＮＣ－１０４２】``. Without
    brackets a dash, underscore or number sign must stand between ("Acme Inc 2025" names no ticket), or the prefix in
    its own case directly before the number. What is part of a longer word, id or address is no token: ``XINC-1042``,
    ``INC-1042-7``, ``INC-1042@example.com``, ``INC0001042``.
    """
    found: dict[tuple[str, int], None] = {}
    if not prefixes or not _core_pattern(prefixes).search(text):
        return ()
    for match in _token_pattern(prefixes).finditer(text):
        number = match.group("n1") or match.group("n2") or match.group("n3")
        found[prefixes[_which_prefix(match)], int(number)] = None
    return tuple(found)


def _which_prefix(match: re.Match[str]) -> int:
    """The index of the prefix whose group took part, in whichever of the three forms."""
    return next(int(name[3:]) for name, value in match.groupdict().items() if name.startswith("p") and value)


@lru_cache(maxsize=64)
def _token_pattern(prefixes: tuple[str, ...]) -> re.Pattern[str]:
    """Three forms side by side: in brackets, with a mark between, and glued together in the prefix's own case."""

    def any_prefix(form: int, *, wide: bool) -> str:
        words = [_full_width(prefix) if wide else re.escape(prefix) for prefix in prefixes]
        return "|".join(f"(?P<p{form}_{index}>{word})" for index, word in enumerate(words))

    begin = rf"(?<!{_WORD})(?<!\w[{_DASHES}./@+])"
    end = rf"(?!{_WORD})(?![{_DASHES}._+]\w)(?!@)"
    in_brackets = (
        rf"{_OPEN}\s{{0,2}}[#＃]?(?:{any_prefix(1, wide=True)})\s{{0,2}}[{_DASHES}_#＃:：.]?\s{{0,2}}[#＃]?"
        rf"(?P<n1>{_NUMBER})\s{{0,2}}[:：]?\s{{0,2}}{_CLOSE}"
    )
    marked = rf"{begin}(?:{any_prefix(2, wide=True)})[{_DASHES}_#＃][#＃]?(?P<n2>{_NUMBER}){end}"
    glued = rf"{begin}(?-i:{any_prefix(3, wide=False)})(?P<n3>{_NUMBER}){end}"
    return re.compile(f"{in_brackets}|{marked}|{glued}", re.IGNORECASE)


@lru_cache(maxsize=64)
def _core_pattern(prefixes: tuple[str, ...]) -> re.Pattern[str]:
    """What every form of a token has at its heart (and more): much faster to look for where there is none.

    Both cases are written out and the first letters stand together, since `re` skips ahead only to one set of
    characters, and only where case counts.
    """
    first = "".join(_either_case(prefix[0]) for prefix in prefixes)
    rest = "|".join("".join(f"[{_either_case(char)}]" for char in prefix[1:]) for prefix in prefixes)
    return re.compile(rf"[{first}](?:{rest})\s{{0,2}}[{_DASHES}_#＃:：.]?\s{{0,2}}[#＃]?{_NUMBER}")


def _either_case(char: str) -> str:
    """Everything that `re.IGNORECASE` takes for this character of a prefix, as it stands in a set of a pattern."""
    pattern = re.compile(_full_width(char), re.IGNORECASE)
    wide = chr(ord(char) + 0xFEE0) if char.isascii() else char
    alike = {char, char.lower(), char.upper(), wide, wide.lower(), wide.upper(), *"ıİſK"}
    return "".join(re.escape(one) for one in sorted(alike) if pattern.fullmatch(one))


def _full_width(prefix: str) -> str:
    """A pattern for a prefix in ASCII or full-width letters."""
    return "".join(
        f"[{char}{chr(ord(char) + 0xFEE0)}]" if re.fullmatch("[A-Za-z0-9]", char) else re.escape(char)
        for char in prefix
    )


@lru_cache(maxsize=64)
def _removal_pattern(prefixes: tuple[str, ...]) -> re.Pattern[str]:
    """A token with the dash or bar before it and the punctuation behind it."""
    token = _token_pattern(prefixes).pattern
    return re.compile(rf"(?:\s[{_DASHES}|]\s?)?(?:{token})(?:\s?[:：|{_DASHES}](?!\w))?", re.IGNORECASE)


def _without_tokens(subject: str, prefixes: tuple[str, ...]) -> str:
    if not prefixes or not _core_pattern(prefixes).search(subject):
        return subject
    return _removal_pattern(prefixes).sub(" ", subject)


def _without_prefixes(subject: str) -> str:
    """Take every reply and forward prefix off the front; tags between them stay, a repeated one once."""
    subject = _FORWARD_TRAILER.sub("", subject)
    if wrapped := _WRAPPED_FORWARD.fullmatch(subject):
        subject = wrapped.group(1)
    tags: list[str] = []
    position = 0
    while match := next(filter(None, (form.match(subject, position) for form in (_REPLY, _FORWARD, _TAG))), None):
        if match.re is _TAG and (tag := match.group().strip()) not in tags:
            tags.append(tag)
        position = match.end()
    return " ".join([*tags, subject[position:]])


def _begins_with(pattern: re.Pattern[str], subject: str) -> bool:
    line = one_line(subject[:_READ_LIMIT_CHARS])
    position = 0
    while tag := _TAG.match(line, position):
        position = tag.end()
    return pattern.match(line, position) is not None

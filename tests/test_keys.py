"""Reply keys: what we sealed is read back, and nothing else is."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import keys
from gateway.keys import KEY_LENGTH, Purpose, ReplyKey, seal, unseal
from gateway.ticket import Role

SECRET, OTHER = b"s" * 32, b"o" * 32
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
KEYS = st.builds(
    ReplyKey,
    ticket=st.integers(0, 2**40 - 1),
    person=st.integers(0, 2**40 - 1),
    role=st.sampled_from(Role),
    issued_on=st.dates(date(2020, 1, 1), date(2199, 6, 6)),
)
PURPOSES = st.sampled_from(Purpose)


def sealed(key: ReplyKey, purpose: Purpose = Purpose.REPLY) -> str:
    return seal(key, purpose=purpose, secret_id=7, secret=SECRET)


@given(KEYS, PURPOSES)
def test_a_key_is_40_letters_and_comes_back_as_it_was_also_in_capitals(key: ReplyKey, purpose: Purpose) -> None:
    text = sealed(key, purpose)
    assert re.fullmatch(r"[a-z2-7]{40}", text)
    assert len(text) == KEY_LENGTH
    for folded in (text, text.upper(), text.title()):
        assert unseal(folded, purpose=purpose, secrets={7: SECRET, 8: OTHER}) == key


@given(KEYS, st.integers(0, KEY_LENGTH - 1), st.sampled_from(ALPHABET))
def test_a_key_with_any_letter_changed_is_none(key: ReplyKey, place: int, letter: str) -> None:
    text = sealed(key)
    changed = text[:place] + letter + text[place + 1 :]
    assert (unseal(changed, purpose=Purpose.REPLY, secrets={7: SECRET}) == key) == (changed == text)
    if changed != text:
        assert unseal(changed, purpose=Purpose.REPLY, secrets={7: SECRET}) is None


@given(KEYS, PURPOSES, PURPOSES)
def test_a_key_for_one_purpose_is_worth_nothing_for_another(key: ReplyKey, one: Purpose, other: Purpose) -> None:
    assert (unseal(sealed(key, one), purpose=other, secrets={7: SECRET}) is None) == (one is not other)


@pytest.mark.parametrize("secrets", [{}, {7: OTHER}, {8: SECRET}])
def test_a_key_of_another_secret_is_none(secrets: dict[int, bytes]) -> None:
    key = ReplyKey(ticket=1, person=2, role=Role.AGENT, issued_on=date(2026, 3, 2))
    assert unseal(sealed(key), purpose=Purpose.REPLY, secrets=secrets) is None


@given(st.text(max_size=60))
def test_no_other_text_is_a_key(text: str) -> None:
    assert unseal(text, purpose=Purpose.REPLY, secrets={7: SECRET}) is None


@given(st.text(alphabet=ALPHABET, min_size=40, max_size=40))
def test_no_guess_is_a_key(text: str) -> None:
    for purpose in Purpose:
        assert unseal(text, purpose=purpose, secrets={0: SECRET, 7: SECRET, 255: OTHER}) is None


def test_a_machine_whose_clock_was_never_set_seals_an_old_key() -> None:
    key = ReplyKey(ticket=1, person=2, role=Role.AGENT, issued_on=date(1970, 1, 1))
    read = unseal(sealed(key), purpose=Purpose.REPLY, secrets={7: SECRET})
    assert read is not None
    assert read.issued_on == date(2020, 1, 1)


@given(KEYS)
def test_a_key_travels_in_a_message_id_and_in_an_address(key: ReplyKey) -> None:
    text = sealed(key)
    an_id = keys.message_id(text, "abc234", "example.com")
    assert keys.key_in_id(an_id) == keys.key_in_id(f" {an_id.upper()} ") == text
    assert keys.own_ids_in(f"a {an_id} b {an_id} c <x@y>") == (an_id,)
    address = keys.plus_address("desk@example.com", text)
    assert len(address.partition("@")[0]) <= 64
    assert keys.plus_suffix(address.upper()) == text


@pytest.mark.parametrize("an_id", ["", "<>", "<x@y>", "<hg.short.abc@example.com>", f"<hg.{'a' * 40}@example.com>"])
def test_ids_of_others_carry_no_key(an_id: str) -> None:
    assert keys.key_in_id(an_id) == ""


def test_an_address_without_a_plus_has_no_suffix() -> None:
    assert keys.plus_suffix("desk@example.com") == ""
    assert keys.plus_suffix("de+sk") == "sk"
    assert keys.plus_address("desk@example.com", "") == "desk@example.com"


def test_our_mark_is_of_this_mail_and_of_one_of_our_secrets() -> None:
    mark = keys.loop_mark("<a@b>", SECRET)
    assert keys.is_own_mark(mark, "<a@b>", {1: OTHER, 2: SECRET})
    assert not keys.is_own_mark(mark, "<c@d>", {2: SECRET})
    assert not keys.is_own_mark(mark, "<a@b>", {1: OTHER})
    assert not keys.is_own_mark(mark, "<a@b>", {})


@given(st.text(), st.text())
def test_no_header_of_a_stranger_breaks_the_comparison(mark: str, an_id: str) -> None:
    assert not keys.is_own_mark(mark, an_id, {1: SECRET})
    assert not keys.is_own_mark("\udcff" + mark, an_id, {1: SECRET})


def test_the_day_of_a_key_is_that_of_utc() -> None:
    late = datetime.fromisoformat("2026-03-02T01:00:00+05:00")
    assert keys.issue_day(late) == date(2026, 3, 1)
    assert keys.issue_day(late.astimezone(UTC)) == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("role", "purpose", "written"),
    [
        (Role.REQUESTER, Purpose.REPLY, "a4iqaaaaaqjaaaaaaadqrtdjljtecsp76nonx7wt"),
        (Role.WATCHER, Purpose.REPLY, "a4jaaaaaaqjaaaaaaadqrthkuztdshqn4axoasj3"),
        (Role.AGENT, Purpose.REPLY, "a4jqaaaaaqjaaaaaaadqrtbpjcvasuxbjfwpgmif"),
        (Role.AGENT, Purpose.BOUNCE, "a4rqaaaaaqjaaaaaaadqrtdcor2woss4z72yzpqk"),
        (Role.AGENT, Purpose.PROBE, "a4zqaaaaaqjaaaaaaadqrtdkegqrz2wfrq5mwsgi"),
        (Role.AGENT, Purpose.DIGEST, "a5bqaaaaaqjaaaaaaadqrtctvf6wvxw754f5vp5w"),
        (Role.AGENT, Purpose.HEARTBEAT, "a5jqaaaaaqjaaaaaaadqrtgj2mn3hi2rvlvtq2pb"),
        (Role.AGENT, Purpose.CONFIRM, "a5rqaaaaaqjaaaaaaadqrtbfy5532t77t7jwgl3i"),
        (Role.AGENT, Purpose.DOCTOR, "a5zqaaaaaqjaaaaaaadqrtczfkbqee4atsa7p34h"),
        (Role.AGENT, Purpose.LISTING, "a6bqaaaaaqjaaaaaaadqrtasw6maa3acqypnxihg"),
        (Role.AGENT, Purpose.ACTION, "a6jqaaaaaqjaaaaaaadqrtb6sv64wf7blm6qki3h"),
    ],
)
def test_the_keys_in_peoples_mailboxes_stay_valid(role: Role, purpose: Purpose, written: str) -> None:
    """Mails with these keys lie in mailboxes for years: another form would cut every thread."""
    key = ReplyKey(ticket=1042, person=7, role=role, issued_on=date(2026, 3, 2))
    assert sealed(key, purpose) == written
    assert unseal(written, purpose=purpose, secrets={7: SECRET}) == key


def test_what_else_travels_in_mails_keeps_its_form_too() -> None:
    assert keys.message_id("k", "u", "example.com") == "<hg.k.u@example.com>"
    assert keys.plus_address("desk@example.com", "k") == "desk+k@example.com"
    assert keys.loop_mark("<1@example.com>", SECRET) == "829b43cfd9bc7ce4dd0675967c811461"
    assert (keys.PROBE_HEADER, keys.DOCTOR_HEADER) == ("X-Helpdesk-Gateway-Probe", "X-Helpdesk-Gateway-Doctor")
    assert keys.PROBE_AGE.days == keys.CONFIRM_AGE.days == 7


def test_a_mark_can_be_made_of_an_id_that_is_no_proper_text() -> None:
    assert keys.is_own_mark(keys.loop_mark("<\udcff@b>", SECRET), "<\udcff@b>", {1: SECRET})


@pytest.mark.parametrize(("before", "after"), [("", "a"), ("a", ""), ("", "\n"), (" ", "")])
def test_a_key_with_a_letter_more_is_none(before: str, after: str) -> None:
    text = sealed(ReplyKey(ticket=1, person=2, role=Role.AGENT, issued_on=date(2026, 3, 2)))
    assert unseal(before + text + after, purpose=Purpose.REPLY, secrets={7: SECRET}) is None


@pytest.mark.parametrize(("length", "is_ours"), [(0, False), (1, True), (32, True), (33, False)])
def test_the_part_that_tells_our_mails_apart_has_1_to_32_letters(length: int, is_ours: bool) -> None:
    text = sealed(ReplyKey(ticket=1, person=2, role=Role.AGENT, issued_on=date(2026, 3, 2)))
    assert keys.key_in_id(keys.message_id(text, "a" * length, "example.com")) == (text if is_ours else "")
    assert keys.key_in_id(keys.message_id(text, "a", "example.com") + "b") == ""


def test_a_key_far_in_the_future_is_of_the_last_day_that_can_be_written() -> None:
    for day in (date(2199, 6, 6), date(2199, 6, 7), date(2400, 1, 1)):
        read = unseal(
            sealed(ReplyKey(ticket=1, person=2, role=Role.AGENT, issued_on=day)),
            purpose=Purpose.REPLY,
            secrets={7: SECRET},
        )
        assert read is not None and read.issued_on == date(2199, 6, 6)


A_KEY = "a4jqaaaaaqjaaaaaaadqrtbpjcvasuxbjfwpgmif"


@pytest.mark.parametrize(
    "written",
    [
        *(f"Reply-To: desk+{A_KEY}@example.com", f"mailto:desk%2B{A_KEY}%40example.com", f"desk%2b{A_KEY}@x"),
        *(f"<hg.{A_KEY}.k7f3a@example.com>", f"<HG.{A_KEY.upper()}.K7F3A@x>", f"<hG.{A_KEY}.a@x>", f"Hg.{A_KEY}."),
    ],
)
def test_a_file_with_a_key_is_known_and_the_key_crossed_out(written: str) -> None:
    content = f"before\n{written}\nafter {written}".encode()
    assert keys.carries_key(content) is True
    assert keys.carries_key(written.encode("utf-16-le")) is True
    assert keys.carries_key(f"+{'a' * KEY_LENGTH}@".encode("utf-16-le")) is True
    crossed = keys.without_keys(content)
    assert crossed == re.sub(A_KEY.encode(), b"x" * KEY_LENGTH, content, flags=re.IGNORECASE)
    assert keys.carries_key(crossed.replace(b"x" * KEY_LENGTH, b"-" * KEY_LENGTH)) is False


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\0", A_KEY.encode(), f"+{A_KEY[1:]}@x".encode(), f"+{A_KEY}a@x".encode(), f"+{A_KEY} @x".encode()),
        *(f"hg{A_KEY}.".encode(), f"+{A_KEY[:-1]}1@x".encode(), f"+{A_KEY}".encode("utf-16-le")),
        # NUL makes a text of others' octets only where it is there
        f"+{A_KEY[:20]}x\0x{A_KEY[20:]}@x".encode(),
    ],
)
def test_a_file_without_a_key_stays_as_it_is(content: bytes) -> None:
    assert keys.carries_key(content) is False
    assert keys.without_keys(content) == content


def _broken(by: str) -> str:
    return f"desk+{A_KEY[:7]}{by}{A_KEY[7:30]}{by}{A_KEY[30:]}@example.com"


BROKEN = {
    "a soft line end": _broken("=\r\n").encode(),
    "a soft line end of Unix": _broken("=\n").encode(),
    "a tag": _broken("<wbr>").encode(),
    "tags": _broken('</span><span style="color:red">').encode(),
    "a tag over two lines": _broken('<b\r\nclass="x">').encode(),
    "a soft hyphen": _broken("&shy;").encode(),
    "a soft hyphen as it is": _broken("\u00ad").encode(),
    "a space without width": _broken("&#8203;").encode(),
    "the same in hex": _broken("&#x200B;").encode(),
    "the same as it is": _broken("\u200b").encode(),
    "marks as entities": f"desk&#43;{A_KEY}&#64;example.com".encode(),
    "marks by name": f"desk&plus;{A_KEY}&commat;example.com".encode(),
    "marks as in a header": f"desk=2B{A_KEY}=40example.com".encode(),
    "marks in bold": f"desk<b>+</b>{A_KEY}<i>@</i>example.com".encode(),
    "an id over two lines": f"<hg.{A_KEY[:20]}=\r\n{A_KEY[20:]}=2Ek7f3a@example.com>".encode(),
    "UTF-16": f"Antwort an desk+{A_KEY}@example.com".encode("utf-16"),
    "UTF-16 the other way round": f"desk+{A_KEY}@example.com".encode("utf-16-be"),
    "an id in UTF-16": f"<hg.{A_KEY}.k7f3a@example.com>".encode("utf-16-le"),
    "a link in UTF-16": f"mailto:desk%2B{A_KEY}%40example.com".encode("utf-16-be"),
    "a tag in UTF-16": _broken("<wbr>").encode("utf-16-le"),
    "UTF-32": f"desk+{A_KEY}@example.com".encode("utf-32"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_key_is_crossed_out_however_it_is_written(what: str) -> None:
    content = b"before " + BROKEN[what] + b" after"
    crossed = keys.without_keys(content)
    assert len(crossed) == len(content)
    changed = [(old, new) for old, new in zip(content, crossed, strict=True) if old != new]
    assert bytes(old for old, _ in changed).decode() == A_KEY.replace("x", "")
    assert {new for _, new in changed} == {ord("x")}
    if what != "a tag in UTF-16":
        assert keys.carries_key(content)


@pytest.mark.parametrize("by", [" ", "\n", "<", "<" + "a" * 501 + ">", "&amp;", "=20", "&shy;" * 9, "\u2013"])
def test_letters_that_are_further_apart_are_no_key(by: str) -> None:
    content = _broken(by).encode()
    assert keys.without_keys(content) == content
    assert not keys.carries_key(content)


@pytest.mark.parametrize(
    "piece",
    ["+", "+<", "+\n", "+=\n", "+" + "a" * 39 + "<", "+<a>", "hg", "h<a>", "&shy;", "+a" + "=\n" * 8, "<a>" * 9],
)
def test_no_file_takes_longer_than_its_length(piece: str) -> None:
    content = piece.encode() * (200_000 // len(piece))
    started = time.process_time()
    assert keys.without_keys(content) == content
    assert time.process_time() - started < 1


def test_a_key_is_looked_for_in_the_first_four_mebibytes_and_crossed_out_everywhere() -> None:
    written = f"+{A_KEY}@".encode()
    for wide in (written, b"+" + b"\0".join(bytes([octet]) for octet in written[1:])):
        filling = b"-" * (4 * 1024 * 1024 - len(wide))
        assert keys.carries_key(filling + wide)
        assert not keys.carries_key(filling + b"-" + wide)
    assert keys.without_keys(b"-" * (4 * 1024 * 1024) + written).endswith(b"+" + b"x" * KEY_LENGTH + b"@")


def test_a_key_with_ever_so_many_nuls_between_its_letters_is_one() -> None:
    text = f"+{'a' * KEY_LENGTH}@".encode()
    assert keys.carries_key(b"".join(bytes([octet]) + b"\0" * 12 for octet in text))

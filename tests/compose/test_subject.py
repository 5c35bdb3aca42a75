"""Prefixes of every client, tokens in every decoration, and properties that must hold for any text."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.subject import clean_subject, find_tokens, has_forward_prefix, has_reply_prefix, one_line

REPLIES = (
    "Re: RE: re: Re : RE： Re[2]: RE(3): Re^2: Re2: AW: Aw: Antwort: Antw: SV: Sv: VS: VAST: RES: Resp: R: RIF: Réf.: "
    "Réf. : Rép. : Odp: Odp.: Vá: VÁLASZ: Odg: ATB: Ats: YNT: Ynt: Yanıt: Отв: Ответ: Відп: ΑΠ: Απ: Bls: Balas: "
    "Trả\u00a0lời: השב: رد: 回复: 回复： 回覆： 答复： 答覆： 返信: 회신: 답장: ตอบกลับ:"
)
FORWARDS = (
    "Fwd: FWD: Fw: FW: WG: Wg: Wtrlt: Weiterleitung: VB: VS: VL: Doorst: TR: RV: ENC: I: Tov: PD: İLT: Edasi: "
    "Пересл: ΠΡΘ: TRS: הועבר: 转发: 转发： 轉寄: 轉發: 転送: 전달:"
)


def _listed(prefixes: str) -> list[str]:
    """The prefixes of a list; "Re :" has a space inside."""
    return prefixes.replace(" : ", "\u00a0: ").split(" ")


@pytest.mark.parametrize("prefix", _listed(REPLIES))
def test_a_reply_prefix_is_recognised_and_taken_off(prefix: str) -> None:
    assert has_reply_prefix(f"{prefix} Drucker geht nicht")
    assert clean_subject(f"{prefix} Drucker geht nicht") == "Drucker geht nicht"


@pytest.mark.parametrize("prefix", _listed(FORWARDS))
def test_a_forward_prefix_is_recognised_and_taken_off(prefix: str) -> None:
    assert has_forward_prefix(f"{prefix} Drucker geht nicht")
    assert clean_subject(f"{prefix} Drucker geht nicht") == "Drucker geht nicht"


@pytest.mark.parametrize(
    "subject",
    [
        "Drucker: geht nicht",
        "Fyi? no",
        "Reply: yes or no",
        "Restart: server",
        "Ref: 4711",
        "r: and s: drives are gone",
        "i: drive is gone",
        "Research group needs access",
        "AW139 manual",
        "Fwd",
        "10:30 meeting",
        "Awaiting: approval",
    ],
)
def test_words_that_only_look_like_a_prefix_stay(subject: str) -> None:
    assert clean_subject(subject) == subject
    assert not has_reply_prefix(subject)
    assert not has_forward_prefix(subject)


CLEANED = [
    ("AW: SV: Re[2]: 答复： WG: RE(3): Antw: Odp: Vá: YNT: ENC: RES: TR: Réf.: Fwd: FW: VS: 回复: 转发: VPN", "VPN"),
    ("RE:RE:RE:VPN", "VPN"),
    ("Re: [INC-1042] VPN", "VPN"),
    ("[INC-1042] Re: VPN", "VPN"),
    ("INC-1042: Re: VPN", "VPN"),
    ("AW: VPN [inc 1042]", "VPN"),
    ("VPN - [INC-1042]", "VPN"),
    ("VPN | INC–1042 | urgent", "VPN urgent"),
    ("Re: [INC-1042] Re: [REQ-7] VPN", "VPN"),
    ("[[INC-1042]] VPN", "VPN"),
    ("【INC-1042】VPN", "VPN"),
    ("［ＩＮＣ－１０４２］ VPN", "VPN"),
    ("VPN [INC-[INC-1]1042] [INC-\r\n 1042]", "VPN"),
    ("Re: [helpdesk] Re: [helpdesk] VPN", "[helpdesk] VPN"),
    ("[EXTERNAL] AW: [list] VPN", "[EXTERNAL] [list] VPN"),
    ("[Fwd: VPN]", "VPN"),
    ("VPN (fwd)", "VPN"),
    ("  VPN \t\r\n  down \x00 ", "VPN down"),
    ("\u202egnp.exe\u202c VPN\u200b", "gnp.exe VPN"),
    ("Re:", ""),
    ("[INC-1042]", ""),
    ("", ""),
    ("JIRA-77 and PRINC-5 stay", "JIRA-77 and PRINC-5 stay"),
]


@pytest.mark.parametrize(("raw", "cleaned"), CLEANED)
def test_a_subject_is_cleaned(raw: str, cleaned: str) -> None:
    assert clean_subject(raw) == cleaned


def test_a_long_subject_is_cut_and_says_so() -> None:
    assert clean_subject("a" * 5000) == "a" * 199 + "…"


def test_cutting_a_subject_makes_no_token() -> None:
    assert find_tokens(clean_subject("x" * 189 + " INC-1042-7 " + "y" * 50)) == ()


@pytest.mark.parametrize(
    "text",
    [
        *("[INC-1042]", "[inc 1042]", "(INC-1042)", "{Inc-1042}", "INC-1042", "inc-1042", "INC-1042:", "INC_1042"),
        *("INC–1042", "INC—1042", "INC‑1042", "INC−1042", "[INC - 1042]", "[ INC-1042 ]", "[#INC-1042]", "[INC#1042]"),
        *(
            "【INC-1042】",
            "［ＩＮＣ－１０４２］",
            "ＩＮＣ－１０４２",
            "[INC1042]",
            "[inc1042]",
            "INC1042",
            "<INC-1042>",
            "*INC-1042*",
        ),
        *(
            "İNC-1042",
            "ınc-1042",
            "工单INC-1042已解决",
            "INC-1042는",
            "Re:INC-1042",
            "INC-1042.",
            "INC-1042, INC-1042",
            "[INC-\n1042]",
        ),
        *("„INC-1042“", "INC-1042!", "VPN|INC-1042|x", "[INC-1042:]", "INC-#1042"),
    ],
)
def test_a_token_is_found_in_any_case_and_decoration(text: str) -> None:
    assert find_tokens(text) == (("INC", 1042),)


@pytest.mark.parametrize(
    "text",
    [
        *("XINC-1042", "PRINC-1042", "INC-1042-7", "INC-1042.5", "INC-1042@example.com", "a-INC-1042", "INC-1042x"),
        *(
            "INC0001042",
            "[INC0001042]",
            "INC-0",
            "inc1042",
            "Acme Inc 2025",
            "Acme Inc. 2025",
            "[Acme Inc 2025]",
            "INC",
        ),
        *("https://example.org/INC-1042", "INC-", "REQUEST-5", "INC-1234567890", "zinc-1042", "über_INC-7", "5INC-7"),
    ],
)
def test_what_is_part_of_something_else_is_no_token(text: str) -> None:
    assert find_tokens(text) == ()


def test_tokens_come_in_order_and_once_with_the_configured_prefix() -> None:
    text = "[req-7] about inc-1042, [REQ-7] and Störung-3"
    assert find_tokens(text, ("INC", "REQ", "Störung")) == (("REQ", 7), ("INC", 1042), ("Störung", 3))


def test_a_prefix_may_contain_what_a_pattern_would_read() -> None:
    assert find_tokens("[A.B-5] [AXB-6]", ("A.B",)) == (("A.B", 5),)


def test_without_prefixes_there_are_no_tokens() -> None:
    assert find_tokens("[INC-1]", ()) == ()
    assert clean_subject("[INC-1] x", ()) == "[INC-1] x"


PIECES = ["Re:", "AW: ", "R: ", "[INC-1042]", "INC-7", "[", "]", "(", "Fwd: ", "答复：", " ", "-", "INC", "12", "(fwd)"]
MORE_PIECES = ["[list]", "\u202e", "é", "\r\n", "…", "[Fwd: ", "REQ", ":", "|", "INC-[INC-1]1", "x" * 60]
SUBJECTS = st.text(max_size=400) | st.lists(st.sampled_from([*PIECES, *MORE_PIECES]), max_size=40).map("".join)


@given(SUBJECTS)
@example("[Fwd: [Fwd: x]]")
@example("[INC-1]" * 60)
def test_a_cleaned_subject_is_clean_for_ever(raw: str) -> None:
    cleaned = clean_subject(raw)
    assert clean_subject(cleaned) == cleaned
    assert len(cleaned) <= 200
    assert one_line(cleaned) == cleaned
    assert cleaned.isprintable() or not cleaned.isascii()
    assert find_tokens(cleaned) == ()
    assert not has_reply_prefix(cleaned)
    assert not has_forward_prefix(cleaned)


@given(SUBJECTS, st.integers(1, 999_999_999))
def test_a_token_before_a_cleaned_subject_is_found_again(raw: str, number: int) -> None:
    assert find_tokens(f"AW: [INC-{number}] {clean_subject(raw)}") == (("INC", number),)


@given(st.text())
def test_finding_tokens_survives_any_text(text: str) -> None:
    assert all(number > 0 for _, number in find_tokens(text))


@pytest.mark.parametrize(
    "piece", ["Re: ", "[", "INC-", "[INC-1]", " ", "[a]", "Re[", "INC-[", "(", "[Fwd: ", "\u202e", "1"]
)
def test_a_hostile_subject_costs_little(piece: str) -> None:
    started = time.process_time()
    clean_subject(piece * 200_000)
    find_tokens(piece * 20_000)
    assert time.process_time() - started < 0.5

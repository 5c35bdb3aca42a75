"""The lines of an answer to a list of tickets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.triage.commands import COMMANDS
from gateway.triage.orders import numbers_ordered, read_orders
from tests.desk.harness import policy_of

POLICY = policy_of()


def read(text: str) -> list[tuple[tuple[int, ...], str]]:
    orders, _ = read_orders(text, POLICY, COMMANDS)
    return [(order.numbers, order.line) for order in orders]


@pytest.mark.parametrize(
    ("line", "numbers", "command"),
    [
        ("1 done", (1,), "#resolve"),
        ("1. Done restarted the server", (1,), "#resolve restarted the server"),
        ("2 @ben", (2,), "#assign ben"),
        ("2: Ben Helper", (2,), "#assign Ben Helper"),
        ("2 network", (2,), "#assign network"),
        ("3 p1", (3,), "#priority P1"),
        ("3 P 2.", (3,), "#priority P2"),
        ("3 p9", (3,), "#priority P9"),
        ("4 note called her", (4,), "#note called her"),
        ("5) #hold vendor until 2026-12-24", (5,), "#hold vendor until 2026-12-24"),
        ("1, 3 and 5 take", (1, 3, 5), "#take"),
        ("1, 3, 5 take", (1, 3, 5), "#take"),
        ("1-3 erledigt", (1, 2, 3), "#resolve"),
        ("> 2 mine", (), ""),
        ("- 7 mine", (7,), "#take"),
    ],
)
def test_a_line_means_a_command(line: str, numbers: tuple[int, ...], command: str) -> None:
    assert read(line) == ([(numbers, command)] if numbers else [])


@pytest.mark.parametrize(("line", "near"), [("1 resovle", "#resolve"), ("1 asign ben", "#assign"), ("1 xyzzy", "")])
def test_what_means_nothing_names_the_nearest_word(line: str, near: str) -> None:
    orders, _ = read_orders(line, POLICY, COMMANDS)
    assert [(order.line, order.suggestion) for order in orders] == [("", near)]


def test_nothing_that_ends_a_ticket_is_near_a_command_that_lists_do_not_take() -> None:
    for name in ("send", "files", "undo", "retry", "why", "list", "show"):
        orders, _ = read_orders(f"1 {name}.", POLICY, {"resolve", "take"}, {name})
        assert [(order.line, order.suggestion, order.elsewhere) for order in orders] == [("", "", name)]
    orders, _ = read_orders("1 soved", POLICY, COMMANDS)
    assert orders[0].suggestion == "#resolve"


def test_prose_is_no_order() -> None:
    orders, others = read_orders("Hello,\n2 done\nThanks, 3 of them are strange\n", POLICY, COMMANDS)
    assert [order.line for order in orders] == ["#resolve"]
    assert others == ("Hello,", "Thanks, 3 of them are strange")


@given(st.text(max_size=200))
def test_whatever_is_written_every_line_is_one_or_the_other(text: str) -> None:
    orders, others = read_orders(text, POLICY, COMMANDS)
    assert {number for order in orders for number in order.numbers} == set(numbers_ordered(text)[:100])
    assert all(order.line.startswith("#") or not order.line for order in orders)
    assert all(other.strip() for other in others)

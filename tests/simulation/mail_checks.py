"""What must hold of the desk's mails: everybody who wrote is heard and answered, nobody twice, and nothing leaks."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime

from tests.desk.harness import DESK
from tests.simulation.company import SECRET
from tests.simulation.wall import day_in_berlin
from tests.simulation.world import Letter, Step, World

# What an agent gets because it was asked for, besides the notice of the same mail.
_DAILY = frozenset({"listing", "quarantine_digest"})
_ASKED_FOR = frozenset({"result", "question", "preview"})
_NAME, _, _HOST = DESK.partition("@")
_KEY = re.compile(rf"{_NAME}\+([^@\s<>\"]+)@{re.escape(_HOST)}", re.IGNORECASE)


def unanswered(world: World) -> Iterator[str]:
    """Every person who can be reached got an acknowledgement or an answer, and somebody hears whatever people write."""
    answered = {(one.to, one.number) for step in world.steps for one in step.sent}
    for number, account in sorted(world.accounts.items()):
        is_reachable = account.requester not in world.plans.hands.unreachable
        if not account.is_machine and is_reachable and (account.requester, number) not in answered:
            yield f"ticket {number}: its requester heard nothing"
    agents = {one.address for one in world.agents}
    for step in world.steps:
        if step.cause == "clock" or step.is_automatic or step.sender in agents or step.sender not in world.people:
            continue
        is_told = step.sender in world.plans.hands.unreachable or any(one.to == step.sender for one in step.sent)
        if step.ticket is None and not is_told:
            yield f"{step.cause} of {step.sender} at {step.at} is on no ticket, and not answered"
        if not step.sent and not (step.ticket is None and is_told):
            yield f"{step.cause} of {step.sender} at {step.at} on {step.ticket}: nobody hears of it"


def machines(world: World) -> Iterator[str]:
    """Nothing that a machine wrote is answered to it."""
    for step in world.steps:
        for one in step.sent:
            if step.is_automatic and one.to == step.sender:
                yield f"{step.cause}: the automatic mail of {one.to} is answered with {one.notice} on {one.number}"
            if one.to not in world.people and not one.to.endswith("@example.com"):
                yield f"{step.cause}: {one.notice} goes to {one.to}"


def twice(world: World) -> Iterator[str]:
    """No Message-ID twice, and no mail twice to the same person for the same cause."""
    ids = Counter(one.sent.message_id for step in world.steps for one in step.sent)
    yield from (f"Message-ID {one} was used {count} times" for one, count in ids.items() if count > 1)
    told: dict[tuple[str, str, int | None, str], list[datetime]] = defaultdict(list)
    for step in world.steps:
        for one in step.sent:
            told[f"{_occasion(step, one)} {one.to}", one.notice, one.number, one.sent.text].append(step.at)
    for (to, notice, number, text), moments in told.items():
        if len(moments) > 1:
            yield f"{to} got {notice} on {number} at {[f'{one:%d %H:%M}' for one in moments]}: {text[:200]}"


def _occasion(step: Step, one: Letter) -> str:
    """For what the same words may come once more: another mail, another day of a list, another step of a ladder."""
    if one.written_at < step.at:
        # What had to wait.
        return f"{one.written_at}"
    if step.cause != "clock" or one.notice == "reminder":
        return f"{step.cause} {step.at}"
    return f"{day_in_berlin(step.at)}" if one.notice in _DAILY else ""


def two_roles(world: World) -> Iterator[str]:
    """One event is told to a person in one mail."""
    for step in world.steps:
        fresh = [one for one in step.sent if one.written_at == step.at]
        if step.cause == "clock":
            got = Counter((one.to, one.number, one.notice, one.sent.text) for one in fresh)
        else:
            got = Counter((one.to, one.number, "", "") for one in fresh if one.notice not in _ASKED_FOR)
        for (to, number, *_), count in got.items():
            if count > 1:
                notices = [one.notice for one in step.sent if (one.to, one.number) == (to, number)]
                yield f"{step.cause} at {step.at}: {to} got {count} mails on {number}: {notices}"


def leaks(world: World) -> Iterator[str]:
    """No requester reads what is for colleagues or an agent's address, and nobody a reply key of somebody else."""
    agents = {one.address for one in world.agents}
    readers: dict[str, set[str]] = defaultdict(set)
    for one in (letter for step in world.steps for letter in step.sent):
        read = _all_of(one)
        for key in _KEY.findall(read):
            readers[key].add(one.to)
        if one.to not in world.people:
            continue
        if SECRET in read:
            yield f"{one.notice} on {one.number} to {one.to} tells what is for colleagues"
        if named := sorted(agent for agent in agents if agent in read):
            yield f"{one.notice} on {one.number} to {one.to} has the address of {named}"
    yield from (f"the reply key {key} was shown to {sorted(them)}" for key, them in readers.items() if len(them) > 1)


def _all_of(letter: Letter) -> str:
    """Headers and bodies in small letters, without taking them apart where nothing hides in them."""
    sent = letter.sent
    if b"base64" in sent.content:
        return "\n".join([*map(str, sent.message.values()), sent.text, sent.html]).lower()
    return sent.content.replace(b"=\r\n", b"").replace(b"=3D", b"=").decode("utf-8", "replace").lower()


__all__ = ["leaks", "machines", "twice", "two_roles", "unanswered"]

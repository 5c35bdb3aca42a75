"""Recognise a mail that somebody passes on: in the text as mail clients write it, or as an attached mail.

Part of `parse`. That is how phone calls and walk-ins are logged: an agent forwards an employee's mail to the desk. The
forwarded text stays content; who wrote it is only what the forwarder's client says.
"""

from __future__ import annotations

from email.message import Message

from gateway.mail import Address, Forwarded, Passage, PassageRole
from gateway.parse import body, headers, html, limits, quote_lines
from gateway.parse.language import guess_language
from gateway.parse.tree import Tree

_LINES_BEFORE_BLOCK = 8


def find_forwarded(tree: Tree, subject: str, passages: tuple[Passage, ...]) -> Forwarded | None:
    """The mail that is passed on, None where none is."""
    if any(passage.role is PassageRole.NEW for passage in passages):
        inline = _inline(passages, quote_lines.is_forward_subject(subject))
        if inline:
            return inline
    return _attached(tree, passages)


def _inline(passages: tuple[Passage, ...], announced: bool) -> Forwarded | None:
    lines = [line.lstrip("> \t") if quote_lines.is_quoted(line) else line for line in _new_lines(passages)]
    for index, line in enumerate(lines[: limits.QUOTE_LINES]):
        marked = quote_lines.is_forward_marker(line)
        if not marked and not (announced and (":" in line or "：" in line)):
            continue
        for start in range(index, min(index + _LINES_BEFORE_BLOCK, len(lines)) if marked else index + 1):
            block = quote_lines.header_block(lines, start, ())
            if block:
                return _from_block(lines, index, block)
    return None


def _new_lines(passages: tuple[Passage, ...]) -> list[str]:
    """The lines up to the first quote: history below it may hold forwards of its own."""
    kept: list[str] = []
    for passage in passages:
        if passage.role is PassageRole.QUOTED:
            break
        kept.append(passage.text)
    return "".join(kept).split("\n")


def _from_block(lines: list[str], start: int, block: quote_lines.HeaderBlock) -> Forwarded:
    sender = block.fields.get("from", "")
    address = quote_lines.first_address(sender)
    above = list(lines[:start])
    while above and (
        not above[-1].strip() or quote_lines.is_rule(above[-1]) or quote_lines.is_original_marker(above[-1])
    ):
        above.pop()
    text = "\n".join(lines[block.end :]).strip()
    return Forwarded(
        sender=Address(address=address, name=_display_name(sender, address)),
        subject=block.fields.get("subject", "").strip(" *"),
        text=text,
        comment="\n".join(above).strip(),
        language=guess_language((), text),
    )


def _display_name(sender: str, address: str) -> str:
    position = sender.lower().find(address) if address else -1
    name = sender[:position] if position >= 0 else sender
    return headers.clean_display_name(name.split("<")[0].split("[")[0].strip(" *_\"'(").removesuffix("mailto:"))


def _attached(tree: Tree, passages: tuple[Passage, ...]) -> Forwarded | None:
    for part in tree.parts:
        if part.within >= 0 or part.message.get_content_type() not in ("message/rfc822", "message/global"):
            continue
        inner = part.message.get_payload()
        if not isinstance(inner, list) or not inner or not isinstance(inner[0], Message):
            continue
        people = headers.read_people(inner[0], ())
        if people.sender is None:
            return None
        comment = "".join(passage.text for passage in passages if passage.role is PassageRole.NEW)
        text = _inner_text(tree, part.number)
        return Forwarded(
            sender=people.sender,
            subject=headers.first_value(inner[0], "subject"),
            text=text,
            comment=comment.strip(),
            attached=True,
            language=guess_language((), text),
        )
    return None


def _inner_text(tree: Tree, number: int) -> str:
    chosen = body.choose(tree, body.text_leaves(tree, within=number))
    pieces = [html.to_text(html.tame(text)).text if is_html else text for is_html, text in chosen.pieces]
    return "\n".join(pieces).strip()

"""What is wrong with the writing of a TOML file, in the words of somebody who has never read its grammar.

tomllib says what its parser expected; what the author meant shows only in the text at that place. What nobody has
thought of is told in tomllib's own words.
"""

from __future__ import annotations

import re

_YES_AND_NO = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
_CURLY = "“”„‟«»‘’‚‹›`´"


def explained(said: str, text: str, line: int | None, column: int | None) -> tuple[str, str]:
    """Put tomllib's words about a place of a text into ours: what is wrong, and what would be right ("" = unknown)."""
    lines = text.split("\n")  # as tomllib counts them
    row = lines[line - 1] if line is not None and line <= len(lines) else ""
    rest = row[column - 1 :] if column is not None else ""
    if said == "Invalid value":
        return _value(rest)
    if said == "Invalid statement":
        return _statement(rest)
    if said.startswith("Expected '=' after a key"):
        hint = "write = instead of :" if rest.startswith(":") else 'write it like words = ["vpn"]'
        return "there is no = behind the key", hint
    if said == "Invalid initial character for a key part" and not rest.strip() and "{" in row:
        return "what stands in braces must stand on one line", "join the lines, or write every key on a line of its own"
    if twice := re.fullmatch(r"Cannot declare \('([^']+)',\) twice", said):
        return f"[{twice[1]}] is there already", f"put both together, or write [[{twice[1]}]] for each"
    if whole := re.match(r"Cannot mutate immutable namespace \((.*?),?\)", said):
        name = ".".join(part.strip(" '") for part in whole[1].split(","))
        hint = f"write it into the braces, or every key on a line of its own: {name.rpartition('.')[2]}.KEY = …"
        return f"{name} stands whole in braces above, so nothing can be added to it", hint
    for beginning, ours, hint in _PLAIN:
        if said.startswith(beginning):
            return ours, hint
    return said[:1].lower() + said[1:], ""


def _value(rest: str) -> tuple[str, str]:
    word = re.match(r"[^\s,\]}#]*", rest)
    found = word[0] if word else ""
    if not found:
        return "there is no value behind the =", 'write a text in quotes, "…", a number, true, false or a list, […]'
    if found[0] in _CURLY:
        return f"{found[0]} is not the quote that is meant here", 'write straight ones: "vpn"'
    if found.casefold() in _YES_AND_NO:
        return f"{found} is not known here", f"write {_YES_AND_NO[found.casefold()]}"
    if re.fullmatch(r"[^\W\d].*", found):
        return f"{found} stands without quotes", f'write "{found}"'
    return "this is no value", 'write a text in quotes, "…", a number, true, false or a list, […]'


def _statement(rest: str) -> tuple[str, str]:
    if rest.startswith(("//", "/*", "--", ";", "'")):
        return f"{rest[:2].strip()} does not begin a comment", "write # before it"
    if rest.startswith(("<<<<", "====", ">>>>", "||||")):
        return "this line was left by a merge of two versions", "decide which one stays, and take the marks out"
    if rest and rest[0] in _CURLY:
        return f"{rest[0]} is not the quote that is meant here", 'write straight ones: "vpn"'
    message = "this line is neither a heading, [name], nor a key with its value, key = …"
    return message, "write # before it if it is a comment"


# What tomllib begins with, what we say instead, and what to do.
_PLAIN = (
    ("Illegal character '\\n'", "a text begins here or before and is not closed in its line", 'close it with "'),
    ("Unterminated string", "a text begins and is not closed", 'close it with "'),
    ('Expected \'"""\'', "a text begins with three quotes and is not closed", 'close it with """'),
    (
        "Unclosed array",
        "a list is not closed before this, or there is no comma between two of its entries",
        'write it like ["a", "b"]',
    ),
    (
        "Unclosed inline table",
        "braces are not closed before this, or there is no comma between two keys in them",
        "write them like { a = 1, b = 2 }",
    ),
    ("Expected ']]'", "a heading in double brackets is not closed", "write it like [[rule]]"),
    ("Expected ']'", "a heading in brackets is not closed", "write it like [desk]"),
    ("Cannot overwrite a value", "this key stands above already", "write it once; several entries are a list: […, …]"),
    (
        "Duplicate inline table key",
        "a key stands twice in these braces",
        "write it once; several entries are a list: […, …]",
    ),
    ("Expected newline or end of document", "there is something behind the value", "write it on a line of its own"),
    ("Unescaped '\\' in a string", "unescaped '\\' in a string", r"write patterns in single quotes: 'host \d+'"),
)

"""Which modules are mutated, the fast tests that must notice, and the mutants that nobody could notice, with why."""

from __future__ import annotations

_ANSWERS = ("tests/intake/test_imap_answers.py",)
_TRIAGE = ("tests/triage/test_trust.py", "tests/triage/test_authorise.py")

# By module: what pytest is told.
TESTS: dict[str, tuple[str, ...]] = {
    "gateway.keys": ("tests/test_keys.py",),
    "gateway.compose.headers": ("tests/compose/test_header_forms.py",),
    "gateway.intake.digest": ("tests/intake/test_digest.py",),
    "gateway.intake.envelope": ("tests/intake/test_envelope.py",),
    "gateway.intake.data": ("tests/intake/test_data.py",),
    "gateway.intake.accept": ("tests/intake/test_accept.py", "-k", "not postgres"),
    "gateway.intake.cursor": ("tests/intake/test_cursor.py", "-k", "not postgres"),
    "gateway.intake.lmtp": ("tests/intake/test_lmtp.py", "-k", "not postgres"),
    "gateway.intake.pipe": ("tests/intake/test_pipe.py", "-k", "not postgres"),
    "gateway.intake.smtp_addresses": ("tests/intake/test_smtp_addresses.py",),
    "gateway.intake.imap_answers": _ANSWERS,
    "gateway.intake.imap_envelopes": _ANSWERS,
    "gateway.intake.imap_hints": _ANSWERS,
    "gateway.intake.imap_troubles": _ANSWERS,
    "gateway.parse.headers": ("tests/parse/test_addresses.py", "tests/parse/test_sender.py"),
    "gateway.store.queue": ("tests/store/test_queue.py", "-k", "not postgres"),
    "gateway.desk.ledger": ("tests/desk/test_ledger.py", "-k", "not postgres"),
    "gateway.triage.trust": _TRIAGE,
    "gateway.triage.authorise": _TRIAGE,
}

# By module and a mutant's name, or its beginning and "…": why it behaves like the module, or why nothing hangs on it.
EQUIVALENT: dict[str, dict[str, str]] = {
    "gateway.keys": {
        "unseal: return ReplyKey(ticket=int.from_bytes(payload[2:7], 'big'), "
        "person=int.from_bytes(payload[7:12], 'big'), role=role, "
        "issued_on=date.fromordinal(_EPOCH.toordinal() + int.from_bytes(payload[12:15], 'big')))": (
            "the payload ends at 14"
        ),
        "plus_address: local, _, domain = desk_address.rpartition('@')": "the address of a desk has one @",
    },
    "gateway.compose.headers": {
        "check_plan: for (name, value), (_, planned) in zip(fields, plan, strict=False):": "compared above",
        **dict.fromkeys(
            (
                r"check_plan: head = data.rpartition(b'\r\n\r\n')[0] + b'\r\n\r\n'",
                r"check_plan: head = data.partition(b'\r\n\r\nx')[0] + b'\r\n\r\n'",
                r"check_plan: head = data.partition(b'\r\n\r\n')[0] + b'\r\n\r\nx'",
            ),
            "the parser stops at the first empty line; the cut only saves it work",
        ),
        "_encoded: return header.encode(splitchars=' x'…": "between two words there is always a space to break at",
        "has_long_line: end = data.find(…": "the same answer, with a look at every line instead of one in 998 octets",
        "has_long_line: if end <= 0 and …": "what follows a line feed at the beginning is looked at again",
        "has_long_line: if end < 1 and …": "what follows a line feed at the beginning is looked at again",
        "has_long_line: end = start + most_octets - 1": "the end of line is looked at again",
        "has_long_line: end = start + most_octets + 0": "the end of line is looked at again",
    },
    "gateway.intake.data": {
        "DotDecoder.feed: return self._content(piece[:end + 3])": "the dot is taken away like a doubled one",
        "count_hops: return sum((1 for _ in _RECEIVED.finditer(head, -1…": "a place before it is the beginning",
        "SpoolMemory.take: return None": "no more true than False",
        "Spool._fits_in_memory: return None": "no more true than False",
    },
    "gateway.intake.digest": {
        "_AuthorHash.__init__: pass": "written before it is read",
        "_AuthorHash.__init__: self.has_identity = True": "written before it is read",
        "_AuthorHash._take: if len(self._header) >= HEADER_LIMIT_BYTES or …": "what ends behind the limit is no end",
        "_header_end: found = text.find(b'\\n\\n', 1, HEADER_LIMIT_BYTES)": "what begins so has no field either way",
        "_header_end: found = text.rfind(b'\\n\\n', 0, HEADER_LIMIT_BYTES)": "fields end at the first empty line",
        "_header_end: return None if found <= 0…": "what begins so has no field either way",
        "_header_end: return None if found < 1…": "what begins so has no field either way",
        "_header_end: return None if found < 0 else found + 2": "fields end at the first empty line",
        "_author_fields: name, values, position = (b'', [b'x'], 0)": "values without a name are dropped",
    },
    "gateway.store.queue": {
        "module: MAX_LEDGER_ATTEMPTS…": "a number of our choice; this file only names it for the sorter",
        "renew: ours = (table.lease_owner == claims[-1].owner)…": "what is claimed together has one owner",
        "free_own: condition = (table.lease_owner == owner) & (table.attempts >= 0)": "an owned row has an attempt",
        "free_own: condition = (table.lease_owner == owner) & (table.attempts > -1)": "an owned row has an attempt",
        "split_parts: for start in range(0, max(len(view), 2), PART_SIZE_BYTES):": "one part either way",
    },
    "gateway.triage.authorise": {
        "_authorise: address = mail.sender.address if mail.sender else 'x'": "nobody has that address either",
        "_tries_as_agent: return None": "no more true than False",
    },
    "gateway.triage.trust": {
        "Means: …": "names that nothing writes down",
        "Act: …": "names that nothing writes down",
    },
}


def is_meant(name: str, listed: str) -> bool:
    """Whether a line of `EQUIVALENT` excuses the mutant of this name."""
    return name.startswith(listed[:-1]) if listed.endswith("…") else name == listed

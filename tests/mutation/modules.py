"""Which modules are mutated, the fast tests that must notice, and the mutants that nobody could notice, with why."""

from __future__ import annotations

_FAST = ("-k", "not postgres")
_ANSWERS = ("tests/intake/test_imap_answers.py",)
_TRIAGE = ("tests/triage/test_trust.py", "tests/triage/test_authorise.py")

# By module: what pytest is told.
TESTS: dict[str, tuple[str, ...]] = {
    "gateway.keys": ("tests/test_keys.py",),
    "gateway.compose.headers": ("tests/compose/test_header_forms.py",),
    "gateway.intake.digest": ("tests/intake/test_digest.py",),
    "gateway.intake.envelope": ("tests/intake/test_envelope.py",),
    "gateway.intake.data": ("tests/intake/test_data.py",),
    # A door that answers nobody is noticed after ten seconds, not after a minute.
    "gateway.intake.accept": ("tests/intake/test_door.py", "tests/intake/test_accept.py", *_FAST, "--timeout", "10"),
    "gateway.intake.cursor": ("tests/intake/test_cursor.py", "-k", "not postgres"),
    "gateway.intake.lmtp": ("tests/intake/test_lmtp.py", "-k", "not postgres"),
    "gateway.intake.pipe": ("tests/intake/test_pipe.py", "-k", "not postgres"),
    "gateway.intake.smtp_addresses": ("tests/intake/test_smtp_addresses.py",),
    "gateway.intake.imap_answers": _ANSWERS,
    "gateway.intake.imap_envelopes": _ANSWERS,
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
        r"module: _PIECE_OF_KEY = re.compile(_UNSEEN.removesuffix(b'{0,8}x') + b'|([A-Za-z2-7])')": (
            "what nobody sees stays as it is, whether piece by piece or eight at once"
        ),
    },
    "gateway.compose.headers": {
        "check_plan: mime_names = [name.upper() …": "told apart alike in either case",
        "check_plan: for (name, value), (_, planned) in zip(fields, plan, strict=False):": "compared above",
        "_encoded: return header.encode(splitchars=' x'…": "between two words there is always a space to break at",
        "_encoded: if not long_word and _PRINTABLE.fullmatch(text) and (' ' not in f' {text} x'):": (
            "the space after the text is what is looked for"
        ),
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
    "gateway.intake.accept": {
        **dict.fromkeys(
            ("module: MINIMUM_FREE_BYTES = …", "module: GROUP_LIMIT_MAILS = …", "module: GROUP_LIMIT_BYTES = …"),
            "a number of our choice",
        ),
        "Door.start: self._thread = threading.Thread(target=self._run, name='doorx', daemon=True)": "a name for people",
        "Door.start: self._thread = threading.Thread(target=self._run, name='door', daemon=False)": (
            "whoever starts a door stops it"
        ),
        "Door._run: pass (2)": "what failed in the database has closed its connection already",
        "Door._run: pass (4)": "a thread's connection ends with its thread",
        "Door._settle: for submission, answer in zip(group, answers, strict=False):": "as many answers as mails",
        "Door._answers: if not OUTAGE.met(error):": "which of two lines is logged",
        "Door._commit: return [self._write(*pair) for pair in zip(group, digests, strict=False)]": (
            "as many digests as mails"
        ),
        "Door._commit: if tries > RETRIES or monotonic() - started >= RETRY_WITHIN_SECONDS:": "no clock is so exact",
        "Door._connect: if not self._database.is_closed():": "peewee connects by itself",
        "_is_full: if getattr(seen, 'sqlite_errorcode', None) == sqlite3.SQLITE_FULL or "
        "getattr(seen, 'sqlstate', 'x') == '53100':": "no code either way",
        "_is_full: if getattr(seen, 'status', 'x') == '4.3.1' or …": "no status either way",
        "_is_full: return None (3)": "no more true than False",
    },
    "gateway.intake.cursor": {
        "module: _LOOKUP_SIZE = …": "a number of our choice",
    },
    "gateway.intake.lmtp": {
        "module: CONNECTIONS = …": "a number of our choice",
    },
    "gateway.intake.pipe": {
        "module: _PIECE_BYTES = …": "a number of our choice",
        "module: _MBOX_LINE_LIMIT_BYTES = …": "a number of our choice",
        "deliver: pass (6)": "Python closes what nobody holds any more",
        "_mbox_sender: sender = words[1].decode('ascii', 'replace') if len(words) > 1 else 'x'": "no sender either way",
    },
    "gateway.intake.imap_answers": {
        **dict.fromkeys(
            (
                "number: return value if isinstance(value, int) and 0 < value < 2 ** 63 else 0",
                "number: return value if isinstance(value, int) and 1 <= value < 2 ** 63 else 0",
            ),
            "zero either way",
        ),
    },
    "gateway.intake.imap_envelopes": {
        **dict.fromkeys(
            (
                "source_keys: places = (Envelope(transport=Transport.IMAP, received_at=datetime.fromtimestamp(1…",
                "source_keys: places = (Envelope(transport=Transport.IMAP, received_at=datetime.fromtimestamp(-1…",
            ),
            "when it came is no part of where it lies",
        ),
        "source_keys: return {key: place.uid for place in places if (key := source_key(place)) is not None or …": (
            "a place has both; only its type does not say so"
        ),
    },
    "gateway.intake.imap_troubles": {
        "_Trouble: why: str = 'x'": "asked of what has failed, which says why",
        "_Trouble: fetched_then: int = …": "asked of what has failed, which says when",
        "Troubles.__init__: self._fetched = …": "only compared with what it was before",
        "Troubles.fetched: self._fetched += 2": "only compared with what it was before",
        "Troubles.failed: trouble.not_before = now + min(timedelta(seconds=2 ** min(trouble.failures, 1…": (
            "longer than the longest pause either way"
        ),
    },
    "gateway.parse.headers": {
        r"module: _ENCODED_WORD = re.compile('=\\?[^?\\s]{…": "how long a word may be is our choice",
        "module: _CONTROLS = dict.fromkeys((*range(33), 127, 8232, 8233), ' ')": "a space for a space",
        "module: _SHORT_CHARS = …": "whether it is remembered, not what is read",
        "_mailboxes: return _known_mailboxes(value) if …": "whether it is remembered, not what is read",
        "module: _known_mailboxes = lru_cache(…": "how much is remembered",
        r"_closed_up: return _ENCODED_WORD.sub(lambda word: re.sub('\\sx', …": "mail-parser reads spaces too",
        "read_people: defects += [f'repeated-{name}' for name in _SINGLE if seen.get(name, 1) > 1]": "once at most",
        "read_people: defects += [f'repeated-{name}' for name in _SINGLE if seen.get(name, -1) > 1]": "once at most",
        "read_people: written = next((value for name, value in raw if name.lower() == 'from'), 'x')": (
            "without a From nobody asks how it was written"
        ),
        "_first_addresses: return value if comma <= 0 …": "so many addresses stand before this comma",
        "_first_addresses: return value if comma < 1 …": "so many addresses stand before this comma",
        "_judge_sender: if len(sender.address.partition('@')[0]) > _LOCAL_PART_CHARS or …": "two @ are odd anyway",
        "_judge_sender: if sender.address.count('@') != 1 or all(…": "mail-parser gives no space unquoted",
        "_recovered: bracketed = rest.partition('>')[0] if bracket else 'x'": "no address either way",
        "_is_plain: return None": "no more true than False",
        "_is_plain: return None (3)": "no more true than False",
        "_encoded_address: return '=?' in (value[angle:] if angle > 0 else value)": "the whole value either way",
        "_encoded_address: return '=?' in (value[angle:] if angle >= 1 else value)": "the whole value either way",
        "_judge_international: local, _, domain = address.partition('@')": "two @ are odd anyway",
        "_judge_international: scripts = {unicodedata.name(char, '?x')…": "one script that nothing else has",
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

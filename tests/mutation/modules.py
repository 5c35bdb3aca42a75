"""Which modules are mutated, the fast tests that must notice, and the mutants that nobody could notice, with why."""

from __future__ import annotations

_TRIAGE = ("tests/triage/test_trust.py", "tests/triage/test_authorise.py")

# By module: what pytest is told.
TESTS: dict[str, tuple[str, ...]] = {
    "gateway.keys": ("tests/test_keys.py",),
    "gateway.compose.headers": ("tests/compose/test_headers.py", "tests/compose/test_mime.py"),
    "gateway.intake.digest": ("tests/intake/test_digest.py",),
    "gateway.intake.envelope": ("tests/intake/test_envelope.py",),
    "gateway.intake.data": ("tests/intake/test_data.py",),
    "gateway.store.queue": ("tests/store/test_queue.py", "-k", "not postgres"),
    "gateway.desk.ledger": ("tests/desk/test_ledger.py", "-k", "not postgres"),
    "gateway.triage.trust": _TRIAGE,
    "gateway.triage.authorise": _TRIAGE,
}

# By module and mutant: why it behaves like the module itself.
EQUIVALENT: dict[str, dict[str, str]] = {}

"""The fixtures of the intake that faults are tried on."""

from __future__ import annotations

from tests.desk.conftest import parser
from tests.intake.conftest import clock, sqlite, start

__all__ = ["clock", "parser", "sqlite", "start"]

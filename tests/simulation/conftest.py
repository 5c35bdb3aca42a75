"""The pool of parse workers of the desks' tests."""

from tests.desk.conftest import parser

__all__ = ["parser"]

"""Run tests on a mutant: in a child of this process that has the libraries loaded and gets the module changed."""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import importlib.machinery
import os
import signal
import sys
import sysconfig
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from time import monotonic, sleep
from types import CodeType, ModuleType

import pytest
from hypothesis import HealthCheck, Phase, settings

# What looks for the smallest example would take minutes for each mutant that is found.
_PROFILE = "mutation"
_PASSED, _NOTHING_RUN = 0, 5


class _Changed(importlib.machinery.SourceFileLoader):
    """Gives a module the code of its mutant."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return self._code


class _Finder:
    def __init__(self, name: str, code: CodeType) -> None:
        self._name, self._code = name, code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        assert spec is not None and spec.origin is not None
        spec.loader = _Changed(fullname, spec.origin, self._code)
        return spec


def load_libraries(names: Sequence[str]) -> None:
    """Import what the tests import of other people's, once for all children."""
    settings.register_profile(
        _PROFILE,
        derandomize=True,
        max_examples=25,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def libraries_of(tests: Sequence[str]) -> list[str]:
    """The libraries that a run of these tests imports; raises SystemExit when the tests fail without any mutant."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        code = _run_tests(tests)
        folder = sysconfig.get_path("purelib")
        names = [
            name
            for name, module in list(sys.modules.items())
            if (getattr(module, "__file__", "") or "").startswith(folder)
        ]
        os.write(writer, "\n".join(names).encode()[:60_000])
        os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        names = stream.read().decode().split("\n")
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != _PASSED:
        raise SystemExit(f"without any mutant these tests do not pass: {' '.join(tests)}")
    return names


class Child:
    """The tests on one mutant, in a process group of their own; `noticed` is None while they run."""

    def __init__(self, module: str, tree: ast.Module, tests: Sequence[str], *, seconds: float) -> None:
        self._ends_at = monotonic() + seconds
        path = str(Path(*module.split(".")).with_suffix(".py"))
        code = compile(tree, path, "exec")
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            sys.meta_path.insert(0, _Finder(module, code))
            os._exit(_run_tests(tests))

    def noticed(self) -> bool | None:
        """Whether a test failed; tests that never end have noticed too."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0 and monotonic() < self._ends_at:
            return None
        # What the tests had started goes with them.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        if pid == 0:
            os.waitpid(self.pid, 0)
            return True
        code = os.waitstatus_to_exitcode(status)
        if code == _NOTHING_RUN:
            raise SystemExit("no test was run")
        return code != _PASSED


def pause() -> None:
    """Let the children work."""
    sleep(0.02)


def _run_tests(tests: Sequence[str]) -> int:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    # Without pytest's plugins that collect garbage after each test.
    plugins = [f"-pno:{name}" for name in ("cacheprovider", "unraisableexception", "threadexception", "junitxml")]
    options = [*plugins, "-x", "-q", "-n", "0", f"--hypothesis-profile={_PROFILE}"]
    gc.disable()
    try:
        return int(pytest.main([*options, "-W", "ignore::pytest.PytestAssertRewriteWarning", *tests]))
    except BaseException:
        return 1

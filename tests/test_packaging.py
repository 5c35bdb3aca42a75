"""The wheel holds all that the gateway needs, and works where there is no checkout; built and tried offline."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


def run(*command: str, cwd: Path, environ: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(environ or {})}, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    run(sys.executable, "-m", "pip", "wheel", *options, str(CHECKOUT), cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's packages, as site-packages would hold them."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--no-deps", "--no-index", "--no-compile", "--target", str(folder)]
    run(sys.executable, "-m", "pip", "install", *options, str(wheel), cwd=folder)
    return folder


def test_the_wheel_holds_every_module_and_every_default(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "gateway").rglob("*.py")}
    templates = [path for path in (CHECKOUT / "templates").rglob("*") if path.is_file()]
    defaults = {f"gateway/defaults/{path.relative_to(CHECKOUT).as_posix()}" for path in templates}
    defaults |= {"gateway/defaults/rules.toml", "gateway/defaults/gateway.toml"}
    assert (modules | defaults) - names == set()


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"gateway"}


def test_the_installed_defaults_are_those_of_the_checkout(installed: Path) -> None:
    for name in ("rules.toml", "templates"):
        code = f"from gateway.defaults_files import default_file; print(default_file({name!r}))"
        printed = run(sys.executable, "-c", code, cwd=installed, environ={"PYTHONPATH": str(installed)})
        found, shipped = Path(printed.strip()), CHECKOUT / name
        assert found == installed / "gateway" / "defaults" / name
        if shipped.is_file():
            assert found.read_bytes() == shipped.read_bytes()


def test_the_installed_command_says_its_version(installed: Path) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    command = [sys.executable, "-m", "gateway", "--version"]
    assert project["version"] in run(*command, cwd=installed, environ={"PYTHONPATH": str(installed)})

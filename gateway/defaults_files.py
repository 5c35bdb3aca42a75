"""Find the files that ship with the gateway: rules.toml, templates/ and the commented gateway.toml.

In a wheel they lie in `gateway/defaults/`. In a source checkout rules.toml and templates/ stand at its top, where an
admin who reads the repository finds them, and only gateway.toml lies in `gateway/defaults/`. What may fail:
`FileNotFoundError`, where the installation is damaged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parent


def checkout_folder() -> Path | None:
    """The folder of the source checkout that this package runs from, where an admin may edit what ships."""
    # Only beside our own pyproject.toml is the folder above ours; in site-packages it is everybody's.
    return _PACKAGE.parent if (_PACKAGE.parent / "pyproject.toml").is_file() else None


def default_file(name: Literal["rules.toml", "gateway.toml", "templates"]) -> Path:
    """Give the path of a shipped file or folder."""
    places = [_PACKAGE / "defaults" / name]
    if (checkout := checkout_folder()) is not None:
        places.append(checkout / name)
    for place in places:
        if place.exists():
            return place
    raise FileNotFoundError(f"{name} is not where this package was installed; install it again")

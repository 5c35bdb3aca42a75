"""Search with coverage as the guide: ``python -m tests.fuzz.guided NAME [libFuzzer options]``.

Needs ``pip install atheris`` (no wheels for every Python yet, so it is no dependency of the tests). NAME is one of
`targets.TARGETS`; what crashes is saved as libFuzzer does (``crash-…``).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def main() -> None:
    import atheris  # type: ignore[import-untyped,unused-ignore,import-not-found]

    with atheris.instrument_imports(include=["gateway", "email", "mailparser"]):
        from tests.fuzz.targets import TARGETS, seeds
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz.guided NAME [options]; NAME is one of {', '.join(TARGETS)}")
    name = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds(name)):
            (Path(folder) / str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], *sys.argv[2:], folder], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()

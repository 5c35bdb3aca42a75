"""The command line: one command does one thing, exit codes mean something, `--json` where a machine reads.

`main` is the entry point; each module here holds the commands of one matter. Heavy modules are imported inside the
commands, so that
`gateway --help` answers at once.
"""

from gateway.cli.app import main

__all__ = ["main"]

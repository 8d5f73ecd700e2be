"""The `mexchange` command.

Each command imports what it needs when it runs, so that `mexchange --help` answers at once. What a
user can get wrong ends as one line on standard error and exit code 2, never as a traceback; a
traceback means a mistake of ours.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Run the command that `arguments` (else the command line) name, and exit."""
    from mexchange.cli.app import app
    from mexchange.cli.errors import explain

    try:
        code = app(arguments, prog_name="mexchange", standalone_mode=False)
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        if line:
            print(f"mexchange: {line}", file=sys.stderr)
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)

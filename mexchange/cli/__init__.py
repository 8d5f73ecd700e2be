"""The `mexchange` command.

Each command imports what it needs when it runs, so that `mexchange --help` answers at once. What a
user can get wrong ends as one line on standard error and exit code 2, never as a traceback; a
traceback means a mistake of ours.
"""

from __future__ import annotations

import os
import sys

__all__ = ["main"]

INTERRUPTED = 130
"""What a shell expects of a command that was stopped by Ctrl-C."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command that `arguments` (else the command line) name, and exit."""
    from mexchange.cli.app import app
    from mexchange.cli.errors import explain

    try:
        code = app(arguments, prog_name="mexchange", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing is left to say when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        if line:
            print(f"mexchange: {line}", file=sys.stderr)
        sys.exit(2)
    if code == INTERRUPTED:
        print("mexchange: stopped", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)

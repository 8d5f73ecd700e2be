"""`python -m mexchange` is the `mexchange` command."""

from __future__ import annotations

from mexchange.cli import main

if __name__ == "__main__":
    main()

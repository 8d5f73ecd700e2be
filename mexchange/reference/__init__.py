"""The rules of docs/matching.md in plain Python: the specification, written to be read.

Integers of any size, dictionaries and sorted dictionaries, no trick for speed. The kernel in
`mexchange/engine/` must give the same events, balances and digest for every stream of commands.

Read `state` (orders, books, money), then `checks` (when is an order refused), `matching` (an order
takes from a book), `stops` (what its trades set off) and `engine` (one command after another).
"""

from __future__ import annotations

from mexchange.reference.engine import ReferenceEngine

__all__ = ["ReferenceEngine"]

"""What compiled order flow must be able to do to run beside strategies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from mexchange.records import Commands, Events

if TYPE_CHECKING:
    from mexchange.exchange import Exchange

__all__ = ["Applied", "Background"]

Applied = tuple[Commands, Events]
"""A batch of commands that an exchange has taken, and what came of it. Both are the reader's own:
they stay as they are when the flow goes on."""


class Background(Protocol):
    """Order flow of anonymous traders that writes to the engine by itself, as time goes on.

    It decides what it sends from nothing but the seed and the state of the exchange right before
    the time of the command. How its time is cut into pieces must change nothing, and neither must
    what stands at those times: it is advanced to a time, then others act at that time, and then it
    goes on and reacts to what they did.

    Its orders do not expire by themselves (no GTD): an expiry is a command of its own.
    """

    @property
    def accounts(self) -> Mapping[int, str]:
        """The names of the accounts that it opened, by number; known after `connect`."""

    @property
    def next_ns(self) -> int:
        """When it acts next: later than what it was last advanced to, whatever others do."""

    def connect(self, exchange: Exchange, start_ns: int, seed: int) -> Iterable[Applied]:
        """Open and fund its accounts and place its first orders, all at `start_ns`.

        Called once, before strategies' accounts are opened. Its order ids are of sources below
        `OWN_SOURCE`, the first from the top of which no order has been numbered yet. Returns what
        it has applied.
        """

    def advance(self, until_ns: int, watched: npt.NDArray[np.bool_]) -> Iterator[Applied]:
        """Generate and apply everything up to and including `until_ns`, in pieces of any size.

        It stops early after an instant in which an event was of a watched account (as `account`, or
        as `maker_account` of a TRADE or PREVENTED): all of that instant is applied and yielded,
        nothing after it is. `watched` is indexed by account number and as long as there are
        accounts. An instant never stands in two pieces, and no piece is without commands.
        """

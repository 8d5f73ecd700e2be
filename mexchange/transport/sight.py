"""What somebody sees of the market who looks at it now and then.

A look at a time shows the market as it was one delay before, and at least as it was at the last
look. What came of one's own orders travels on the same line: a message that has arrived has brought
along all that happened before it, and one that is still on its way holds up what happened after.

The delay is drawn once for each look. Somebody who is told of every instant has a delay drawn for
each instead: a thousand of them a second, of which none may overtake another, would always be as
late as the slowest of many.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from mexchange.transport.messages import TIME, Message
from mexchange.transport.tape import Books, Tape, Top

__all__ = ["Sight"]


class Sight:
    """One line's view of the tape; `seen_ns` is the time of the market that it has seen."""

    __slots__ = ("_delay", "_inbox", "_kept", "_looked_ns", "_tape", "seen_ns")

    def __init__(
        self, tape: Tape, delay: Callable[[int], int], inbox: deque[Message], before_ns: int
    ) -> None:
        self._tape, self._delay, self._inbox = tape, delay, inbox
        self._kept: Books | None = None
        self._looked_ns = before_ns
        self.seen_ns = before_ns

    def look(self, now_ns: int) -> None:
        """See what has arrived by now. All looks at one time are one."""
        if now_ns == self._looked_ns:
            return
        self._looked_ns = now_ns
        seen_ns = now_ns - self._delay(now_ns)
        for arrival_ns, _, rows in self._inbox:
            assert rows is not None, "who has a sight is told of its own orders only"
            happened_ns = rows[0][TIME]
            if arrival_ns > now_ns:
                if happened_ns <= seen_ns:
                    seen_ns = happened_ns - 1
                break
            seen_ns = max(seen_ns, happened_ns)
        if seen_ns > self.seen_ns:
            self.seen_ns = seen_ns
            self._kept = None

    def books(self) -> Books:
        """The books as they are seen, valid until somebody else asks."""
        return self._kept or self._tape.at(self.seen_ns)

    def top(self, market: int) -> Top:
        """The best of a market."""
        return self.books().top(market)

    def keep(self) -> None:
        """Keep what is seen, since the tape will forget it."""
        if self._kept is None:
            self._kept = self._tape.at(self.seen_ns).copy()

    @property
    def kept(self) -> bool:
        """Whether what is seen is kept already."""
        return self._kept is not None

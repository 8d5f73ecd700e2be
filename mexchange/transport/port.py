"""`Port`: where a strategy's messages leave and arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from struct import error
from typing import TYPE_CHECKING

from mexchange.exchange import ALL_MARKETS
from mexchange.latency import Latency, generator
from mexchange.records import CommandKind
from mexchange.transport.feed import Update
from mexchange.transport.messages import TIME, Message, Own, Row, packed
from mexchange.transport.sight import Sight

if TYPE_CHECKING:
    from mexchange.transport.sim import SimTransport

__all__ = ["Port"]

_MIX = 0x9E3779B97F4A7C15
_MASK = (1 << 63) - 1
_NO_UPDATES: list[Update] = []


class Port:
    """One sender and receiver, with an account of its own.

    `send` takes the fields of a command after its time, as a tuple in the order of `COMMAND`. What
    arrives waits in `inbox`, in order, and must be taken by the receiver.

    `listen` says when to call the receiver: at every message, at those with rows of its own
    account, or never (it looks when it wakes up for another reason). Who listens to every message
    gets public updates by messages; everybody else sees the market through `sight`, after `look`.
    """

    NEVER, OWN, ALWAYS = range(3)

    def __init__(
        self, transport: SimTransport, account: int, name: str, latency: Latency, seed: int
    ) -> None:
        self.account = account
        self.name = name
        self.clock = transport.clock
        self.inbox: deque[Message] = deque()
        self.wants = self.NEVER
        self.markets: frozenset[int] | None = None
        """Which markets' updates come, for who listens to every message; None for all."""
        self.sight: Sight | None = Sight(
            transport.tape, latency.line(True, seed, name, "sight"), self.inbox,
            self.clock.now_ns - 1,
        )  # fmt: skip
        self.closed = False
        self.on_failure: Callable[[Exception], object] | None = None
        """Told once of an exception in the receiver's code; without it, that is raised."""
        self.least_there, least_back = latency.least()
        self.least_round = self.least_there + least_back
        self.most_back = latency.most()[1]
        self._transport = transport
        self._latency, self._seed, self._since_ns = latency, seed, self.clock.now_ns
        self._receive: Callable[[], object] = lambda: None
        self._outbox: list[tuple[int, ...]] = []
        self._there = latency.line(False, seed, name)
        self._back = latency.line(True, seed, name)
        self._last_there = self._last_back = 0
        self._waking = False
        self._sent = 0
        self._salt = int(generator(seed, f"rank/{name}").integers(0, _MASK))

    def listen(self, receive: Callable[[], object], wants: int) -> None:
        """Call `receive` when messages that it wants have arrived."""
        self._receive, self.wants = receive, wants
        self._transport.listens(self)

    def look(self) -> None:
        """See the market as far as it is to be seen now."""
        if self.sight is not None:
            self.sight.look(self.clock.now_ns)

    # There.

    def send(self, command: tuple[int, ...]) -> None:
        """Send a command with all others of this instant."""
        if self.closed:
            return
        if not self._outbox:
            self.clock.call_at(self.clock.now_ns, self._flush)
        self._outbox.append(command)

    def _flush(self) -> None:
        """Everything that was sent at this instant goes on its way."""
        now_ns = self.clock.now_ns
        arrival = now_ns + self._there(now_ns)
        if arrival < self._last_there:  # noqa: PLR1730 - A call of max costs more.
            arrival = self._last_there
        self._last_there = arrival
        outbox, self._outbox = self._outbox, []
        try:
            message = b"".join([packed(arrival, *command) for command in outbox])
        except error as problem:
            self.failed(ValueError(f"a command cannot hold these numbers: {problem}"))
            return
        self._sent += 1
        rank = ((arrival ^ self._salt) * _MIX) & _MASK
        self._transport.carry(arrival, rank, self._sent, message)

    # Back.

    def tell(self, time_ns: int, own: list[Row]) -> None:
        """What concerned one's own account at `time_ns` goes on its way back."""
        arrival = self._arrival(time_ns)
        self.inbox.append((arrival, _NO_UPDATES, own))
        if self.wants == self.OWN:
            self.clock.call_at(arrival, self._receive)

    def deliver(self, time_ns: int, updates: list[Update], own: list[Row] | None) -> None:
        """All that happened at `time_ns` goes on its way back, to who listens to everything."""
        if updates and self.markets is not None:
            updates = [update for update in updates if update.market in self.markets]
        if not updates and own is None:
            return
        arrival = self._arrival(time_ns)
        self.inbox.append((arrival, updates, own))
        if not self._waking:
            self._waking = True
            self.clock.call_at(arrival, self._wake)

    def _arrival(self, time_ns: int) -> int:
        arrival = time_ns + self._back(time_ns)
        if arrival < self._last_back:  # noqa: PLR1730
            arrival = self._last_back
        self._last_back = arrival
        return arrival

    def _wake(self) -> None:
        """Receive, and go on to the next message as long as nobody else has anything to do."""
        inbox, clock, receive = self.inbox, self.clock, self._receive
        while True:
            receive()
            if not inbox:
                self._waking = False
                return
            if not clock.skip_to(inbox[0][0]):
                clock.call_at(inbox[0][0], self._wake)
                return

    def follow(self) -> tuple[int, dict[int, Own]]:
        """From now on be told of every instant instead of looking.

        Returns the time up to which the market has been seen; what happened later is to be
        delivered, on a line of its own, along with what is returned too: what concerned one's own
        account from now on, in case that has been told already.
        """
        assert self.sight is not None
        self.look()
        now_ns, sight, self.sight = self.clock.now_ns, self.sight, None
        waiting = [(message, message[2]) for message in self.inbox if message[2] is not None]
        told = [message for message, rows in waiting if rows[0][TIME] < now_ns]
        again = [rows for _, rows in waiting[len(told) :]]
        self.inbox.clear()
        self.inbox.extend(told)
        self._last_back = max([now_ns, *(arrival for arrival, _, _ in told)])
        if now_ns > self._since_ns:
            # How many delays have been drawn by now depends on how far flow has run ahead.
            self._back = self._latency.line(True, self._seed, self.name, "everything")
        if told:
            self._waking = True
            self.clock.call_at(told[0][0], self._wake)
        return sight.seen_ns, {rows[0][TIME]: {self.account: rows} for rows in again}

    # The end.

    def guard(self, call: Callable[[], object]) -> None:
        """Call the receiver's code; what that raises is its failure."""
        try:
            call()
        except Exception as problem:
            self.failed(problem)

    def failed(self, problem: Exception) -> None:
        """The receiver's code has raised: it is cut off, or the exception raised once more."""
        if self.on_failure is None:
            raise problem
        if not self.closed:
            self.close()
            self.on_failure(problem)

    def close(self) -> None:
        """Nothing comes or goes any more; its orders are cancelled, as when a line dies."""
        self._ask_cancel_all()
        self.closed = True
        if self.sight is not None:
            self.sight.keep()
        self.listen(lambda: None, self.NEVER)
        self.inbox.clear()

    def _ask_cancel_all(self) -> None:
        fields = (0,) * 10 + (self.account, ALL_MARKETS, 0, int(CommandKind.CANCEL_ALL), *(0,) * 6)
        self.send(fields)

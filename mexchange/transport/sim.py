"""The transport of simulation: in process, in virtual time, with latency each way.

What a port sends at one instant travels as one message with one delay, and messages of one port do
not overtake each other; nor do those that come back. At the exchange, messages that arrive at the
same nanosecond are put in an order that is drawn anew for each instant from the run's seed, so that
nobody is first because of when it was added. Recorded flow goes before all of them: it happened.

Commands that arrive at the same instant reach the engine in one batch, and so do those of recorded
flow for as long as nobody could have reacted to the first of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from struct import Struct, error
from typing import TYPE_CHECKING

import numpy as np

from mexchange.clock import FOREVER, SimClock
from mexchange.latency import Latency, generator
from mexchange.records import COMMAND, Command, CommandKind, Commands, Events, TimeInForce
from mexchange.transport.feed import Feed, Row, Update

if TYPE_CHECKING:
    from mexchange.exchange import Exchange

__all__ = ["Message", "Port", "SimTransport"]

Message = tuple[int, list[Update], list[Row] | None]
"""When it arrives, what is public, and the rows of one's own account (None: none)."""

_COMMAND = Struct("<11qIHH6BH")
assert _COMMAND.size == COMMAND.itemsize, "one command is packed as the record is laid out"
_MIX = 0x9E3779B97F4A7C15
_MASK = (1 << 63) - 1
CHUNK = 8192


class Port:
    """One sender and receiver, with an account of its own.

    `send` takes the fields of a command after its time, as a tuple in the order of `COMMAND`. What
    arrives waits in `inbox`, in order, and must be taken by the receiver.

    `listen` says when to call the receiver: at every message, at those with rows of its own
    account, or never (it looks when it wakes up for another reason).
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
        """Which markets' updates come; None for all."""
        self._transport = transport
        self._receive: Callable[[], object] = lambda: None
        self._outbox: list[tuple[int, ...]] = []
        self._there = latency.way(False, seed, name)
        self._back = latency.way(True, seed, name)
        self._last_there = self._last_back = 0
        self._waking = False
        self._sent = 0
        self._salt = int(generator(seed, f"rank/{name}").integers(0, _MASK))

    def listen(self, receive: Callable[[], object], wants: int) -> None:
        """Call `receive` when messages that it wants have arrived."""
        self._receive, self.wants = receive, wants

    def send(self, command: tuple[int, ...]) -> None:
        """Send a command with all others of this instant."""
        if not self._outbox:
            self.clock.call_at(self.clock.now_ns, self._flush)
        self._outbox.append(command)

    def _flush(self) -> None:
        """Everything that was sent at this instant goes on its way."""
        arrival = self.clock.now_ns + next(self._there)
        if arrival < self._last_there:  # noqa: PLR1730 - A call of max costs more.
            arrival = self._last_there
        self._last_there = arrival
        outbox, self._outbox = self._outbox, []
        pack = _COMMAND.pack
        try:
            packed = b"".join([pack(arrival, *command) for command in outbox])
        except error as problem:
            raise ValueError(f"a command cannot hold these numbers: {problem}") from None
        self._sent += 1
        rank = ((arrival ^ self._salt) * _MIX) & _MASK
        self._transport.carry(arrival, rank, self._sent, packed)

    def deliver(self, time_ns: int, updates: list[Update], own: list[Row] | None) -> None:
        """What happened at `time_ns` goes on its way back."""
        if updates and self.markets is not None:
            updates = [update for update in updates if update.market in self.markets]
        if not updates and own is None:
            return
        arrival = time_ns + next(self._back)
        if arrival < self._last_back:  # noqa: PLR1730
            arrival = self._last_back
        self._last_back = arrival
        self.inbox.append((arrival, updates, own))
        if self.wants == self.ALWAYS:
            if not self._waking:
                self._waking = True
                self.clock.call_at(arrival, self._wake)
        elif own is not None and self.wants == self.OWN:
            self.clock.call_at(arrival, self._receive)

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


class _Flow:
    """Recorded commands, taken from sorted arrays as time goes on."""

    def __init__(self, arrays: Iterable[Commands], start_ns: int) -> None:
        self._arrays = iter(arrays)
        self._array = np.zeros(0, COMMAND)
        self._times = np.zeros(0, np.int64)
        self._done = 0
        self._last_ns = start_ns
        self._one_by_one = False
        self.next_ns = start_ns
        self._refill()

    def _refill(self) -> None:
        while self._done == len(self._array):
            array = next(self._arrays, None)
            if array is None:
                self.next_ns = FOREVER
                return
            times = np.ascontiguousarray(array["time_ns"])
            if len(times) and (times[0] < self._last_ns or (np.diff(times) < 0).any()):
                raise ValueError(f"recorded flow goes back in time after {self._last_ns} ns")
            self._array, self._times, self._done = array, times, 0
            self._last_ns = int(times[-1]) if len(times) else self._last_ns
            # Expiries are commands of their own, which must find their place between these.
            self._one_by_one = bool((array["time_in_force"] == TimeInForce.GTD).any())
        self.next_ns = int(self._times[self._done])

    def take(self, until_ns: int) -> Commands:
        """The next commands up to `until_ns`, about a chunk at most.

        Those of one instant stay together, also across arrays: they make one message to everybody.
        """
        part = self._cut(self.next_ns if self._one_by_one else until_ns)
        while self.next_ns == part["time_ns"][-1]:
            part = np.concatenate([part, self._cut(self.next_ns)])
        return part

    def _cut(self, until_ns: int) -> Commands:
        times = self._times
        end = int(np.searchsorted(times, until_ns, "right"))
        if end > self._done + CHUNK:
            end = int(np.searchsorted(times, times[self._done + CHUNK - 1], "right"))
        part = self._array[self._done : end]
        self._done = end
        if end == len(self._array):
            self._refill()
        else:
            self.next_ns = int(times[end])
        return part


class SimTransport:
    """Carries commands to an exchange and events back, on a virtual clock.

    Everything that reached the exchange and came of it is kept in `commands` and `events`, lists of
    arrays in their order.
    """

    def __init__(self, exchange: Exchange, clock: SimClock, seed: int = 1) -> None:
        self.exchange = exchange
        self.clock = clock
        self.seed = seed
        self.feed = Feed(len(exchange.markets))
        self.commands: list[Commands] = []
        self.events: list[Events] = []
        self.ports: list[Port] = []
        self._arrivals: list[tuple[int, int, int, bytes]] = []
        self._flow: _Flow | None = None
        self._turn_ns = FOREVER
        self._least_there = self._least_round = FOREVER

    def connect(self, account: int, name: str, latency: Latency) -> Port:
        """A port for an account that is open; the name seeds its delays and must be its own."""
        port = Port(self, account, name, latency, self.seed)
        self.ports.append(port)
        self.feed.accounts[account] = None
        there, back = latency.least()
        self._least_there = min(self._least_there, there)
        self._least_round = min(self._least_round, there + back)
        return port

    def play(self, flow: Iterable[Commands]) -> None:
        """Let recorded flow arrive: arrays of `COMMAND`, sorted by time, in all as within each."""
        self._flow = _Flow(flow, self.clock.now_ns)
        self._schedule()

    def apply(self, commands: Commands) -> Events:
        """Give commands to the exchange at once; what comes of it goes on its way back."""
        events = self.exchange.step(commands)
        self.commands.append(commands)
        self.events.append(events)
        feed, ports = self.feed, self.ports
        for time_ns, updates, private in feed.read(events):
            for port in ports:
                port.deliver(time_ns, updates, private.get(port.account))
        for expiry_ns in feed.expiries:
            self.carry(expiry_ns, -1, 0, b"")
        return events

    def carry(self, arrival_ns: int, rank: int, number: int, packed: bytes) -> None:
        """Have packed commands (none: only the time) arrive, in order of rank and number."""
        heappush(self._arrivals, (arrival_ns, rank, number, packed))
        if arrival_ns < self._turn_ns:
            self._schedule()

    def _schedule(self) -> None:
        """Take a turn when the next command arrives."""
        next_ns = self._arrivals[0][0] if self._arrivals else FOREVER
        if self._flow is not None:
            next_ns = min(next_ns, self._flow.next_ns)
        self._turn_ns = next_ns
        if next_ns < FOREVER:
            self.clock.call_at(next_ns, self._turn)

    def _turn(self) -> None:
        """Apply what has arrived."""
        now_ns = self.clock.now_ns
        if now_ns != self._turn_ns:
            return  # Something arrived earlier than what this turn was meant for.
        while self._flow is not None and self._flow.next_ns <= now_ns:
            self.apply(self._flow.take(self._nobody_reacts_before(now_ns)))
        arrivals = self._arrivals
        packed = bytearray()
        while arrivals and arrivals[0][0] <= now_ns:
            packed += heappop(arrivals)[3]
        if packed:
            self.apply(np.frombuffer(packed, COMMAND))
        elif now_ns > self.exchange.time_ns:
            self.apply(Command(kind=CommandKind.TICK, time_ns=now_ns))
        self._schedule()

    def _nobody_reacts_before(self, now_ns: int) -> int:
        """Up to when recorded flow may be applied now: the same would come of it one by one.

        Nothing that is on its way arrives before, nobody who wakes up in the meantime can send
        anything that does, and neither can anybody who sees the first of these commands.
        """
        clock = self.clock
        first = self._arrivals[0][0] if self._arrivals else FOREVER
        woken = clock.next_ns + self._least_there
        seen = now_ns + self._least_round
        return max(now_ns, min(first, woken, seen, clock.end_ns - 1))

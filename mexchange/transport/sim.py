"""The transport of simulation: in process, in virtual time, with latency each way.

What a port sends at one instant travels as one message with one delay, and messages of one port do
not overtake each other; nor do those that come back. At the exchange, messages that arrive at the
same nanosecond are put in an order that is drawn anew for each instant from the run's seed, so that
nobody is first because of when it was added. Flow goes before all of them: recorded flow, which
happened, then background flow.

Commands that arrive at the same instant reach the engine in one batch. Flow runs ahead of the clock
for as long as nobody could have reacted to the first of what it does:

- Whoever hears of every instant could, after the shortest way back and there again.
- Whoever hears only of what concerns its own account could not, as long as nothing does.
- Everybody may send something when it wakes up next, and it arrives after the shortest way there.
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
from mexchange.records import COMMAND, Command, CommandKind, Commands, Events
from mexchange.transport.background import Background
from mexchange.transport.feed import Feed, Row, Update
from mexchange.transport.recorded import Recorded

if TYPE_CHECKING:
    from mexchange.exchange import Exchange

__all__ = ["Message", "Port", "SimTransport"]

Message = tuple[int, list[Update], list[Row] | None]
"""When it arrives, what is public, and the rows of one's own account (None: none)."""

_COMMAND = Struct("<11qIHH6BH")
assert _COMMAND.size == COMMAND.itemsize, "one command is packed as the record is laid out"
_MIX = 0x9E3779B97F4A7C15
_MASK = (1 << 63) - 1


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
        self.least_there, least_back = latency.least()
        self.least_round = self.least_there + least_back
        self._salt = int(generator(seed, f"rank/{name}").integers(0, _MASK))

    def listen(self, receive: Callable[[], object], wants: int) -> None:
        """Call `receive` when messages that it wants have arrived."""
        self._receive, self.wants = receive, wants
        self._transport.listeners_changed()

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
        self._flows: list[Recorded | Background] = []
        self._turn_ns = FOREVER
        self._least_there = FOREVER
        self._hearing: _Hearing | None = None

    def connect(self, account: int, name: str, latency: Latency) -> Port:
        """A port for an account that is open; the name seeds its delays and must be its own."""
        port = Port(self, account, name, latency, self.seed)
        self.ports.append(port)
        self.feed.accounts[account] = None
        self._least_there = min(self._least_there, port.least_there)
        return port

    def listeners_changed(self) -> None:
        """To be called by a port that listens to something else than before."""
        self._hearing = None

    def play(self, flow: Iterable[Commands]) -> None:
        """Let recorded flow arrive: arrays of `COMMAND`, sorted by time, in all as within each."""
        # Recorded flow goes first at equal times.
        self._flows.insert(0, Recorded(self.exchange, flow, self.clock.now_ns))
        self._schedule()

    def add(self, background: Background) -> None:
        """Let background flow run, which is connected; at equal times in the order of adding."""
        self._flows.append(background)
        self._schedule()

    def apply(self, commands: Commands) -> Events:
        """Give commands to the exchange at once; what comes of it goes on its way back."""
        events = self.exchange.step(commands)
        self.applied(commands, events)
        return events

    def applied(self, commands: Commands, events: Events) -> None:
        """What the exchange has made of commands goes on its way back."""
        self.commands.append(commands)
        self.events.append(events)
        feed, ports = self.feed, self.ports
        for time_ns, updates, private in feed.read(events):
            for port in ports:
                port.deliver(time_ns, updates, private.get(port.account))
        for expiry_ns in feed.expiries:
            self.carry(expiry_ns, -1, 0, b"")

    def carry(self, arrival_ns: int, rank: int, number: int, packed: bytes) -> None:
        """Have packed commands (none: only the time) arrive, in order of rank and number."""
        heappush(self._arrivals, (arrival_ns, rank, number, packed))
        if arrival_ns < self._turn_ns:
            self._schedule()

    def _schedule(self) -> None:
        """Take a turn when the next command arrives."""
        next_ns = self._arrivals[0][0] if self._arrivals else FOREVER
        for flow in self._flows:
            next_ns = min(next_ns, flow.next_ns)
        self._turn_ns = next_ns
        if next_ns < FOREVER:
            self.clock.call_at(next_ns, self._turn)

    def _turn(self) -> None:
        """Apply what has arrived."""
        now_ns = self.clock.now_ns
        if now_ns != self._turn_ns:
            return  # Something arrived earlier than what this turn was meant for.
        if self._flows:
            self._let_flow(now_ns)
        arrivals = self._arrivals
        packed = bytearray()
        while arrivals and arrivals[0][0] <= now_ns:
            packed += heappop(arrivals)[3]
        if packed:
            self.apply(np.frombuffer(packed, COMMAND))
        elif now_ns > self.exchange.time_ns:
            self.apply(Command(kind=CommandKind.TICK, time_ns=now_ns))
        self._schedule()

    def _let_flow(self, now_ns: int) -> None:
        """Have flow do what is due now, and as much more as nobody can react to."""
        flows = self._flows
        while True:
            flow = min(flows, key=lambda flow: flow.next_ns)
            if flow.next_ns > now_ns:
                return
            if self._hearing is None:
                self._hearing = _Hearing(self.ports, self.exchange.accounts)
            until_ns = self._nobody_reacts_before(now_ns, flow, self._hearing)
            for commands, events in flow.advance(until_ns, self._hearing.watched):
                self.applied(commands, events)

    def _nobody_reacts_before(
        self, now_ns: int, flow: Recorded | Background, hearing: _Hearing
    ) -> int:
        """Up to when this flow may be applied now: the same would come of it step by step.

        Background flow stops by itself at what concerns a watched account; recorded flow does not.
        """
        clock = self.clock
        seen = now_ns + (hearing.round if isinstance(flow, Recorded) else hearing.public_round)
        until_ns = min(clock.next_ns + self._least_there, seen, clock.end_ns - 1)
        if self._arrivals:
            until_ns = min(until_ns, self._arrivals[0][0])
        before = 1
        for other in self._flows:
            if other is flow:
                before = 0
            else:
                # At equal times, who was added first goes first.
                until_ns = min(until_ns, other.next_ns - before)
        return max(now_ns, until_ns)


class _Hearing:
    """Who listens to what: the accounts that hear of themselves only, and the shortest ways.

    `public_round` is the shortest way back and there of those who hear of every instant, `round`
    that of everybody who is woken by what happens.
    """

    def __init__(self, ports: list[Port], accounts: int) -> None:
        self.watched = np.zeros(accounts, np.bool_)
        self.round = self.public_round = FOREVER
        for port in ports:
            if port.wants == Port.NEVER:
                continue
            self.round = min(self.round, port.least_round)
            if port.wants == Port.ALWAYS:
                self.public_round = min(self.public_round, port.least_round)
            else:
                self.watched[port.account] = True

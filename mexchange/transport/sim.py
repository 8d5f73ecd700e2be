"""The transport of simulation: in process, in virtual time, with latency each way.

What a port sends at one instant travels as one message with one delay, and messages of one port do
not overtake each other; nor do those that come back. At the exchange, messages that arrive at the
same nanosecond are put in an order that is drawn anew for each instant from the run's seed, so that
nobody is first because of when it was added. If the exchange takes time for a command, they wait in
that order to be served. Flow goes before all of them: recorded flow, which happened, then
background flow.

Commands that arrive at the same instant reach the engine in one batch. Flow runs ahead of the clock
for as long as nobody could have reacted to the first of what it does:

- Whoever hears of every instant could, after the shortest way back and there again.
- Whoever hears only of what concerns its own account could not, as long as nothing does.
- Everybody may send something when it wakes up next, and it arrives after the shortest way there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mexchange.clock import FOREVER, SimClock
from mexchange.latency import Latency
from mexchange.records import COMMAND, EVENT, Command, CommandKind, Commands, Events
from mexchange.transport.background import Background
from mexchange.transport.feed import Feed, Update
from mexchange.transport.messages import Own, own_rows
from mexchange.transport.port import Port
from mexchange.transport.processing import Processing
from mexchange.transport.record import FileRecord, NoRecord, Record
from mexchange.transport.recorded import Recorded
from mexchange.transport.tape import Tape

if TYPE_CHECKING:
    from mexchange.exchange import Exchange

__all__ = ["SimTransport"]

KEPT = {"commands": COMMAND, "events": EVENT}
TAPE_ROWS = 1 << 16
"""When the tape is this long, it is looked at what of it nobody needs any more."""


class SimTransport:
    """Carries commands to an exchange and events back, on a virtual clock.

    Everything that reached the exchange and came of it is kept in `commands` and `events`. The
    tape is shortened when it has more than `least_rows`, and twice what it was shortened to.
    """

    def __init__(
        self, exchange: Exchange, clock: SimClock, seed: int = 1, processing_ns: int = 0
    ) -> None:
        self.exchange = exchange
        self.clock = clock
        self.seed = seed
        self.tape = Tape(len(exchange.markets))
        self.commands = Record(COMMAND)
        self.events = Record(EVENT)
        self.ports: dict[int, Port] = {}
        self._followers: dict[int, Port] = {}
        self._missed: dict[int, list[tuple[int, list[Update]]]] = {}
        self._feed: Feed | None = None
        self._owners = np.zeros(exchange.accounts, np.bool_)
        self.least_rows = self._tape_limit = TAPE_ROWS
        self._processing = Processing(processing_ns) if processing_ns else None
        self._arrivals: list[tuple[int, int, int, bytes]] = []
        self._flows: list[Recorded | Background] = []
        self._turn_ns = FOREVER
        self._least_there = FOREVER
        self._hearing: _Hearing | None = None

    def connect(self, account: int, name: str, latency: Latency) -> Port:
        """A port for an account that is open; the name seeds its delays and must be its own."""
        port = Port(self, account, name, latency, self.seed)
        self.ports[account] = port
        if account >= len(self._owners):
            self._owners = np.append(self._owners, np.zeros(account, np.bool_))
        self._owners[account] = True
        self._least_there = min(self._least_there, port.least_there)
        self._hearing = None
        return port

    def listens(self, port: Port) -> None:
        """To be called by a port that listens to something else than before."""
        self._hearing = None
        self._followers.pop(port.account, None)
        if port.closed:
            self._owners[port.account] = False
            del self.ports[port.account]
        elif port.wants == Port.ALWAYS:
            if port.sight is not None:
                self._follow(port)
            self._followers[port.account] = port
        if not self._followers:
            self._feed = None

    def _follow(self, port: Port) -> None:
        """Have a port be told of every instant after the one up to which it has seen the market."""
        seen_ns, again = port.follow()
        # Many may begin at the same time; what they have missed since is the same for all.
        if seen_ns not in self._missed or self._feed is None:
            feed = Feed(self.tape.at(seen_ns), len(self.exchange.markets))
            self._missed[seen_ns] = [*feed.read(self.tape.rows_after(seen_ns))]
            # Having read everything, it stands where the others' does.
            self._feed = self._feed or feed
        for time_ns, updates, own in _merged(self._missed[seen_ns], again):
            port.deliver(time_ns, updates, own.get(port.account))

    def keep_in(self, folder: Path) -> None:
        """Keep commands and events in files of a folder, not in memory: what there is and will be.

        They are named `commands.bin` and `events.bin`. Raises OSError if they cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        files = {name: FileRecord(dtype, folder / f"{name}.bin") for name, dtype in KEPT.items()}
        for name, file in files.items():
            file.append(getattr(self, name).whole())
            setattr(self, name, file)

    def keep_nothing(self) -> None:
        """Forget commands and events as soon as everybody has been told of them."""
        self.commands, self.events = NoRecord(COMMAND), NoRecord(EVENT)

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
        self._missed.clear()
        first = len(self.tape)
        mine, expiries = self.tape.add(events, self._owners)
        instants = own_rows(events, mine, self.ports) if mine else {}
        if self._feed is None:
            self._tell(instants)
        else:
            public = self._feed.read(self.tape.rows(first))
            for time_ns, updates, own in _merged(public, instants):
                for port in self._followers.values():
                    port.deliver(time_ns, updates, own.get(port.account))
                self._tell({time_ns: own})
        for expiry_ns in expiries:
            self.carry(expiry_ns, -1, 0, b"")
        if len(self.tape) > self._tape_limit:
            self._shorten()

    def _tell(self, instants: dict[int, Own]) -> None:
        """Tell those who look for themselves of what concerned them."""
        ports = self.ports
        for time_ns, own in instants.items():
            for account, rows in own.items():
                port = ports[account]
                if port.sight is not None:
                    port.tell(time_ns, rows)

    def _shorten(self) -> None:
        """Forget what of the tape nobody can look at any more, and what few would keep for long."""
        tape = self.tape
        until_ns = tape.time_of(len(tape) - 1)
        sights = [port.sight for port in self.ports.values() if port.sight is not None]
        if sights:
            # No look that is still to come sees less than this.
            longest = max(port.most_back for port in self.ports.values())
            seen_ns = min([sight.seen_ns for sight in sights if not sight.kept], default=until_ns)
            half_ns = tape.time_of(len(tape) // 2)
            until_ns = min(self.clock.now_ns - longest - 1, max(seen_ns, half_ns))
            for sight in sights:
                if sight.seen_ns < until_ns:
                    sight.keep()
        tape.drop(until_ns)
        self._tape_limit = max(self.least_rows, 2 * len(tape))

    def carry(self, arrival_ns: int, rank: int, number: int, packed: bytes) -> None:
        """Have packed commands (none: only the time) arrive, in order of rank and number."""
        heappush(self._arrivals, (arrival_ns, rank, number, packed))
        if arrival_ns < self._turn_ns:
            self._schedule()

    def _schedule(self) -> None:
        """Take a turn when the next command arrives."""
        next_ns = self._arrivals[0][0] if self._arrivals else FOREVER
        if self._processing is not None:
            next_ns = min(next_ns, self._processing.next_ns)
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
        arrivals, processing = self._arrivals, self._processing
        due = bytearray()
        while arrivals and arrivals[0][0] <= now_ns:
            packed = heappop(arrivals)[3]
            if packed and processing is not None:
                processing.enter(now_ns, packed)
            else:
                due += packed
        if processing is not None:
            due += processing.leave(now_ns)
        if due:
            self.apply(np.frombuffer(due, COMMAND))
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
                self._hearing = _Hearing(list(self.ports.values()), self.exchange.accounts)
            until_ns = self._nobody_reacts_before(now_ns, flow, self._hearing)
            for commands, events in flow.advance(until_ns, self._hearing.watched):
                self.applied(commands, events)
                if self._processing is not None:
                    self._processing.occupy(commands)

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
        if self._processing is not None:
            until_ns = min(until_ns, self._processing.next_ns)
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


def _merged(
    updates: Iterable[tuple[int, list[Update]]], instants: dict[int, Own]
) -> Iterator[tuple[int, list[Update], Own]]:
    """Each instant with its updates and the rows of accounts."""
    public = dict(updates)
    times = sorted({**public, **instants}) if public and instants else public or instants
    for time_ns in times:
        yield time_ns, public.get(time_ns, []), instants.get(time_ns, {})

"""`Simulation`: puts strategies on an exchange and lets virtual time pass."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mexchange.clock import SimClock, nanoseconds
from mexchange.exchange import Exchange
from mexchange.latency import ConstantLatency, Latency, generator
from mexchange.markets import Asset, Market, Number
from mexchange.records import (
    Command,
    CommandKind,
    Commands,
    EventKind,
    Reason,
    commands,
)
from mexchange.simulation.player import Player
from mexchange.simulation.progress import Bar
from mexchange.simulation.streaming import folder_of_run
from mexchange.strategy import Book, Desk, Strategy
from mexchange.transport import Background, SimTransport

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["Agent", "Simulation"]

Funds = Mapping[str, Number]
"""Asset → amount: an int is atoms, a Decimal or a text an amount."""


@dataclass(frozen=True)
class Agent:
    """A strategy in a run; what is left out is the same for all.

    `name` must be its own (default: that of the class, numbered if there are several), `market` is
    the number or name of the market it is put on, `tier` its fee tier.
    """

    strategy: Strategy
    name: str = ""
    funds: Funds | None = None
    latency: Latency | None = None
    market: int | str = 0
    tier: int = 0


class Simulation:
    """Strategies that trade with one another, and with flow, in virtual time.

    `funds` and `latency` are those of every agent that brings none of its own. `processing` is how
    long the exchange takes for each command, one after another. `setup` are commands
    that are applied before anything else (whatever their time), `flow` are arrays of commands that
    arrive at the times they bear: recorded orders of accounts that `setup` opens, sorted by time.
    `accounts` names these accounts. `background` is order flow that is made as time goes on, with
    accounts of its own. Strategies get the accounts after them, in their order, and order ids of
    the sources 1, 2, …; source 0 is for setup and flow.

    Without `keep` commands and events are forgotten, and the result is empty but for the digest:
    for those who learn from what strategies see, over runs without end.

    The same arguments give the same run, to the last event.

    Raises ValueError for what does not fit together: names, funds, a rejected command of `setup`.
    """

    def __init__(
        self,
        markets: Market | Sequence[Market],
        agents: Sequence[Strategy | Agent],
        *,
        funds: Funds | None = None,
        latency: Latency | None = None,
        processing: int | str = 0,
        seed: int = 1,
        setup: Commands | None = None,
        flow: Iterable[Commands] | None = None,
        accounts: Mapping[int, str] | None = None,
        background: Sequence[Background] = (),
        start_ns: int = 0,
        title: str = "simulation",
        parameters: Mapping[str, Any] | None = None,
        engine: str = "kernel",
        keep: bool = True,
    ) -> None:
        self.seed, self.start_ns, self.title = seed, start_ns, title
        self.latency = ConstantLatency() if latency is None else latency
        self.exchange = Exchange(markets, engine=engine)
        self.clock = SimClock(start_ns)
        processing_ns = nanoseconds(processing)
        if processing_ns < 0:
            raise ValueError(f"processing {processing!r} is negative")
        self.transport = SimTransport(self.exchange, self.clock, seed, processing_ns)
        self.agents = _named(agents)
        self.accounts: dict[int, str] = {0: "house", **(accounts or {})}
        self._told = {**(parameters or {}), "latency": repr(self.latency)}
        if processing_ns:
            self._told["processing"] = f"{processing_ns} ns a command"
        self._flow = flow
        self._keep = keep
        self._started = self._finished = False
        if setup is not None and len(setup):
            setup = setup.copy()
            setup["time_ns"] = start_ns
            self._apply(setup)
        for flowing in background:
            for batch, events in flowing.connect(self.exchange, start_ns, seed):
                self.transport.applied(batch, events)
            self.accounts |= flowing.accounts
        self._background = background
        # All accounts first: who is connected would hear of the money of those after him.
        owners = [self._open(agent, funds) for agent in self.agents]
        pairs = enumerate(zip(self.agents, owners, strict=True), 1)
        self.players = [self._connect(agent, account, source) for source, (agent, account) in pairs]

    def _apply(self, batch: Commands) -> None:
        """Give commands to the exchange before the run; ValueError if it refuses one."""
        events = self.transport.apply(batch)
        refused = events[events["kind"] == EventKind.REJECTED]
        if len(refused):
            first = refused[0]
            reason = Reason(int(first["reason"])).name
            raise ValueError(
                f"{len(refused)} of {len(batch)} commands before the run were rejected, the first "
                f"with {reason} (account {first['account']}, order {first['order_id']})"
            )

    def _open(self, agent: Agent, funds: Funds | None) -> int:
        """Open an agent's account and pay its funds in; returns the number of the account."""
        exchange = self.exchange
        given = funds if agent.funds is None else agent.funds
        if given is None:
            example = ", ".join(f"{asset.name!r}: '1000'" for asset in exchange.assets)
            raise ValueError(f"{agent.name} has no funds; give funds={{{example}}}")
        account = exchange.accounts
        opening = Command(
            kind=CommandKind.OPEN_ACCOUNT,
            time_ns=self.start_ns,
            account=account,
            quantity=agent.tier,
        )
        numbers = [exchange.asset(name) for name in given]
        pairs = zip(numbers, given.values(), strict=True)
        atoms = [_atoms(exchange.assets[number], amount) for number, amount in pairs]
        deposits = commands(
            len(given),
            kind=CommandKind.DEPOSIT,
            time_ns=self.start_ns,
            account=account,
            asset=numbers,
            quantity=atoms,
        )
        self._apply(np.concatenate([opening, deposits[deposits["quantity"] != 0]]))
        self.accounts[account] = agent.name
        return account

    def _connect(self, agent: Agent, account: int, source: int) -> Player:
        exchange = self.exchange
        port = self.transport.connect(account, agent.name, agent.latency or self.latency)
        names = [asset.name for asset in exchange.assets]
        owned = [sum(exchange.balance(account, number)) for number in range(len(names))]
        agent.strategy.connect(
            port,
            Desk(account, exchange.markets, names, owned),
            source=source,
            home=exchange.market(agent.market),
            books=[Book(number, market) for number, market in enumerate(exchange.markets)],
            assets={name: number for number, name in enumerate(names)},
            rng=generator(self.seed, f"strategy/{agent.name}"),
        )
        return Player(agent.name, agent.strategy, port)

    def run(
        self, duration: int | str, *, progress: bool = False, out: Path | str | None = None
    ) -> Result:
        """Let `duration` (ns, or a text as '1h') pass; what came of it.

        `progress` shows a bar on standard error. With `out`, a folder, commands and events are not
        kept in memory but written there as they come, and the result reads them from there; see
        also `streaming`. A strategy that raises is stopped there and its
        orders are cancelled, while the market goes on; `extra["failures"]` of the result has the
        traceback by its name. Raises ValueError for a duration that is not positive, RuntimeError
        if it has been run before, ParameterError if parameters of a strategy do not fit its market.
        """
        length = _positive(duration)
        end_ns = self.start_ns + length
        bar = Bar(self.clock, self.exchange, end_ns, self.title) if progress else nullcontext()
        with _few_collections(), bar:
            self.start(out)
            running = [player.run for player in self.players if player.strategy.has_run]
            self.clock.run(end_ns, running)
        return self.finish()

    def start(self, out: Path | str | None = None) -> None:
        """Begin a run in pieces: `advance` follows, as often as you like, and then `finish`.

        `out` is that of `run`. Raises RuntimeError if it has been run before.
        """
        if self._started:
            raise RuntimeError("this simulation has been run; make a new one")
        self._started = True
        folder = folder_of_run() if out is None else Path(out)
        if self._keep and folder is not None:
            self.transport.keep_in(folder)
        if not self._keep:
            self.transport.keep_nothing()
        if self._flow is not None:
            self.transport.play(self._flow)
        for flowing in self._background:
            self.transport.add(flowing)
        for player in self.players:
            player.start()

    def advance(self, duration: int | str) -> None:
        """Let `duration` more pass. Pieces put end to end give what one run of their sum gives.

        Raises ValueError for a duration that is not positive, RuntimeError if it has not been
        started or is finished, or if a strategy is a coroutine, which would end with the piece.
        """
        length = _positive(duration)
        if not self._started or self._finished:
            raise RuntimeError("advance() comes after start() and before finish()")
        for agent in self.agents:
            if agent.strategy.has_run:
                raise RuntimeError(f"{agent.name} is a coroutine, which only run() can run")
        with _few_collections():
            self.clock.run(self.clock.now_ns + length)

    def finish(self) -> Result:
        """End a run in pieces; what came of it. Raises RuntimeError before start or if finished."""
        if not self._started or self._finished:
            raise RuntimeError("finish() comes once, after start()")
        self._finished = True
        for player in self.players:
            player.stop()
        return self._result()

    def _result(self) -> Result:
        from mexchange.analytics.result import Result

        failures = {player.name: player.failure for player in self.players if player.failure}
        agents = {
            agent.name: {
                "strategy": type(agent.strategy).__name__,
                **agent.strategy.parameters,
            }
            for agent in self.agents
        }
        return Result(
            self.exchange.markets,
            self.transport.events.whole(),
            commands=self.transport.commands.whole(),
            accounts=self.accounts,
            start_ns=self.start_ns,
            seed=self.seed,
            parameters={**self._told, "agents": agents},
            digest=self.exchange.digest(),
            title=self.title,
            extra={"failures": failures} if failures else None,
        )


@contextmanager
def _few_collections() -> Iterator[None]:
    """Spare the garbage collector what was there before, and let it look at the rest more rarely.

    A run makes many small objects, few of them in cycles; the collector would take a third of it.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _positive(duration: int | str) -> int:
    length = nanoseconds(duration)
    if length <= 0:
        raise ValueError(f"duration {duration!r} is not positive")
    return length


def _atoms(asset: Asset, amount: Number) -> int:
    return amount if isinstance(amount, int) else asset.atoms(amount)


def _named(given: Sequence[Strategy | Agent]) -> list[Agent]:
    """Agents with a name each; ValueError if two have the same."""
    agents = [agent if isinstance(agent, Agent) else Agent(agent) for agent in given]
    kinds = Counter(type(agent.strategy).__name__ for agent in agents if not agent.name)
    counted: Counter[str] = Counter()
    named = []
    for agent in agents:
        name = agent.name or type(agent.strategy).__name__
        if not agent.name and kinds[name] > 1:
            counted[name] += 1
            name = f"{name}-{counted[name]}"
        named.append(replace(agent, name=name))
    twice = [name for name, count in Counter(agent.name for agent in named).items() if count > 1]
    if twice:
        raise ValueError(f"two agents are called {twice[0]!r}; give each a name of its own")
    return named

"""A strategy on its port, and what happens when its code raises.

It is cut off as when a line dies: nothing of it is called any more, and the exchange cancels its
orders as soon as it notices. The market goes on.
"""

from __future__ import annotations

from traceback import format_exception

import trio

from mexchange.strategy import ParameterError, Strategy
from mexchange.transport import Port

__all__ = ["Player"]


class Player:
    """A strategy that is connected; `failure` is the traceback of what ended it, or empty."""

    def __init__(self, name: str, strategy: Strategy, port: Port) -> None:
        self.name, self.strategy, self.port = name, strategy, port
        self.failure = ""
        self._scope = trio.CancelScope()
        port.on_failure = self._end

    def start(self) -> None:
        """Its first call. Raises ParameterError if its parameters do not fit the market."""
        try:
            self.strategy.on_start()
        except ParameterError:
            raise
        except Exception as error:
            self.port.failed(error)

    async def run(self) -> None:
        """Its coroutine, until that ends or the strategy is cut off."""
        if self.port.closed:
            return
        with self._scope:
            try:
                await self.strategy.run()
            except Exception as error:
                self.port.failed(error)

    def stop(self) -> None:
        """Its last call, with all seen that has arrived by now."""
        if not self.port.closed:
            self.port.look()
            self.port.guard(self.strategy.on_stop)

    def _end(self, error: Exception) -> None:
        self.failure = "".join(format_exception(_from_the_strategy(error)))
        if self.strategy.has_run:
            self._scope.cancel()
            self.port.clock.woke()


def _from_the_strategy(error: Exception) -> Exception:
    """The exception without the calls of ours that lead to the strategy's code."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace.tb_frame.f_globals.get("__name__", "")):
        trace = trace.tb_next
    return error if trace is None else error.with_traceback(trace)


def _is_ours(module: str) -> bool:
    return module.startswith(
        ("mexchange.strategy.", "mexchange.transport.", "mexchange.simulation.")
    )

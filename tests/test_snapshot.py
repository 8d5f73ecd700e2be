"""Snapshots: what is written can be read, and nothing else is."""

from __future__ import annotations

import subprocess
import sys
from hashlib import blake2b
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexchange.engine import saving
from mexchange.exchange import Exchange
from mexchange.records import EVENT, SOURCE_SHIFT
from mexchange.testing.commands import random_commands
from mexchange.testing.profiles import awkward_markets

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = 800


def filled() -> Exchange:
    exchange = Exchange(awkward_markets(3))
    exchange.step(random_commands(exchange.markets, COMMANDS, 4, "deep"))
    return exchange


@pytest.fixture(scope="module")
def snapshot() -> bytes:
    return filled().snapshot()


def sealed(body: bytes) -> bytes:
    """A body with the checksum that belongs to it."""
    return body + blake2b(body, digest_size=16).digest()


def test_everything_comes_back() -> None:
    first = filled()
    again = Exchange.restore(first.snapshot())
    again.check()
    assert again.markets == first.markets
    assert again.assets == first.assets
    assert again.digest() == first.digest()
    assert again.orders().tobytes() == first.orders().tobytes()
    assert (again.time_ns, again.sequence) == (first.time_ns, first.sequence)
    assert again.accounts == first.accounts


def test_an_empty_exchange_comes_back() -> None:
    first = Exchange(awkward_markets(1))
    again = Exchange.restore(first.snapshot())
    assert again.digest() == first.digest()
    assert again.open_account() == 1


def test_the_same_state_is_the_same_bytes(snapshot: bytes) -> None:
    assert filled().snapshot() == snapshot


def test_another_process_writes_the_same_bytes(snapshot: bytes, root: Path) -> None:
    script = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("snapshots", {__file__!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.stdout.buffer.write(module.filled().snapshot())
"""
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, check=True
    )
    assert result.stdout == snapshot


@given(data=st.data())
def test_damage_is_noticed(snapshot: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(snapshot) - 1))
    bit = data.draw(st.integers(0, 7))
    damaged = bytearray(snapshot)
    damaged[at] ^= 1 << bit
    with pytest.raises(ValueError, match="snapshot"):
        Exchange.restore(bytes(damaged))


@pytest.mark.parametrize("length", [0, 1, 15, 16, 40, 200])
def test_a_part_is_refused(snapshot: bytes, length: int) -> None:
    with pytest.raises(ValueError, match="snapshot"):
        Exchange.restore(snapshot[:length])


def test_a_foreign_schema_is_refused(snapshot: bytes) -> None:
    body = bytearray(snapshot[:-16])
    body[len(saving.MAGIC)] ^= 1
    with pytest.raises(ValueError, match="another schema"):
        Exchange.restore(sealed(bytes(body)))


def test_the_schema_follows_the_records(snapshot: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "COMMAND", EVENT)
    with pytest.raises(ValueError, match="another schema"):
        Exchange.restore(snapshot)


def test_another_format_is_refused(snapshot: bytes) -> None:
    body = b"mEXsnap0" + snapshot[len(saving.MAGIC) : -16]
    with pytest.raises(ValueError, match="format version"):
        Exchange.restore(sealed(body))


def test_the_reference_keeps_none() -> None:
    with pytest.raises(TypeError, match="kernel"):
        Exchange(awkward_markets(1), "reference").snapshot()


def test_restoring_does_not_forget_used_ids(snapshot: bytes) -> None:
    again = Exchange.restore(snapshot)
    commands = random_commands(again.markets, COMMANDS, 4, "deep")
    commands["time_ns"] = again.time_ns
    new = commands[commands["kind"] == 1]
    highest = int((new["order_id"] >> SOURCE_SHIFT).max())
    assert highest > 0
    first, second = filled(), again
    assert first.step(new).tobytes() == second.step(new).tobytes()

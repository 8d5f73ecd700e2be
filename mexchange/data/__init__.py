"""Readers of recorded market data; each turns files into typed arrays and those into commands."""

from __future__ import annotations

from mexchange.data.errors import DataError

__all__ = ["DataError"]

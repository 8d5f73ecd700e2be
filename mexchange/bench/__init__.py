"""Benchmarks of mExchange: order flows, the engine, strategies."""

"""Whole runs in virtual time: strategies, an exchange between them, and what came of it."""

from mexchange.simulation.run import Agent, Simulation
from mexchange.simulation.streaming import streaming

__all__ = ["Agent", "Simulation", "streaming"]

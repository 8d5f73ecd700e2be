"""The public side of a market, compiled: a tape of what happened, and the books at any time of it.

Who listens to every update needs them one by one, as `mexchange.transport.feed` makes them of the
tape. Who only looks now and then needs the book as of then, and pays for one look, not for each of
a million events.
"""

from mexchange.transport.tape.books import NOTHING, Books, Tape, Top

__all__ = ["NOTHING", "Books", "Tape", "Top"]

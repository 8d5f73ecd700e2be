"""The frames of a result: events, and what follows from them, without a loop over rows."""

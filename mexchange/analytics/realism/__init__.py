"""Does a market look like a real one? Its stylised facts, measured the same way on runs and feeds.

    from mexchange.analytics.realism import measure, of_result
    print(measure(of_result(result)))

See docs/realism.md for the definitions and the score.
"""

from mexchange.analytics.realism.facts import FACTS, Band, Fact, Measurement, Report, measure, pool
from mexchange.analytics.realism.sample import Sample
from mexchange.analytics.realism.sources import of_events, of_folder, of_recording, of_result

__all__ = [
    "FACTS", "Band", "Fact", "Measurement", "Report", "Sample",
    "measure", "of_events", "of_folder", "of_recording", "of_result", "pool",
]  # fmt: skip

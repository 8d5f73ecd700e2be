"""From events to frames, measures and reports."""

"""What tests of an engine need: random commands, comparisons, books drawn as tables."""

"""CRNN's recipe written in the simplest way: the baseline for the suite's own parts. Nothing else uses it."""

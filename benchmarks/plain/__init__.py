"""The recipe written down in the plainest way, as the yardstick for the suite's own parts. Nothing else uses it."""

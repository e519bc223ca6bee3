"""Benchmarks of CRNN's own parts; `baseline` has the same parts written in the simplest way."""

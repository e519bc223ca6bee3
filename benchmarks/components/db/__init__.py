"""Benchmarks of DB's own parts; `baseline` has the same parts written in the simplest way."""

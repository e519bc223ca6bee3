"""Benchmarks of what the recognisers share: reading word sets and making word images."""

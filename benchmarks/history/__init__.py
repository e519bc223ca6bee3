"""`python -m benchmarks.history` lists what was measured, from history files alone (docs/history.md)."""

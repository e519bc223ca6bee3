"""Compare two sides of a case: `python -m benchmarks.compare --base rev:main --head . --case NAME`."""

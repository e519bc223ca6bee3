"""The picture of predictions that a convergence case leaves in its folder."""

SAMPLES = "samples.jpg"
MAX_BYTES = 60_000
"""It is part of report.html."""

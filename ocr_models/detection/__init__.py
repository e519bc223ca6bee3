"""Text detection: what PSENet and other detectors share. Data sets of pages, their labels, losses and evaluation."""

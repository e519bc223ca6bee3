"""DB: a text detector whose network learns its own binarization thresholds (Liao et al., AAAI 2020)."""

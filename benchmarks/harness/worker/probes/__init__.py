"""Untimed observations of a rank after its measured steps: limits of the machine, memory, versions, correctness."""

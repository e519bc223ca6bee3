"""What the machine does while a case runs, sampled in a thread of the pytest process: outside the ranks, no torch."""

"""What a user runs: the benchmarks, the commands around them, and the harness that they use."""

"""Which pair comes next, and what the pairs show: pure computation, which the self-test replays."""

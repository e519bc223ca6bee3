"""Does the procedure keep its promise? Replays of simulated and of recorded runs."""

"""Runs in the agent and in the ranks, with torch: set-up, training, measurement."""

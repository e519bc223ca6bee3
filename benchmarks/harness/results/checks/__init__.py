"""Whether the fields of a good artifact contradict its case or each other: what the gate and `build` recompute."""

"""PARSeq: a text recogniser; a transformer that learns to read in any order (Bautista and Atienza, ECCV 2022)."""

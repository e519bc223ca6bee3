"""Benchmarks of single parts, each compared with a baseline: loader, loss, training step, postprocessing and others.

`pytest benchmarks -m components` runs them all. Each part and its baseline are timed in turns on the same machine; a
table at the end compares the ratio of both with a target. A missed target fails no test, because another machine, or
other work on it, is no defect.

pytest collects these files with all other benchmarks, so they import torch, OpenCV and numpy only inside functions.
"""

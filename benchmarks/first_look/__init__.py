"""The first minutes on a GPU: `python -m benchmarks.first_look`, see docs/gpu.md.

command     options, and the way from them to a summary
pieces      what is measured, in order of value, each with its time
runner      runs a piece in a process of its own, within its time limit
findings    the figures of a piece, written one by one
summary     the table for people
ceilings, operations, step, formats     the pieces that import torch
sizes, timing                           what these share
"""

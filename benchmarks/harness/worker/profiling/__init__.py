"""From what torch's profiler recorded of a few steps to the figures of a profile.

recording    runs the profiler and exports its trace
events       the trace as typed events
intervals    unions, gaps, time shared by what runs at once
timeline     what the host did: the operator, autograd node and part of the step that an event belongs to
groups       from names to kinds of work
pieces       what kept the device busy, piece by piece
known_work   operations and bytes of operators, as counted in a step
rows         the longest kernels and operators
analysis     all of it: the figures of one rank
"""

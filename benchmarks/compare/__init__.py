"""Compares two sides of a case: does it train slower, by how much, how sure is that? docs/comparing.md explains it.

    command line -> arguments -> question          what is asked, checked
      -> opening: sides.open_side | runs.stored    worktree, interpreter; or an earlier document
      -> comparison: the loop                      until every case has a verdict, or the time is over
           judging.course -> judging.procedure     which pair comes next, in which order
           measuring -> runs.running               a pair: `pytest benchmarks --ocr-case NAME` for each side
                        runs.figures               speed JSON -> figures of a run
           judging.procedure -> judging.verdict    at a look: interval, verdict, stop?
           record -> document -> files             comparisons/<name>.json, after every pair
      -> report: table, markdown                   and the exit code

    pytest --ocr-compare -> pytest_form            the same, one comparison per test
    --self-test -> self_test                       replays made-up and recorded runs through judging

| room      | contains                                                                          |
|-----------|-----------------------------------------------------------------------------------|
| judging   | order of the runs, intervals, looks, verdicts; pure computation                   |
| sides     | a side as given, and opened so that it can be run                                 |
| runs      | runs started, read, compared with each other; runs of an earlier comparison       |
| report    | lines while it runs, tables, Markdown, a section of the page of an output folder  |
| self_test | noise models, recorded runs, baselines: false alarms and power                    |
"""

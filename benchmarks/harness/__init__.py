"""The harness: from a selected case to its artifact. A map of its rooms; docs/architecture.md explains it.

    pytest process (no torch)            agent (several ranks) one process per rank (torch)
    -------------------------            --------------------- ----------------------------
    cases.MATRIX
      -> test_speed[case]
      -> controller.session
      -> controller.planning  = plan
      -> controller.launch    --plan.json--> worker.agent  --> worker.__main__
         controller.watchdog                                     -> worker.rank -> worker.set_up
           reads events      <--------- rank<N>.jsonl ---------  -> worker.speed | memory | convergence
         controller.diagnosis <-agent.json-  (exit codes)             worker.trainer, worker.clock, worker.probes
      -> results.speed.build  = artifact
      -> results.store        = validated file, index/<case>_speed
      -> report.summary       = line, table, pytest-benchmark
      -> the verdict of the test

| room       | runs in                | contains                                                             |
|------------|------------------------|----------------------------------------------------------------------|
| controller | the pytest process     | options, selection, launch, watchdog, diagnosis, output, train log   |
| worker     | the agent and the ranks| set-up, trainer, clock, one module per measurement, probes           |
| protocol   | all of them            | what travels between them: plan, events, records, reports, stages    |
| results    | pytest, gate, commands | the table of measurements, artifact types, schema, checks, files     |
| report     | pytest, gate, commands | tables, progress, pictures, the page                                 |

Imports go down only; `tox -e lint` checks it with import-linter (contracts in pyproject.toml):

    tests, commands -> controller -> report -> results -> protocol -> cases -> ocr_models
                                               worker  -> protocol -> cases -> ocr_models
"""

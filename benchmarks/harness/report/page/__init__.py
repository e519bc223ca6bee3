"""The page of a folder of artifacts: one HTML file that needs nothing else.

    folder.read_folder     the artifacts of a folder, and which files are none
      -> cases, speed, ... what a measurement shows of an artifact, as sections (`sections.py`)
      -> contents          all parts of the page, in their order
      -> render            HTML, from files/page.html.jinja, with style and script inside
      -> write             report.html

A measurement names its function in its record (`Measurement.page`). docs/page.md says how to add one.
"""

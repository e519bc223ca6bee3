"""From what the ranks reported to an artifact: the table of measurements, artifact types, schema, checks, files."""

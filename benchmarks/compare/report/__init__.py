"""A comparison for people: lines while it runs, tables, Markdown, a section of the page."""

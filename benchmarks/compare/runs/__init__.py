"""Runs of a side: started, read, compared with each other, kept from earlier."""

"""What travels between the processes of a case: plan, events, records. Standard library, msgspec and psutil only."""

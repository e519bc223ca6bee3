"""What a person sees: progress, tables, pictures, pytest-benchmark's statistics."""

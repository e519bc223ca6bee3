"""Image files: reading, what their headers and decoders say, and decoded images on disk."""

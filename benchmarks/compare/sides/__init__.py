"""What is compared: sides as given, and opened so that they can be run."""

"""Runs in the pytest process, which never imports torch: options, launch, supervision, artifacts."""

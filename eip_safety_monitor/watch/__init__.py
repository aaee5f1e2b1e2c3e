"""Whether nodes and signals are alive and make sense."""

"""The latched stop: what changes it, what is refused, what of it is on disk."""

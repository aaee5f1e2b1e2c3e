"""Watches hosts, accelerators and requests; raises alerts; shows all of it."""

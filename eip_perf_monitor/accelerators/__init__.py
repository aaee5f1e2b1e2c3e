"""Accelerators, one module per maker, behind one protocol."""

"""Measuring the judge: labelled sets, tables and pictures."""

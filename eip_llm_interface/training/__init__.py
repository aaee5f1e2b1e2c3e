"""Corpus, training and evaluation of the shipped model."""

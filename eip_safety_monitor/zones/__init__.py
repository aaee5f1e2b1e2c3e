"""Polygons on the floor and what holds in them."""

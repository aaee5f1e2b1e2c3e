"""A simulated kitchen with a robot and people in it."""

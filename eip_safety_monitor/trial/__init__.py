"""A stand-in for a robot and its operator, to try the two safety nodes as real processes."""

"""Which processes make a robot, how they are started, and a simulated robot to try them on."""

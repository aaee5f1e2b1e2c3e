"""From a command to a plan in the robot's own skills."""

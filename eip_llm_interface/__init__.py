"""The safety LLM: judges a command, plans it in the robot's skills, judges the plan."""

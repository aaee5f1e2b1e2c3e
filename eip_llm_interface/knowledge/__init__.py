"""Objects, actions, places and hazards: data, not code."""

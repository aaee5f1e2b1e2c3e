"""Hardware stop inputs: buttons on topics, GPIO lines, serial lines and joysticks."""

"""The independent safety monitor and the motion gate; never imports the language model."""

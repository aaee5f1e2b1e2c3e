"""How tokens are made: one protocol, several backends."""

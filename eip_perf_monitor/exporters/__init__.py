"""How other systems read what the monitor knows."""

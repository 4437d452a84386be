"""Files, servers and inspections that do harm or find out who was led astray."""

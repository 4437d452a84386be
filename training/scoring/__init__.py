"""The protocol: how every method is measured, and the report that says so."""

"""Networks that methods are made of."""

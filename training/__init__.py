"""The laboratory: pairs of SAR and optical images -> networks -> metrics -> a packaged model."""

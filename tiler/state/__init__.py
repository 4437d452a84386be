"""What the service keeps: rows, files, and the sandboxed look at a file."""

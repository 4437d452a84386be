"""The Processing algorithms, one a file."""

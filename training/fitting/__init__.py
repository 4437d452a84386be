"""The loop that fits a network: data, loss, descent, averages, checkpoints, log."""

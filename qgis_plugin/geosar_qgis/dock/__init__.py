"""The panel: connections, scenes, jobs, and what to look at."""

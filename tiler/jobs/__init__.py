"""Work in processes of its own: the queue, its runner, the worker, and the copies that tiles are made from."""

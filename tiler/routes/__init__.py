"""The routes, one subject a module, and the documents that they answer with."""

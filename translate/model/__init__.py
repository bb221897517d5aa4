"""A trained generator: its file, what runs it, and what uses it."""

"""Image files as arrays of their own values: one reader for training and for use, and writers that lose nothing."""

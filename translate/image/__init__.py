"""Image files as arrays of their own values: one reader for training and inference, and lossless writers."""

"""`translate compare`: which of several models or folders of outputs is better on the same images, and by how much."""

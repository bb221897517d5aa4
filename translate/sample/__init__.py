"""`translate sample`: samples by seed, interpolations, latent arithmetic, nearest training images."""

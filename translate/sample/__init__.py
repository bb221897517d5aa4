"""What `translate sample` does: pictures by number, interpolations, sums of latents, nearest training images."""

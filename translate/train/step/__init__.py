"""One round of training: gradients, optimizer steps, EMA, and the state of all these."""

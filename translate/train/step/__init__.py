"""One round of training: how gradients are got, and the step that follows."""

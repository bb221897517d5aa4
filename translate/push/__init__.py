"""`translate push`: a generator, its card and a sheet to the Hugging Face Hub."""

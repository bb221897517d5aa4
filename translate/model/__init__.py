"""Trained generators: their files, the engines that run them, Translator and Sampler."""

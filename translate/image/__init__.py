"""Pixels: reading, colour, sheets."""

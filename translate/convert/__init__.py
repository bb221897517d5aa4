"""Folders of images in, the same folders translated out."""

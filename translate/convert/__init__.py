"""`translate convert`: translates files and folders of images and videos."""

"""The objectives on points of a plane: `translate toy`."""

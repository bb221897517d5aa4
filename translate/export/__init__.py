"""Trained generators for use without this toolkit: ONNX files, torch programs; see docs/export.md."""

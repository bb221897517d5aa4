"""`translate export`: generators as ONNX files, torch programs and web pages; see docs/export.md."""

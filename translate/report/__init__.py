"""Reports of runs: one HTML file that shows what was trained, how it went and what came out."""

"""Images that hold measured values: read and written with their type, channels, unit, nodata value and coordinates."""

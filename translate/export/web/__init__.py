"""Export of a generator as a web page that translates in the browser; see docs/web.md."""

"""`translate web`: the pages of one model, or of all that come along."""

from pathlib import Path

from translate.export.web.build import build
from translate.export.web.site import build_site


def pages(model: str | None, folder: Path, direction: str | None) -> list[Path]:
    """Make `folder` and return its files; see `build` and `build_site`. model: None for all that come along."""
    return build(model, folder, direction) if model else build_site(folder)


def write(model: str | None, out: Path, direction: str | None) -> str:
    """Make `out`, and return the line to print."""
    files = pages(model, out, direction)
    size = sum(file.stat().st_size for file in files)
    return f"wrote {out}: {len(files)} files, {size / 1e6:.1f} MB; open {out / 'index.html'} in a browser"

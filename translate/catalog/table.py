"""The named data sets as a table in Markdown, for docs/data.md.

python -m translate.catalog.table
"""

from translate.catalog.names import recipes

START, END = "<!-- python -m translate.catalog.table -->", "<!-- end -->"


def table() -> str:
    """One line per set."""
    lines = ["| name | what | images | download | pairs with | may be passed on |", "|---|---|---|---|---|---|"]
    for name, recipe in recipes().items():
        partners = ", ".join(f"`{other}`" for other in recipe.goes_with) or "—"
        shared = "yes" if recipe.redistributable else "no"
        size = f"{recipe.bytes / 1e6:.0f} MB"
        lines.append(f"| `{name}` | {recipe.title} | {recipe.count:,} | {size} | {partners} | {shared} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())

"""Whether a generator may be published, by the licences of the sets that it was trained on."""

import re

from translate import catalog
from translate.errors import UserError

OWN_USE = re.compile(r"own experiments only|no terms for the images|states? no terms", re.IGNORECASE)
# What the sets' licence texts begin with → the Hub's name of the licence.
KNOWN = {
    "CC BY-SA 4.0": "cc-by-sa-4.0", "CC BY 4.0": "cc-by-4.0", "CC0": "cc0-1.0", "MIT": "mit",
    "Apache-2.0": "apache-2.0", "OFL": "ofl-1.1", "ISC": "isc",
}  # fmt: skip


def check(licences: dict[str, str], name: str) -> None:
    """UserError if a set's terms don't allow to publish what was made of it. licences: of the generator's file."""
    known = catalog.recipes()
    for data, text in licences.items():
        if OWN_USE.search(text) or (data in known and not known[data].redistributable):
            raise UserError(
                f"{name} was trained on {data}, whose terms don't let you publish it ({text.rstrip('.')}); push it "
                "with --private, or with --permitted if you have the right."
            )


def identifier(texts: list[str]) -> str:
    """The Hub's name of the licence, if all `texts` are of one that it knows; 'other', or 'unknown' without texts."""
    found = {next((short for start, short in KNOWN.items() if text.startswith(start)), "other") for text in texts}
    return found.pop() if len(found) == 1 else "other" if found else "unknown"

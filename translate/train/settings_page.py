"""docs/settings.md: every setting with its default and meaning, made from the settings classes themselves."""

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from translate.data.settings import DataSettings
from translate.modes import MODES
from translate.networks import DiscriminatorSettings, GeneratorSettings
from translate.train.settings import TrainSettings

HEAD = """# Settings

The settings in a run's `config.toml`, which `--set name=value` changes. A name may be shortened to its last part where
that is unambiguous: `--set lambda_cycle=5`. These are the classes' defaults; the mode and the preset override them, and
`translate train … --dry-run` prints the result.

Made by `python -m translate.train.settings_page > docs/settings.md`.
"""


def page() -> str:
    """The page in Markdown."""
    tables: dict[str, type[BaseModel]] = {"data": DataSettings, "generator": GeneratorSettings}
    tables |= {"discriminator": DiscriminatorSettings, "train": TrainSettings}
    parts = [HEAD]
    for name, model in tables.items():
        parts.append(table(name, f"[{name}]", model))
    for model in dict.fromkeys(mode.Settings for mode in MODES.values()):
        names = [name for name, mode in MODES.items() if mode.Settings is model]
        parts.append(table("mode_settings", f"[mode_settings] of mode {', '.join(names)}", model))
    return "\n".join(parts)


def table(prefix: str, title: str, model: type[BaseModel]) -> str:
    """The section of one settings class in Markdown."""
    rows = [f"## {title}\n", "| name | default | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        rows.append(f"| `{prefix}.{name}` | {default(field)} | {field.description} |")
    return "\n".join(rows) + "\n"


def default(field: FieldInfo) -> str:
    """A setting's default in Markdown; "automatic" where it depends on others."""
    value = field.default
    if value is None:
        return "automatic"
    if isinstance(value, tuple):
        value = list(value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    print(page(), end="")

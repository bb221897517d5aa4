"""Settings: pydantic models that read and write TOML, refuse what they don't know, and say so in one sentence."""

import difflib
import reprlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, ValidationError

from translate.errors import UserError
from translate.system.text import printable
from translate.system.untrusted import read_text

LETTERS = "abcdefghijkl"  # of the domains, in their order; a direction is such as a2b
SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 100


class Settings(BaseModel):
    """Base of every settings class: unknown names are errors, values are checked on assignment too.

    A field's `description` is its documentation: `translate train --help-settings` and config.toml show it.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True, frozen=False)

    @classmethod
    def parse(cls, values: dict[str, Any], source: str) -> Self:
        """Make settings of `values`; `source` names where they came from in the UserError when they don't fit."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise UserError(f"{source}: {explain(error, cls)}") from error

    def plain(self) -> dict[str, Any]:
        """As TOML can hold it: no None (TOML has no null: a missing name is None), paths as text."""
        return self.model_dump(mode="json", exclude_none=True)


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing wrong, in words: the setting's full name, what was given, what would be right."""
    first = error.errors()[0]
    path = [str(part) for part in first["loc"] if not str(part).startswith(("function-", "literal[", "constrained-"))]
    name = printable(".".join(path))[:100]
    if first["type"] == "extra_forbidden":
        owner: Any = model
        for part in path[:-1]:
            owner = owner.model_fields[part].annotation
        known = sorted(owner.model_fields)
        near = difflib.get_close_matches(path[-1], known, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(known)}."
        return f"there is no setting '{name}'; {hint}"
    if first["type"] == "missing":
        return f"the setting '{name}' is missing."
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if not name or isinstance(first["input"], dict):  # about several settings, which the message names
        return f"{message}."
    return f"'{name}' is {SHORT.repr(first['input'])}, but {printable(message)}."


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dict; UserError names the file and the line when it can't be read."""
    try:
        return tomllib.loads(read_text(path))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.") from error
    except RecursionError:
        raise UserError(f"{path} is not valid TOML: it is nested too deep.") from None
    except ValueError as error:  # TOMLDecodeError is one; so is a number of 5,000 digits
        why = printable(" ".join(str(error).split()))[:200]
        slashes = "hex value" in why or "escape" in why
        hint = "; write / or \\\\ for each backslash, or put the path into 'single quotes'" if slashes else ""
        raise UserError(f"{path} is not valid TOML: {why}{hint}.") from error


def to_toml(values: dict[str, Any]) -> bytes:
    return tomli_w.dumps(values).encode("utf-8")


def merge(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """`base` with `change` laid over it, table by table."""
    result = dict(base)
    for name, value in change.items():
        old = result.get(name)
        result[name] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def parse_assignment(text: str, model: type[BaseModel], renamed: Mapping[str, str] = {}) -> dict[str, Any]:
    """`key=value` of --set as a nested dict. The key is a full name (`mode_settings.lambda_cycle`) or an unambiguous
    last part of one (`lambda_cycle`); the value is read as TOML, and as plain text where it isn't TOML. renamed: old
    full names, or tables, that are read as their new ones."""
    name, equals, value = (part.strip() for part in text.partition("="))
    for old, new in renamed.items():
        if name in (old, old.rpartition(".")[2]):
            name = new
        elif name.startswith(f"{old}."):
            name = new + name[len(old) :]
    if not equals or not name:
        raise UserError(f"--set {text}: write it as name=value, for example --set lambda_cycle=5.")
    names = dict(leaves(model))
    full = [name] if name in names else [n for n in names if n.endswith(f".{name}")]
    if not full:
        near = difflib.get_close_matches(name, [*names, *(n.rsplit(".", 1)[-1] for n in names)], 3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known are: {', '.join(sorted(names))}."
        raise UserError(f"--set {text}: there is no setting '{name}'; {hint}")
    if len(full) > 1:
        raise UserError(f"--set {text}: '{name}' could be {' or '.join(full)}; give the full name.")
    try:
        parsed: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    for part in reversed(full[0].split(".")):
        parsed = {part: parsed}
    return parsed


def leaves(model: type[BaseModel], prefix: str = ""):
    """(full name, field) of every setting in `model` and the models inside it."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """Full name -> (old, new) of every setting that differs; None where one side has none."""
    changed: dict[str, tuple[Any, Any]] = {}
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict | None) and isinstance(after, dict | None) and before != after:
            changed |= differences(before or {}, after or {}, f"{prefix}{name}.")
        elif before != after:
            changed[prefix + name] = (before, after)
    return changed

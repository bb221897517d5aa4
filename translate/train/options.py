"""From the command line's options to the settings of a run: paper < preset < --config < options < --set."""

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from translate import catalog
from translate.errors import UserError
from translate.modes import DOMAINS, MODES
from translate.settings import LETTERS, merge, parse_assignment, read_toml
from translate.system.device import choose
from translate.train import teacher
from translate.train.build import settings_of
from translate.train.complete import complete
from translate.train.presets import PRESETS, automatic, preset
from translate.train.settings import (
    RENAMED,
    RunSettings,
    mode_defaults,
    mode_name,
    renamed,
    settings_class,
)

# Command-line options → the settings that they set.
OPTIONS = {
    "size": ("data", "size"),
    "batch": ("train", "batch"),
    "images": ("train", "images"),
    "lr": ("train", "lr"),
    "precision": ("train", "precision"),
    "device": ("train", "device"),
    "workers": ("train", "workers"),
    "seed": ("seed",),
    "labels": ("data", "labels"),
    "teacher": ("mode_settings", "teacher"),
    "direction": ("mode_settings", "direction"),
}


LARGE_SET = 10_000  # images
AUTO = "auto"  # --preset: the best of those there are


@dataclass
class Options:
    """The command line's options; None or empty where they are not used."""

    mode: str | None
    a: str | None
    b: str | None
    preset: str | None
    config: Path | None
    sets: list[str]
    init_from: str | None
    options: dict[str, Any]
    minutes: float | None = None
    domains: str | None = None  # names with commas between them, for modes of more than two

    def settings(self) -> RunSettings:
        """Complete settings, with no 'auto' left. UserError for anything unknown, impossible or missing.

        With --preset auto they are those of the device's preset; see `candidates`."""
        return self._settings(None if self.preset == AUTO else self.preset)

    def candidates(self) -> list[RunSettings]:
        """With --preset auto: the settings with each preset that has the mode and works with them; else []. The data's
        settings are those of the device's preset, so that one reading of the data serves all."""
        if self.preset != AUTO:
            return []
        common = self.settings()
        found = {common.preset: common}
        for name in (name for name, modes in PRESETS.items() if common.mode in modes):
            with suppress(UserError):  # such as a size that is too small for its networks
                found[name] = self._settings(name, common.data.model_dump())
        return list(found.values())

    def _settings(self, chosen: str | None, data: dict[str, Any] | None = None) -> RunSettings:
        """chosen: the preset; None: that of --config or of the device. data: the data's settings, instead of its."""
        config = renamed(read_toml(self.config)) if self.config else {}
        mode = self._mode(config)
        model = settings_class(mode)
        typed: dict[str, Any] = {
            name: value for name in ("a", "b", "init_from") if (value := getattr(self, name)) is not None
        }
        typed |= self._domains(mode)
        for name, value in self.options.items():
            typed = merge(typed, _nested(OPTIONS[name], value))
        for text in self.sets:
            typed = merge(typed, parse_assignment(text, model, RENAMED))
        self._check_length(typed)
        given = merge(config, typed)
        noise = MODES[mode].kind == "noise"
        taught: dict[str, Any] = {}
        if MODES[mode].taught:
            taught, given = teacher.origin(given)
        if given.get("more") and not MODES[mode].many:
            raise UserError(f"more than two domains are for --mode star, not {mode}.")
        for name in ("a", "b")[: DOMAINS[MODES[mode].kind]]:
            if not given.get(name):
                raise UserError(f"--{name} is missing: name a folder of images or a set from `translate data list`.")
        if noise and given.get("b"):
            raise UserError(f"--b {given['b']}: --mode {mode} makes images from noise and takes no --b.")
        source = f"{self.config}" if self.config else "the settings"
        # First the user's values only, so that an error message is about them.
        model.parse(merge(mode_defaults(mode), merge(given, {"mode": mode})), source)
        given = _anywhere(given)
        device = choose(given.get("train", {}).get("device", "auto"))
        chosen = chosen or config.get("preset")
        domains = [given["a"], given.get("b"), *given.get("more", [])]
        chosen = chosen or automatic(mode, device, small_images(*domains))
        origin = settings_of(given["init_from"], mode) if given.get("init_from") else {}
        discriminator = merge(origin, given).get("discriminator", {}).get("network")
        base = merge(mode_defaults(mode), preset(chosen, mode, discriminator))
        found = [catalog.resolve(name) for name in domains if name]
        named = [one for one in found if not isinstance(one, Path)]
        flips = [one.data["flip"] for one in named if "flip" in one.data]
        if noise and named:
            base = merge(base, {"data": named[0].data})
            if named[0].count >= LARGE_SET:  # D doesn't overfit these, and on MNIST augmentation made scores worse
                base = merge(base, {"mode_settings": {"diffaugment": []}})
        elif flips:  # such as characters, which aren't mirrored whatever the other domain is
            base = merge(base, {"data": {"flip": min(flips)}})
        base = merge(merge(base, taught), origin)
        fixed = {"mode": mode, "preset": chosen, "train": {"device": device}, **({"data": data} if data else {})}
        return complete(model.parse(merge(merge(base, given), fixed), source))

    def _check_length(self, typed: dict[str, Any]) -> None:
        """UserError unless --minutes and --preset auto fit together, and with the rest."""
        if self.preset == AUTO and self.minutes is None:
            raise UserError("--preset auto compares presets for a third of --minutes; give those, or name a preset.")
        if self.preset == AUTO and self.config:
            raise UserError(f"--preset auto: {self.config} has a preset's settings already; give one or the other.")
        if self.minutes is None:
            return
        if not 0 < self.minutes < math.inf:
            raise UserError(f"--minutes {self.minutes:g}: give the length of the training in minutes, such as 10.")
        if "images" in typed.get("train", {}):
            raise UserError("--images and --minutes both set the training's length; give one of them.")

    def _domains(self, mode: str) -> dict[str, Any]:
        """The settings that --domains sets. UserError where it doesn't fit."""
        if self.domains is None:
            return {}
        names = [name.strip() for name in self.domains.split(",") if name.strip()]
        if self.a or self.b:
            raise UserError("--domains names all domains, so leave --a and --b out.")
        if not MODES[mode].many:
            raise UserError(f"--domains is for --mode star; --mode {mode} takes --a and --b.")
        if not 2 <= len(names) <= len(LETTERS) or len(set(names)) < len(names):
            raise UserError(
                f"--domains {self.domains}: it should be from 2 to {len(LETTERS)} different folders or named sets with "
                "commas between them."
            )
        return {"a": names[0], "b": names[1], "more": names[2:]}

    def _mode(self, config: dict[str, Any]) -> str:
        name = self.mode or config.get("mode")
        if not name:
            raise UserError(f"--mode is missing: one of {', '.join(MODES)}.")
        if not isinstance(name, str):
            raise UserError(f"{self.config}: 'mode' is {name!r:.40}, but it should be one of {', '.join(MODES)}.")
        try:
            return mode_name(name)
        except KeyError:
            raise UserError(f"--mode {name}: there is no such mode; there are {', '.join(MODES)}.") from None


def _anywhere(given: dict[str, Any]) -> dict[str, Any]:
    """With folders and files as they are found from any working folder."""
    for name in ("a", "b"):
        if isinstance(given.get(name), str) and given[name]:
            given = merge(given, {name: catalog.identify(given[name])})
    if given.get("more"):
        given = {**given, "more": [catalog.identify(name) for name in given["more"]]}
    labels = given["data"].get("labels") if isinstance(given.get("data"), dict) else None
    if isinstance(labels, str) and labels not in ("", "auto"):
        given = merge(given, {"data": {"labels": catalog.absolute(labels)}})
    start = given.get("init_from")
    if isinstance(start, str) and Path(start).expanduser().exists():
        given = merge(given, {"init_from": catalog.absolute(start)})
    return given


def small_images(*names: str | None) -> bool:
    """Whether all are named sets of small images (emoji in PNG), for which 64 px is the right size."""
    found = [catalog.resolve(name) for name in names if name]
    return all(not isinstance(x, Path) and x.keys == "codepoints" and x.format == "png" for x in found)


def default_folder(settings: RunSettings) -> Path:
    """runs/<mode>-<a>-<b>, or without b"""
    names = [re.sub(r"[^\w.-]+", "_", Path(name).resolve().name if Path(name).exists() else name)
             for name in settings.domains]  # fmt: skip
    return Path("runs") / "-".join([settings.mode, *names])


def _nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for part in reversed(path):
        value = {part: value}
    return value

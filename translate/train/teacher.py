"""The teacher of a run that learns from a trained generator: its file, its network, and the settings that follow from
it. The run keeps the file's SHA-256, so that it is continued with the same teacher only."""

from pathlib import Path
from typing import Any

from torch import nn

from translate import catalog
from translate.data import Data, description
from translate.errors import UserError
from translate.image import rgb8
from translate.model import file as generator_file
from translate.model.description import direction_of
from translate.modes import MODES, Mode
from translate.networks.stage_features import macs
from translate.settings import LETTERS, merge
from translate.system.files import sha256
from translate.train.folder import run_settings
from translate.train.settings import RunSettings
from translate.values.domain import DomainType

OF_A_DEVICE = ("augment_on", "cache", "strict", "labels")  # data settings that say nothing about the images


def origin(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(settings that follow from the teacher, `given` with the teacher's place, direction and hash, and with the names
    of the domains that it was trained on where none are given). given: the user's settings. UserError without a teacher
    that can be used."""
    own = given.get("mode_settings") or {}
    if not (name := str(own.get("teacher") or "")):
        raise UserError("a teacher is missing: translate distill RUN, or --set teacher=RUN, names a trained generator.")
    _, about, path = generator_file.read(name)
    direction = direction_of(about, str(own.get("direction") or next(iter(about["directions"]))))
    entry = generator_file.entry(about, direction, path)
    source, target = direction.split("2")
    sides = {source: "a", target: "b"}
    run = run_settings(path.parent)
    found = run.data.plain() if run else data_of(about)
    data = {_renamed(name, sides): value for name, value in found.items() if name not in OF_A_DEVICE}
    if source != "a":  # these are of inputs only
        data.pop("label_map", None)
        data.pop("neighbours", None)
    paired, aligned = _pairs(run, about)
    names = dict(zip(LETTERS, run.domains, strict=False)) if run else _sets(entry, source, target)
    domains = {side: names[letter] for letter, side in sides.items() if letter in names}
    kept = {"teacher": catalog.absolute(name) if Path(name).expanduser().exists() else name}
    kept |= {"direction": direction, "teacher_sha256": sha256(path)}
    follows = {"data": data, "mode_settings": {"paired": paired, "aligned": aligned}}
    return follows, merge(merge(domains, given), {"mode_settings": kept})


def _sets(entry: dict[str, Any], source: str, target: str) -> dict[str, str]:
    """The domains of a file that lies in no run, where they are named sets."""
    names = {source: entry.get("from", ""), target: entry.get("to", "")}
    return {letter: name for letter, name in names.items() if name in catalog.recipes()}


def _renamed(name: str, sides: dict[str, str]) -> str:
    """The name of a data setting, such as range_b, for the side that the teacher's domain is in this run."""
    head, _, letter = name.rpartition("_")
    return f"{head}_{sides.get(letter, letter)}" if head and letter in ("a", "b") else name


def _pairs(run: RunSettings | None, about: dict[str, Any]) -> tuple[bool, bool]:
    """Whether the teacher's data are pairs, and whether these fit pixel by pixel."""
    if run:
        return MODES[run.mode].pairs(run.mode_settings)
    mode = MODES.get(about.get("mode", ""))
    return (mode.paired, mode.aligned) if mode else (False, True)


def load(settings: RunSettings) -> tuple[nn.Module, dict[str, Any]]:
    """(the teacher's network in evaluation mode, the description of its file). UserError if its channels are not the
    data's."""
    own = settings.mode_settings
    network, about, path = generator_file.load(own.teacher, own.direction)
    arguments = about["directions"][own.direction]["arguments"]
    wanted = arguments["in_channels"], arguments["out_channels"]
    if wanted != settings.channels[:2]:
        raise UserError(
            f"the teacher {path} translates images of {wanted[0]} channels to {wanted[1]}, but a and b have "
            f"{settings.channels[0]} and {settings.channels[1]}; name images of its domains with --a and --b."
        )
    return network.eval().requires_grad_(False), about


def compared(mode: Mode, settings: RunSettings) -> str:
    """A sentence about the size of the student and the teacher."""
    G, T = mode.networks["G"], mode.frozen["T"]
    costs = [macs(network, settings.channels[0], settings.data.size) for network in (T, G)]
    counts = [sum(weights.numel() for weights in network.parameters()) for network in (T, G)]
    height, width = settings.data.size
    (slow, quick), (many, few) = ((f"{cost / 1e9:.3g} GMAC" for cost in costs), (f"{n:,} parameters" for n in counts))
    return (
        f"Student: {few}, {quick} for an image of {height} x {width}; teacher: {many}, {slow}, which is "
        f"{counts[0] / counts[1]:.1f} and {costs[0] / costs[1]:.1f} times as many."
    )


def check(settings: RunSettings, data: Data) -> None:
    """UserError where the data have measured values of other ranges than the teacher's, or label maps of others."""
    about = generator_file.read(settings.mode_settings.teacher)[1]
    source, target = settings.mode_settings.direction.split("2")
    ours = description.values(data)
    for letter, side in ((source, "a"), (target, "b")):
        theirs, here = ((of.get("values") or {}).get(name) for of, name in ((about, letter), (ours, side)))
        theirs, here = (one if isinstance(one, dict) else None for one in (theirs, here))
        for part in ("low", "high", "channels", "neighbours"):
            was, now = ((one or {}).get(part) for one in (theirs, here))
            if was != now:
                raise UserError(
                    f"the teacher's domain {letter} has {part} = {was}, but the images of {side} have {now}: it would "
                    f"see other numbers than in its training; set data.range_{side} or the other settings as there."
                )
    if source == "a" and about.get("label_map") != ours.get("label_map"):
        raise UserError("the label maps of a have other classes than the teacher's; set data.label_map as there.")


def data_of(about: dict[str, Any]) -> dict[str, Any]:
    """The data settings that a generator file's description holds."""
    direction, entry = next(iter(about["directions"].items()))
    source, target = direction.split("2")
    channels = {source: entry["arguments"]["in_channels"], target: entry["arguments"]["out_channels"]}
    size = about.get("onnx", {}).get("fixed") or about.get("size", [256, 256])
    chosen = {"size": size, "background": "#{:02x}{:02x}{:02x}".format(*about.get("background", rgb8.WHITE))}
    # Older files don't say how images were resized; all presets but the papers' take lanczos.
    chosen |= {"fit": about.get("fit", "stretch"), "interpolation": about.get("interpolation", "lanczos")}
    chosen |= {f"channels_{side}": count for side, count in channels.items() if side in "ab"}
    for side, record in (about.get("values") or {}).items():
        chosen |= _of_type(side, record) if isinstance(record, dict) else {}
    return chosen


def _of_type(side: str, record: dict[str, Any]) -> dict[str, Any]:
    """The settings of a domain of measured values, from a generator file."""
    domain = DomainType.of({name: value for name, value in record.items() if name != "neighbours"})
    found = {f"range_{side}": f"{domain.low!r}:{domain.high!r}", f"channels_{side}": domain.channels}
    found |= {f"unit_{side}": domain.unit} | ({"neighbours": record["neighbours"]} if "neighbours" in record else {})
    return found | ({} if domain.nodata is None else {f"nodata_{side}": f"{domain.nodata:.17g}"})

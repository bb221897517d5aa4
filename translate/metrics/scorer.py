"""The scores of a training or evaluation, the one that selects the best model, and their protocol."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from translate.errors import UserError
from translate.metrics import inception, paired
from translate.metrics.distance import cosines
from translate.metrics.lite import Lite
from translate.metrics.measures import Measures, kid_name, lower_is_better
from translate.metrics.pixels import channels, check, fingerprint, size
from translate.metrics.score import Score
from translate.metrics.stlpips import STLPIPS
from translate.metrics.true_values import TrueValues
from translate.system.files import write_whole

REWARDS_BLUR = "rewards blur"
VERSION = 1  # of the protocol: raise it when a change moves the numbers; cached features of other versions are not used


class Scorer:
    """Scores outputs against real images; built once, called repeatedly during training.

    inputs      uint8 (N, H, W, C): images that are scored as a baseline, which `against` names: held-out source
                images ("doing nothing"), or for images from noise held-out real ones; None: no baseline
    references  uint8 (M, H, W, C): real images of the target domain, for the distances of distributions
    truth       uint8 (N, H, W, C): the true partners of the inputs, where they exist
    aligned     the pairs are aligned pixel by pixel (pix2pix), so L1, PSNR and SSIM are meaningful
    measured    the true partners' measured values, where the domain has such: L1, PSNR and SSIM are then of these, and
                MAE is in their unit; the networks see the images as shown
    unchanged   the inputs' values, where these can be compared with `measured`: doing nothing
    cache       folder for the features of references and inputs, so that they are computed only once; and where the
                Inception file is searched if $TRANSLATE_INCEPTION does not name it
    say         gets a sentence before slow work
    network     computes the features of KID and the cosine: lite2, which no discriminator uses; older runs were
                scored with lite0

    Building it is fast; the references' features are computed at the first `score` (or `prepare`). Uses no gradients,
    no autocast and no random numbers, and doesn't change the number of threads. C is 1 (repeated to 3) or 3.
    """

    missing: list[str]  # sentences: scores that can't be had here, and what to install
    optional: list[str]  # sentences: scores that need files which the user may supply

    def __init__(
        self,
        inputs: np.ndarray | None,
        references: np.ndarray,
        truth: np.ndarray | None = None,
        *,
        aligned: bool,
        against: str = "doing nothing",
        measured: TrueValues | None = None,
        unchanged: np.ndarray | None = None,
        device: torch.device | str = "cpu",
        cache: Path | None = None,
        say: Callable[[str], Any] = print,
        network: str = "lite2",
    ):
        self.inputs: Any = inputs
        self.references, self.truth, self.against = references, truth, against
        check(references, "references")
        sets = [some for some in (inputs, truth) if some is not None]
        for some, name in ((inputs, "inputs"), (truth, "truth")):
            if some is not None:
                check(some, name)
        if len(sets) == 2 and len(sets[0]) != len(sets[1]):
            raise ValueError(f"{len(sets[0])} inputs, but {len(sets[1])} true partners")
        self.measured, self.unchanged = measured, unchanged
        self.aligned, self.cache, self.say = aligned and truth is not None, cache, say
        self.missing, self.optional = [], []
        self.device = torch.device(device)
        self.extractors: list[Lite | inception.InceptionFeatures] = []
        self.stlpips: STLPIPS | None = None
        if min(len(some) for some in [*sets, references]) < 2:
            self.missing.append("KID needs at least two held-out images in each domain.")
        else:
            self._try(lambda: self.extractors.append(Lite(network, device)))
            if (weights := inception.find(cache)) is not None:
                self.extractors.append(inception.InceptionFeatures(weights, device, say))
            else:
                self.optional.append(inception.how_to_get(cache))
        if truth is not None:
            self._try(lambda: setattr(self, "stlpips", STLPIPS(device)))
        if not self.best_of():
            self.missing.append("No score chooses the best model here: the newest counts as the best.")
        self._prepared = False
        self._kept: dict[str, Tensor] = {}  # what was measured, by key
        self.features: dict[str, Tensor] = {}  # of the first extractor: "references", "inputs", "outputs" scored last
        self.distances: Tensor | None = None  # ST-LPIPS (N,) of the outputs scored last to their true partners
        self._baselines: dict[str, float] = {}

    def _try(self, build: Callable[[], Any]) -> None:
        """Run `build`; its UserError goes to `missing`, because training continues without scores."""
        try:
            build()
        except UserError as error:
            self.missing.append(str(error))

    def names(self) -> list[str]:
        """The names of the scores, with that of `best_of` first."""
        found, best = self._available(), self.best_of()
        return [best, *(name for name in found if name != best)] if best else found

    def best_of(self) -> str:
        """The name of the score that selects the best model, or "" if none is suitable: then the newest is the best.

        Not aligned: a distance of distributions, else ST-LPIPS; never L1, PSNR or SSIM, which reward blur there.
        """
        errors = [self.measured.mae] if self.measured else []
        order = (*errors, "ST-LPIPS", "SSIM", "L1") if self.aligned else ("KID-lite2", "KID-lite0", "KID", "ST-LPIPS")
        found = self._available()
        return next((name for name in order if name in found), "")

    def _available(self) -> list[str]:
        found = []
        for extractor in self.extractors:
            if extractor.name == "inception":
                found += ["FID", "KID"]
            else:
                found += [kid_name(extractor.name)] + [f"cosine-{extractor.name}"] * (self.truth is not None)
        if self.truth is not None:
            found += ["ST-LPIPS", "L1"] if self.stlpips else ["L1"]
            found += [self.measured.mae] if self.measured else []
            if self.aligned:
                found += ["PSNR", "SSIM"] if min(size(self.truth)) >= paired.WINDOW else ["PSNR"]
        return found

    def prepare(self) -> None:
        """Compute the references' features and the baseline. `score` calls it if necessary."""
        if self._prepared:
            return
        for one in self.extractors[:1]:
            self.features["references"] = self._cached(one, "the references", one.features, self.references)
        if (nothing := self.nothing()) is not None:
            self._baselines = nothing.scores()
            self._remember("inputs", nothing)
        self._prepared = True

    def score(self, outputs: np.ndarray, values: np.ndarray | None = None) -> list[Score]:
        """The scores of outputs uint8 (N, H, W, C), in the order of `names`. With truth, one output per input. values:
        the outputs' measured values, see `measured`."""
        self.prepare()
        measures = self.measure(outputs, values)
        self._remember("outputs", measures)
        self.distances = measures.values.get("ST-LPIPS")
        numbers, found = measures.scores(), []
        for name in self.names():
            note = REWARDS_BLUR if name in ("L1", "PSNR", "SSIM") and not self.aligned else ""
            lower = lower_is_better(name) is not False
            found.append(Score(name, numbers[name], len(outputs), self._baselines.get(name), lower, note, self.against))
        return found

    def _remember(self, what: str, measures: Measures) -> None:
        for features in list(measures.features.values())[:1]:
            self.features[what] = features

    def nothing(self) -> Measures | None:
        """The baseline: what is measured of the inputs, once; None where there is none, or of another size."""
        if self.inputs is None or (self.truth is not None and size(self.inputs) != size(self.truth)):
            return None
        return self.measure(self.inputs, self.unchanged, keep="the inputs")

    def measure(
        self, outputs: np.ndarray, measured: np.ndarray | None = None, *, keep: str = "", pairs: bool = True
    ) -> Measures:
        """Of outputs uint8 (N, H, W, C), one for each input where there is truth. measured: their values. keep: what
        these are; then their features are cached. pairs: whether they are compared with the truth, image by image."""
        truth = self.truth if pairs else None
        if truth is not None and len(check(outputs, "outputs")) != len(truth):
            raise ValueError(f"{len(outputs)} outputs for {len(truth)} inputs")
        if truth is not None and size(outputs) != size(truth):
            raise ValueError(f"outputs are {size(outputs)}, but their true partners {size(truth)}")
        features, references, values = {}, {}, {}
        for one in self.extractors:
            references[one.name] = self._cached(one, "the references", one.features, self.references)
            features[one.name] = self._cached(one, keep, one.features, outputs)
            if truth is not None and one.name != "inception":
                partners = self._cached(one, "the partners", one.features, truth)
                values[f"cosine-{one.name}"] = cosines(features[one.name], partners)
        if truth is not None:
            available = self._available()
            if self.stlpips:
                what = "the pairs" if keep else ""
                values["ST-LPIPS"] = self._cached(self.stlpips, what, self.stlpips.distances, outputs, truth).double()
            if self.measured:
                errors = {} if measured is None else self.measured.errors(measured)
                values |= {name: error for name, error in errors.items() if name in available}
                return Measures(features, references, values)
            for name, measure in {"L1": paired.l1, "PSNR": paired.psnr, "SSIM": paired.ssim}.items():
                if name in available:
                    values[name] = measure(outputs, truth)
        return Measures(features, references, values)

    def protocol(self) -> dict[str, Any]:
        """Everything that the numbers depend on, JSON-able, to be logged with them."""
        sets = {"inputs": self.inputs, "references": self.references, "truth": self.truth}
        return {
            "version": VERSION,
            "best": self.best_of(),
            "aligned": self.aligned,
            "device": str(self.device),
            "images": {
                name: {"n": len(x), "size": [*size(x), channels(x)], "sha256": fingerprint(x)}
                for name, x in sets.items()
                if x is not None
            },
            "networks": {one.name: one.protocol() for one in [*self.extractors, self.stlpips] if one},
            "kid": "unbiased MMD^2 over all pairs, kernel (x·y/d + 1)^3",
            "cosine": "of the features of an output and its true partner, mean over the pairs",
            "ssim": f"Gaussian window {paired.WINDOW}, sigma 1.5, windows wholly inside; mean over R, G, B",
            "psnr": f"mean over the images, at most {paired.PSNR_CAP:g} dB",
        }

    def _cached(self, network: Any, what: str, measure: Callable[..., Tensor], *images: np.ndarray) -> Tensor:
        """`measure(*images)`, or its cached result for the same pixels and network. what: the images in words; "" for
        outputs, which aren't cached."""
        if not what:
            return measure(*images)
        key = hashlib.sha256(f"{VERSION} {network.name} {network.sha256} {fingerprint(*images)}".encode()).hexdigest()
        if key in self._kept:
            return self._kept[key]
        path = self.cache / f"{network.name}-{key[:32]}.safetensors" if self.cache else None
        if path and path.is_file():
            with suppress(OSError, SafetensorError, KeyError):  # damaged: measured again and overwritten
                return self._kept.setdefault(key, load(path.read_bytes())["values"])
        self.say(f"measuring {what} once with {network.name}: {len(images[0])} images…")
        values = self._kept[key] = measure(*images)
        if path:
            try:
                write_whole(path, save({"values": values.contiguous()}))
            except UserError as error:
                self.say(f"{error} The scores go on without the cache.")
        return values

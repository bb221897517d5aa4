"""What was measured of one set of outputs, from which scores and their intervals follow."""

from dataclasses import dataclass, field

from torch import Tensor

from translate.metrics.distance import frechet, kid
from translate.metrics.intervals import Estimate, of_frechet, of_kid, of_mean
from translate.metrics.manifold import precision

HIGHER = ("PSNR", "SSIM", "cosine-", "precision-", "recall-", "back-PSNR")  # beginnings of names: the larger the better
NEUTRAL = ("change", "spread-")  # neither more nor less is better
DIGITS = {"PSNR": 2, "FID": 2, "KID-lite2": 4, "back-PSNR": 2}


@dataclass(frozen=True)
class Measures:
    """features: of the outputs, (N, d) by network; references: of the reference images, (M, d) by network.
    values: by score, one for each output, (N,); the score is their mean."""

    features: dict[str, Tensor] = field(default_factory=dict)
    references: dict[str, Tensor] = field(default_factory=dict)
    values: dict[str, Tensor] = field(default_factory=dict)

    def scores(self) -> dict[str, float]:
        """Each score by its name, without those that only an evaluation needs."""
        found: dict[str, float] = {}
        for network, own in self.features.items():
            found[kid_name(network)] = kid(own, self.references[network])
            if network == "inception":
                found["FID"] = frechet(own, self.references[network])
        return found | {name: float(values.double().mean()) for name, values in self.values.items()}

    def estimates(self) -> dict[str, Estimate]:
        """Each score with what its interval follows from; also precision and recall, whose intervals take the other
        set as given."""
        found: dict[str, Estimate] = {}
        for network, own in self.features.items():
            real = self.references[network]
            found[kid_name(network)] = of_kid(own, real)
            if network == "inception":
                found["FID"] = of_frechet(own, real)
            found[f"precision-{network}"] = of_mean(precision(own, real))
            found[f"recall-{network}"] = of_mean(precision(real, own), "references")
        return found | {name: of_mean(values) for name, values in self.values.items()}


def kid_name(network: str) -> str:
    return "KID" if network == "inception" else f"KID-{network}"


def lower_is_better(name: str) -> bool | None:
    """Of a score; None where neither is better, or where nothing is known of it."""
    known = (*HIGHER, *NEUTRAL, "KID", "FID", "ST-LPIPS", "L1", "MAE", "back-L1")
    if name.startswith(NEUTRAL) or not name.startswith(known):
        return None
    return not name.startswith(HIGHER)


def digits(name: str, value: float) -> str:
    """A score's value as text, with as many decimals as mean something."""
    if name.startswith("MAE"):  # in a unit of any size
        return f"{value:.4g}"
    places = DIGITS.get(name, 3)
    return f"{round(value, places) + 0.0:.{places}f}"  # + 0.0: no "-0.000"

"""The objectives of f-GAN as Nowozin et al. (2016) write them, for the tests of objectives."""

import math

# Output activation g_f and conjugate f* of Table 2; and f'(1).
TABLE_2 = {
    "kl": (lambda v: v, lambda t: math.exp(t - 1), 1),
    "reverse-kl": (lambda v: -math.exp(-v), lambda t: -1 - math.log(-t), -1),
    "pearson": (lambda v: v, lambda t: t**2 / 4 + t, 0),
    "hellinger": (lambda v: 1 - math.exp(-v), lambda t: t / (1 - t), 0),
    "jensen-shannon": (lambda v: math.log(2) - math.log(1 + math.exp(-v)), lambda t: -math.log(2 - math.exp(t)), 0),
}

GRADIENTS = {  # d loss / d logit for one real and one fake logit, and for G's
    "kl": (lambda d: -1.0, lambda d: math.exp(d - 1), lambda d: -1.0),
    "reverse-kl": (lambda d: -math.exp(-d), lambda d: 1.0, lambda d: -math.exp(-d)),
    "pearson": (lambda d: -1.0, lambda d: d / 2 + 1, lambda d: -1.0),
    "hellinger": (lambda d: -math.exp(-d), lambda d: math.exp(d), lambda d: -math.exp(-d)),
    "jensen-shannon": (lambda d: sigma(d) - 1, lambda d: sigma(d), lambda d: sigma(d) - 1),
}


def sigma(d: float) -> float:
    return 1 / (1 + math.exp(-d))


def formulas(real: list[float], fake: list[float]) -> dict[str, tuple[float, float]]:
    """objective -> (discriminator, generator): -E g_f(V(x)) + E f*(g_f(V(G))), and -E g_f(V(G))."""

    def mean(values) -> float:
        values = list(values)
        return sum(values) / len(values)

    return {
        name: (mean(conjugate(g(d)) for d in fake) - mean(g(d) for d in real), -mean(g(d) for d in fake))
        for name, (g, conjugate, _) in TABLE_2.items()
    }

"""Presets: tables of differences from the papers' settings, and the default preset of each device."""

from typing import Any

from translate.errors import UserError
from translate.metrics.weights import INSTALL
from translate.modes import MODES
from translate.networks.projected import has_weights
from translate.settings import merge

# Images from noise on two cores: half of the channels, smaller batches and larger steps.
SMALL_GAN: dict[str, Any] = {
    "data": {"size": [32, 32], "interpolation": "lanczos"},
    "generator": {"filters": 32},
    "discriminator": {"filters": 32},
    "mode_settings": {"diffaugment": ["color", "translation"]},  # D overfits sets of some 2,000 images
    "train": {"images": 100_000, "batch": 32, "lr": 5e-4, "ema": 0.995, "score_every": 25_000},
}
SMALL_CRITIC = merge(SMALL_GAN, {"mode_settings": {"k": 3, "diffaugment": []}})  # docs/log.md: worse with it
# Blocks cost more than a DCGAN's layers: one a resolution. γ is 0.05 at 32 px in the paper, for batches of 512: with
# that D was right on 97 % of the images here.
SMALL_R3GAN = merge(
    SMALL_GAN,
    {
        "generator": {"filters": 8, "blocks": 1},
        "discriminator": {"filters": 8, "layers": 1},
        "mode_settings": {"r1": 1.0, "r2": 1.0, "r1_every": 4},
        "train": {"images": 50_000, "score_every": 12_500},
    },
)
# Each of seven parts of the training at 32 px gets as many images; the smallest sizes need little time.
SMALL_PROGAN = merge(
    SMALL_GAN,
    {
        "generator": {"filters": 16},
        "discriminator": {"filters": 16},
        "mode_settings": {"latent": 64, "diffaugment": []},
        "train": {"images": 60_000, "lr": 1e-3, "score_every": 60_000},
    },
)
SMALL_BEGAN = merge(
    SMALL_GAN,
    {
        "generator": {"filters": 16},
        "discriminator": {"filters": 16},
        "mode_settings": {"diffaugment": []},
        "train": {"images": 60_000, "batch": 16, "score_every": 60_000},
    },
)
LARGE_GAN: dict[str, Any] = {
    "data": {"size": [64, 64], "interpolation": "lanczos"},
    "train": {"images": 3_000_000, "ema": 0.999},
}

# Training on two cores in ten minutes, found by search for `cycle`: docs/log.md. D sees through frozen features, and so
# finds differences of style that a PatchGAN of this size does not. G starts at the identity.
FROZEN: dict[str, Any] = {
    "data": {"size": [64, 64], "interpolation": "lanczos"},
    "generator": {
        "network": "light",
        "filters": 12,
        "downs": 3,
        "blocks": 3,
        "norm": "group",
        "padding": "reflect",
        "upsampling": "resize",
    },
    "discriminator": {"network": "projected", "filters": 64},
    "train": {"images": 8000, "batch": 4, "lr": 8e-4, "lr_d": 2e-4, "beta2": 0.99, "ema": 0.998},
}
# The weights of each mode's losses beside such a D. Searched for `cycle` only.
WEIGHTS: dict[str, dict[str, Any]] = {
    "cycle": {"lambda_cycle": 0.3, "lambda_identity": 0.0},
    "disco": {"lambda_cycle": 1.0},
    "cut": {"lambda_x": 0.3, "lambda_y": 0.0, "units": 64, "locations": 64},
    "fastcut": {"lambda_x": 0.3, "units": 64, "locations": 64},
    "registered": {"lambda_smooth": 5.0},
    "star": {"objective": "lsgan", "k": 1, "class_in_d": "projection", "lambda_reconstruction": 0.3},
}
# DualGAN's critics have clipped weights, which frozen features are not made for.
DUAL: dict[str, Any] = {
    "discriminator": {"network": "patch", "filters": 48, "layers": 2, "stop": 1, "norm": "none", "init": "kaiming"},
    "mode_settings": {"k": 2, "clip_weights": 0.05, "lambda_cycle": 10.0},
    "train": {"lr": 2e-4, "lr_d": 2e-4},
}
# The same modes on a GPU: wider networks, larger batches. Not searched.
WIDE: dict[str, Any] = {
    "generator": {"filters": 32, "blocks": 6},
    "train": {"images": 100_000, "batch": 16, "lr_d": 4e-4, "ema": 0.999},
}
# SPADE on two cores: small networks, one D, no spectral norm, and a little of L1, which a short training needs.
SMALL_SPADE: dict[str, Any] = {
    "data": {"size": [64, 64], "interpolation": "lanczos", "load": 1.0},
    "generator": {"filters": 8, "norm": "instance"},
    "discriminator": {
        "filters": 32,
        "layers": 2,
        "stop": 1,
        "norm": "none",
        "spectral_norm": False,
        "init": "kaiming",
    },
    "mode_settings": {"scales": 1, "lambda_l1": 10.0},
    "train": {"images": 16000, "batch": 8, "lr": 1e-3, "lr_d": 1e-3, "beta2": 0.99, "ema": 0.995, "score_every": 8000},
}
# SPADE on a GPU: instance norm and no spectral norm, so that batches don't matter. Not searched.
WIDE_SPADE: dict[str, Any] = {
    "generator": {"filters": 32, "norm": "instance"},
    "train": {"images": 400_000, "ema": 0.999},
}
# A student has no discriminator to keep up with: large steps, and as many images as a teacher allows.
STUDENT: dict[str, Any] = {"train": {"images": 24000, "batch": 8, "lr": 1e-3, "beta2": 0.99, "ema": 0.995}}
WIDE_STUDENT: dict[str, Any] = {"train": {"images": 400_000, "batch": 16, "lr": 1e-3, "ema": 0.999}}
# What replaces FROZEN's discriminator where its weights are not installed, or a PatchGAN is asked for.
PATCHGAN: dict[str, Any] = {
    "discriminator": {"network": "patch", "filters": 48, "layers": 2, "stop": 1, "norm": "none", "init": "kaiming"},
    "mode_settings": {"r1": 3.0},
    "train": {"lr_d": None},
}
PATCHGAN_WEIGHTS: dict[str, dict[str, Any]] = {"cycle": {"lambda_cycle": 1.0, "lambda_identity": 0.1}}


def _frozen(*changes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """mode → FROZEN with the mode's weights and the changes; dual has no frozen features."""
    tables = {mode: merge(FROZEN, {"mode_settings": weights}) for mode, weights in WEIGHTS.items()}
    tables["dual"] = merge(FROZEN, DUAL)
    for change in changes:
        tables = {mode: merge(table, change) for mode, table in tables.items()}
    return tables


# preset -> mode -> differences. `paper` has none.
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "paper": {mode: {} for mode in MODES},
    # Found by search for two cores and ten minutes: docs/log.md has what was tried.
    "cpu": {
        **_frozen(),
        "pix2pix": {
            "data": {"size": [64, 64], "interpolation": "lanczos", "load": 1.0},
            "generator": {
                "network": "light",
                "filters": 8,
                "downs": 4,
                "blocks": 3,
                "norm": "group",
                "padding": "reflect",
                "dropout": False,
                "upsampling": "resize",
                "inward_gradient": True,
            },
            "discriminator": {"filters": 32, "layers": 2, "stop": 1, "norm": "none", "init": "kaiming"},
            "mode_settings": {"objective": "lsgan", "lambda_l1": 100.0},
            "train": {
                "images": 24000,
                "batch": 8,
                "lr": 1e-3,
                "beta2": 0.99,
                "ema": 0.995,
                "score_every": 12000,
            },
        },
        "spade": SMALL_SPADE,
        "distill": STUDENT,
        "vanilla": {**SMALL_GAN, "generator": {}, "discriminator": {}},
        "dcgan": SMALL_GAN,
        "lsgan": SMALL_GAN,
        "hinge": SMALL_GAN,
        "wgan": merge(SMALL_CRITIC, {"train": {"lr": 3e-4, "images": 200_000, "score_every": 50_000}}),
        "wgan-gp": SMALL_CRITIC,
        "r3gan": SMALL_R3GAN,
        "progan": SMALL_PROGAN,
        "began": SMALL_BEGAN,
    },
    "gpu-64": {
        **_frozen(WIDE),
        "pix2pix": {
            "data": {"size": [64, 64], "interpolation": "lanczos"},
            "generator": {"norm": "instance", "upsampling": "resize"},
            "discriminator": {"norm": "instance"},
            "train": {"images": 400_000, "batch": 16, "ema": 0.999},
        },
        "distill": WIDE_STUDENT,
        "spade": merge(WIDE_SPADE, {"data": {"size": [64, 64], "interpolation": "lanczos"}, "train": {"batch": 16}}),
        **{mode: LARGE_GAN for mode, cls in MODES.items() if cls.kind == "noise"},
    },
    "gpu-128": {
        **_frozen(WIDE, {"data": {"size": [128, 128]}, "train": {"batch": 8}}),
        "pix2pix": {
            "data": {"size": [128, 128]},
            "generator": {"norm": "instance", "upsampling": "resize"},
            "discriminator": {"norm": "instance"},
            "train": {"images": 400_000, "batch": 8, "ema": 0.999},
        },
        "distill": WIDE_STUDENT,
        "spade": merge(WIDE_SPADE, {"data": {"size": [128, 128]}, "train": {"batch": 8}}),
    },
    "gpu-256": {
        **_frozen(WIDE, {"data": {"size": [256, 256]}, "train": {"batch": 4}}),
        "pix2pix": {
            "generator": {"norm": "instance", "upsampling": "resize"},
            "discriminator": {"norm": "instance"},
            "train": {"batch": 4, "ema": 0.999},
        },
        "distill": WIDE_STUDENT,
        "spade": merge(WIDE_SPADE, {"train": {"batch": 4}}),
    },
}


def preset(name: str, mode: str, discriminator: str | None = None) -> dict[str, Any]:
    """The differences that preset `name` makes to `mode`. discriminator: the network that is asked for; by default the
    preset's, or a PatchGAN where its weights are not installed."""
    if name not in PRESETS:
        raise UserError(f"--preset {name}: there is no such preset; there are {', '.join(PRESETS)}.")
    if mode not in PRESETS[name]:
        others = ", ".join(known for known, table in PRESETS.items() if mode in table)
        raise UserError(f"--preset {name} is not for --mode {mode}; there are {others}.")
    table = PRESETS[name][mode]
    if _is_projected(table) and (discriminator or ("projected" if has_weights() else "patch")) != "projected":
        return merge(merge(table, PATCHGAN), {"mode_settings": PATCHGAN_WEIGHTS.get(mode, {})})
    return table


def missing_weights(name: str, mode: str, discriminator: str) -> str:
    """A sentence where preset `name` goes without its discriminator, else ""."""
    if not _is_projected(PRESETS.get(name, {}).get(mode, {})) or discriminator == "projected" or has_weights():
        return ""
    return (
        f"The weights of preset {name}'s discriminator are not installed, so D is a PatchGAN, which often learns "
        f"nothing on unpaired images: {INSTALL}"
    )


def _is_projected(table: dict[str, Any]) -> bool:
    return table.get("discriminator", {}).get("network") == "projected"


def automatic(mode: str, device: str, small: bool) -> str:
    """The preset for a device ('cpu', 'cuda', 'mps') when none is named; paper where that has nothing for the mode.
    small: the data sets are emoji-sized."""
    name = "cpu" if device == "cpu" else "gpu-64" if small or MODES[mode].kind == "noise" else "gpu-256"
    return name if mode in PRESETS[name] else "paper"

"""Presets: tables of differences from the papers' settings, and the default preset of each device."""

from typing import Any

from translate.errors import UserError
from translate.modes import MODES
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
LARGE_GAN: dict[str, Any] = {
    "data": {"size": [64, 64], "interpolation": "lanczos"},
    "train": {"images": 3_000_000, "ema": 0.999},
}

# preset -> mode -> differences. `paper` has none.
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "paper": {mode: {} for mode in MODES},
    # Found by search for two cores and ten minutes: docs/log.md has what was tried.
    "cpu": {
        "cycle": {
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
            "discriminator": {"filters": 48, "layers": 2, "stop": 1, "norm": "none", "init": "kaiming"},
            "mode_settings": {"lambda_cycle": 1.0, "lambda_identity": 0.1, "r1": 3.0},
            "train": {"images": 7000, "batch": 4, "lr": 8e-4, "beta2": 0.99, "ema": 0.998},
        },
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
        "vanilla": {**SMALL_GAN, "generator": {}, "discriminator": {}},
        "dcgan": SMALL_GAN,
        "lsgan": SMALL_GAN,
        "hinge": SMALL_GAN,
        "wgan": merge(SMALL_CRITIC, {"train": {"lr": 3e-4, "images": 200_000, "score_every": 50_000}}),
        "wgan-gp": SMALL_CRITIC,
    },
    "gpu-64": {
        "cycle": {
            "data": {"size": [64, 64], "interpolation": "lanczos"},
            "generator": {"blocks": 6, "upsampling": "resize"},
            "train": {"images": 400_000, "batch": 16, "lr": 4e-4, "ema": 0.999},
        },
        "pix2pix": {
            "data": {"size": [64, 64], "interpolation": "lanczos"},
            "generator": {"norm": "instance", "upsampling": "resize"},
            "discriminator": {"norm": "instance"},
            "train": {"images": 400_000, "batch": 16, "ema": 0.999},
        },
        **{mode: LARGE_GAN for mode, cls in MODES.items() if cls.kind == "noise"},
    },
    "gpu-128": {
        "cycle": {
            "data": {"size": [128, 128]},
            "generator": {"blocks": 6, "upsampling": "resize"},
            "train": {"batch": 8, "ema": 0.999},
        },
        "pix2pix": {
            "data": {"size": [128, 128]},
            "generator": {"norm": "instance", "upsampling": "resize"},
            "discriminator": {"norm": "instance"},
            "train": {"images": 400_000, "batch": 8, "ema": 0.999},
        },
    },
    "gpu-256": {
        "cycle": {"generator": {"upsampling": "resize"}, "train": {"batch": 4, "ema": 0.999}},
        "pix2pix": {
            "generator": {"norm": "instance", "upsampling": "resize"},
            "discriminator": {"norm": "instance"},
            "train": {"batch": 4, "ema": 0.999},
        },
    },
}


def preset(name: str, mode: str) -> dict[str, Any]:
    """The differences that preset `name` makes to `mode`."""
    if name not in PRESETS:
        raise UserError(f"--preset {name}: there is no such preset; there are {', '.join(PRESETS)}.")
    if mode not in PRESETS[name]:
        others = ", ".join(known for known, table in PRESETS.items() if mode in table)
        raise UserError(f"--preset {name} is not for --mode {mode}; there are {others}.")
    return PRESETS[name][mode]


def automatic(mode: str, device: str, small: bool) -> str:
    """The preset for a device ('cpu', 'cuda', 'mps') when none is named; paper where that has nothing for the mode.
    small: the data sets are emoji-sized."""
    name = "cpu" if device == "cpu" else "gpu-64" if small or MODES[mode].kind == "noise" else "gpu-256"
    return name if mode in PRESETS[name] else "paper"

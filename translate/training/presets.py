"""Presets: tables of differences from the papers' settings, and the choice of one by device."""

from typing import Any

from translate.errors import UserError

# preset -> mode -> differences. `paper` has none.
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "paper": {"cycle": {}, "pix2pix": {}},
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
            "game": {"lambda_cycle": 1.0, "lambda_identity": 0.1, "r1": 3.0},
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
            "game": {"objective": "lsgan", "lambda_l1": 100.0},
            "train": {
                "images": 24000,
                "batch": 8,
                "lr": 1e-3,
                "beta2": 0.99,
                "ema": 0.995,
                "score_every": 12000,
            },
        },
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
    return PRESETS[name][mode]


def automatic(device: str, small: bool) -> str:
    """The preset for a device ('cpu', 'cuda', 'mps') when none is named. small: both data sets are emoji-sized."""
    if device == "cpu":
        return "cpu"
    return "gpu-64" if small else "gpu-256"

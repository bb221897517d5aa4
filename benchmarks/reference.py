"""pytorch-CycleGAN-and-pix2pix, or a fork of it, as a contender: its own models at our settings."""

import contextlib
import importlib
import io
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from cases import SEED, Case, LeftOut, build_mode, parameters, settings_of, tensors
from harness import Work

from translate.train.settings import RunSettings

MODELS = {"cycle": ("cycle_gan_model", "CycleGANModel"), "pix2pix": ("pix2pix_model", "Pix2PixModel")}


def options(settings: RunSettings) -> Namespace:
    """Its options that say what our settings say; LeftOut where it has no such thing."""
    s, g, d, t = settings, settings.generator, settings.discriminator, settings.train
    networks = {("resnet", 9): "resnet_9blocks", ("resnet", 6): "resnet_6blocks", ("unet", 8): "unet_256",
                ("unet", 7): "unet_128"}  # fmt: skip
    name = networks.get((g.network, g.depth if g.network == "unet" else g.blocks))
    same = (d.network, d.stop, g.norm, t.optimizer, t.ema, t.accumulate) == ("patch", 2, d.norm, "adam", 0, 1)
    if s.mode not in MODELS or not name or not same:
        raise LeftOut("the reference has no such networks or modes")
    chosen: dict[str, Any] = {
        "netG": name, "ngf": g.filters, "norm": g.norm, "no_dropout": not g.dropout,
        "netD": "n_layers", "ndf": d.filters, "n_layers_D": d.layers,
        "input_nc": s.data.channels[0], "output_nc": s.data.channels[1], "init_type": g.init, "init_gain": g.init_gain,
        "gan_mode": s.mode_settings.objective, "lr": t.lr, "beta1": t.beta1, "batch_size": t.batch,
    }  # fmt: skip
    if s.mode == "cycle":
        cycle, identity = s.mode_settings.lambda_cycle, s.mode_settings.lambda_identity
        chosen |= {"lambda_A": cycle, "lambda_B": cycle, "lambda_identity": identity, "pool_size": s.mode_settings.pool}
    else:
        chosen |= {"lambda_L1": s.mode_settings.lambda_l1, "pool_size": 0}
    return Namespace(
        **chosen, isTrain=True, direction="AtoB", preprocess="resize_and_crop", checkpoints_dir="", name="",
        gpu_ids=[0] if t.device == "cuda" else [], device=torch.device(t.device),
    )  # fmt: skip


def build(checkout: str, settings: RunSettings) -> tuple[Any, dict[str, torch.nn.Module]]:
    """(its model at our settings, its networks by name). LeftOut where it has no such thing."""
    chosen, device = options(settings), settings.train.device
    if not (Path(checkout) / "models" / "networks.py").is_file():
        raise LeftOut(f"{Path(checkout).name} has no models/networks.py: it is no checkout of the reference")
    file, name = MODELS[settings.mode]
    sys.path.insert(0, checkout)
    torch.manual_seed(SEED)
    with contextlib.redirect_stdout(io.StringIO()):
        model = getattr(importlib.import_module(f"models.{file}"), name)(chosen)
    networks = {}
    for name in model.model_names:
        network = getattr(model, f"net{name}")
        # Older ones wrap even for one GPU, newer ones don't: without is quicker. Newer ones move networks in setup().
        networks[name] = getattr(network, "module", network).to(device)
        setattr(model, f"net{name}", networks[name])
    return model, networks


def reference(checkout: str, case: Case, batch: int, device: str, sets: list[str]) -> Work:
    """A contender: its `set_input` and `optimize_parameters` on the tensors that ours is given."""
    settings = settings_of(case, batch, device, sets)
    model, networks = build(checkout, settings)
    theirs, own = parameters(networks), parameters(build_mode(settings).networks)
    if theirs != own:
        raise LeftOut(f"its networks have {theirs:,} parameters and ours {own:,}: not the same networks")
    batches = tensors(settings)

    def step() -> None:
        x, y = next(batches)
        model.set_input({"A": x, "B": y, "A_paths": [], "B_paths": []})
        model.optimize_parameters()

    matrix = "tf32" if device == "cuda" and torch.backends.cudnn.allow_tf32 else "fp32"
    return Work(step, device, {"precision": "fp32", "matrix": matrix, "parameters": theirs})

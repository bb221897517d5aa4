"""Largest difference between the outputs of pytorch-CycleGAN-and-pix2pix's networks and of ours, imported from them.

usage: python benchmarks/reference_parity.py CHECKOUT

CHECKOUT: a clone of junyanz/pytorch-CycleGAN-and-pix2pix, or a fork that kept models/networks.py. Its networks get
random weights and statistics, are saved as that program does, imported with `translate import`'s code, and both sides
translate the same noise in evaluation mode; then the way back: our file is written in its layout and loaded there.
"""

import argparse
import importlib.util
import itertools
import tempfile
from pathlib import Path

import torch

from translate.interop import junyanz
from translate.interop.importing import Options, import_checkpoint
from translate.model import file as generator_file
from translate.system.hashed_tensors import nest

# network, arguments, sizes
NETWORKS = [
    ("ResnetGenerator", {"n_blocks": 9, "ngf": 64}, [(256, 256), (128, 192)]),
    ("ResnetGenerator", {"n_blocks": 6, "ngf": 64}, [(128, 128), (64, 100)]),
    ("ResnetGenerator", {"n_blocks": 6, "ngf": 8}, [(128, 128), (64, 100)]),
    ("UnetGenerator", {"num_downs": 8, "ngf": 64}, [(256, 256), (256, 512)]),
    ("UnetGenerator", {"num_downs": 7, "ngf": 64}, [(128, 128), (384, 256)]),
    ("UnetGenerator", {"num_downs": 7, "ngf": 8}, [(128, 128), (384, 256)]),
]


def randomise(network: torch.nn.Module) -> None:
    """Weights that give outputs all over (-1, 1), and norms with statistics of their own."""
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2.0)
        elif name.endswith("running_mean"):
            tensor.normal_(0, 0.3)
        elif tensor.ndim == 1 and name.endswith("weight"):
            tensor.normal_(1, 0.2)
        elif tensor.ndim == 4:
            tensor.mul_(1.5)


@torch.inference_mode()
def compare(theirs: torch.nn.Module, sizes: list[tuple[int, int]], folder: Path) -> tuple[float, float, float]:
    """(spread of the outputs, largest difference of them, largest difference of the weights that come back)."""
    randomise(theirs.eval())
    torch.save(theirs.state_dict(), folder / "latest_net_G.pth")
    path = import_checkpoint(Options(str(folder / "latest_net_G.pth"), out=folder / "g.safetensors"), lambda line: None)
    tensors, description, _ = generator_file.read(path)
    ours = generator_file.build(description["directions"]["a2b"], nest(tensors, "a2b/"), path).eval()
    inputs = [torch.rand(1, 3, *size) * 2 - 1 for size in sizes]
    spread = theirs(inputs[0]).std().item()
    outputs = max((ours(x) - theirs(x)).abs().max().item() for x in inputs)
    [written] = junyanz.write(str(path), folder / "back")
    state, before = torch.load(written, weights_only=True), theirs.state_dict()
    theirs.load_state_dict(state)
    weights = max((state[name] - before[name]).abs().max().item() for name in before)
    return spread, outputs, weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    file = parser.parse_args().checkout / "models" / "networks.py"
    spec = importlib.util.spec_from_file_location("networks", file)
    if spec is None or spec.loader is None or not file.is_file():
        parser.error(f"there is no {file}")
    networks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(networks)
    torch.manual_seed(0)
    print(f"{'network':44} {'norm':9} {'dropout':8} {'spread':>6} {'outputs':>9} {'weights back':>13}")
    for (kind, arguments, sizes), norm, dropout in itertools.product(
        NETWORKS, ("instance", "batch", "none"), (False, True)
    ):
        layer = networks.get_norm_layer(norm)
        theirs = getattr(networks, kind)(3, 3, norm_layer=layer, use_dropout=dropout, **arguments)
        with tempfile.TemporaryDirectory() as folder:
            spread, outputs, weights = compare(theirs, sizes, Path(folder))
        words = ", ".join(f"{name}={value}" for name, value in arguments.items())
        print(f"{f'{kind}({words})':44} {norm:9} {dropout!s:8} {spread:6.2f} {outputs:9.1e} {weights:13.1e}")


if __name__ == "__main__":
    main()

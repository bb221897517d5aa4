"""The layout of pytorch-CycleGAN-and-pix2pix, written down as facts: names and shapes of its networks' tensors."""

import torch

Shapes = dict[str, tuple[int, ...]]
State = dict[str, torch.Tensor]


class Layout:
    """Collects names and shapes. Its rules: a convolution has a bias if no norm follows it or instance norm does (so
    with norm 'none' those in the middle have neither); instance norm leaves nothing in the file."""

    def __init__(self, norm: str):
        self.norm, self.shapes = norm, {}

    def convolution(self, name: str, shape: tuple[int, ...], after: int, normed: bool = True) -> None:
        self.shapes[f"{name}.weight"] = shape
        if not normed or self.norm == "instance":
            self.shapes[f"{name}.bias"] = (after,)

    def normalise(self, name: str, channels: int) -> None:
        if self.norm in ("batch", "syncbatch"):
            for kind in ("weight", "bias", "running_mean", "running_var"):
                self.shapes[f"{name}.{kind}"] = (channels,)
            self.shapes[f"{name}.num_batches_tracked"] = ()


def resnet(norm="instance", *, blocks=9, filters=64, channels=(3, 3), dropout=False) -> Shapes:
    layout, w = Layout(norm), filters
    for index, (before, after, kernel) in {1: (channels[0], w, 7), 4: (w, 2 * w, 3), 7: (2 * w, 4 * w, 3)}.items():
        layout.convolution(f"model.{index}", (after, before, kernel, kernel), after)
        layout.normalise(f"model.{index + 1}", after)
    for block in range(10, 10 + blocks):
        for index in (1, 6 if dropout else 5):
            layout.convolution(f"model.{block}.conv_block.{index}", (4 * w, 4 * w, 3, 3), 4 * w)
            layout.normalise(f"model.{block}.conv_block.{index + 1}", 4 * w)
    end = 10 + blocks
    for index, (before, after) in {end: (4 * w, 2 * w), end + 3: (2 * w, w)}.items():
        layout.convolution(f"model.{index}", (before, after, 3, 3), after)
        layout.normalise(f"model.{index + 1}", after)
    layout.convolution(f"model.{end + 7}", (channels[1], w, 7, 7), channels[1], normed=False)
    return layout.shapes


def unet(norm="batch", *, depth=8, filters=64, channels=(3, 3)) -> Shapes:
    layout = Layout(norm)
    widths = [filters * min(2**level, 8) for level in range(depth)]
    layout.convolution("model.model.0", (filters, channels[0], 4, 4), filters)
    name = "model.model.1.model"
    for level in range(1, depth):
        outer, inner = widths[level - 1], widths[level]
        innermost = level == depth - 1
        layout.convolution(f"{name}.1", (inner, outer, 4, 4), inner)
        if not innermost:
            layout.normalise(f"{name}.2", inner)
        layout.convolution(f"{name}.{3 if innermost else 5}", (inner if innermost else 2 * inner, outer, 4, 4), outer)
        layout.normalise(f"{name}.{4 if innermost else 6}", outer)
        name += ".3.model"
    layout.convolution("model.model.3", (2 * filters, channels[1], 4, 4), channels[1], normed=False)
    return layout.shapes


def patch(norm="instance", *, layers=3, filters=64, channels=3) -> Shapes:
    layout = Layout(norm)
    layout.convolution("model.0", (filters, channels, 4, 4), filters, normed=False)
    width = filters
    for number in range(layers):
        before, width = width, min(2 * width, 8 * filters)
        layout.convolution(f"model.{2 + 3 * number}", (width, before, 4, 4), width)
        layout.normalise(f"model.{3 + 3 * number}", width)
    layout.convolution(f"model.{2 + 3 * layers}", (1, width, 4, 4), 1, normed=False)
    return layout.shapes


def pixel(norm="instance", *, filters=64, channels=3) -> Shapes:
    layout = Layout(norm)
    layout.convolution("net.0", (filters, channels, 1, 1), filters, normed=False)
    layout.convolution("net.2", (2 * filters, filters, 1, 1), 2 * filters)
    layout.normalise("net.3", 2 * filters)
    layout.convolution("net.5", (1, 2 * filters, 1, 1), 1)
    return layout.shapes


def numbers(shapes: Shapes, seed: int = 0) -> State:
    """A state dict of such tensors, with weights and statistics that make a difference to the output."""
    random = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif name.endswith("running_var"):
            state[name] = 0.5 + torch.rand(shape, generator=random)
        else:
            scale = 1.0 if len(shape) == 1 else 0.3
            state[name] = scale * torch.randn(shape, generator=random)
    return state


def stale(shapes: Shapes) -> Shapes:
    """What old versions wrote beside an instance norm's network: statistics that nothing reads."""
    old = {}
    for name, shape in shapes.items():
        module, _, kind = name.rpartition(".")
        if kind == "bias":
            before, _, index = module.rpartition(".")
            norm = f"{before}.{int(index) + 1}"
            old |= {f"{norm}.running_mean": shape, f"{norm}.running_var": shape, f"{norm}.num_batches_tracked": ()}
    return old

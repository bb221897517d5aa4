"""log.jsonl: one JSON object a line for everything that is measured; TensorBoard events beside it if asked for."""

import json
import os
import platform
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import torch

import translate
from translate.errors import DISK, UserError
from translate.system import distributed
from translate.system.files import write_whole
from translate.system.untrusted import open_append, parse_object, read_bytes
from translate.train.step.trainer import Trainer


class Log:
    """Appends to `folder`/log.jsonl. Every line has `images`, the images seen when it was written, and `time`, in
    seconds since 1970."""

    def __init__(self, folder: Path, tensorboard: bool = False, images_seen: int = 0):
        self.path = folder / "log.jsonl"
        self._drop_after(images_seen)
        self.events = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                raise UserError(
                    'train.tensorboard is set, but it is not installed: pip install "imgtranslate[tensorboard]".'
                ) from None
            self.events = SummaryWriter(str(folder / "tensorboard"), purge_step=images_seen)

    def _drop_after(self, images_seen: int) -> None:
        """Drop the lines after the checkpoint, which a continued run repeats, and a truncated last line."""
        if not self.path.exists():
            return
        kept = []
        try:
            text = read_bytes(self.path).decode("utf-8", "replace")
        except OSError as error:
            raise UserError(f"{self.path} can't be read: {error.strerror}.", DISK) from error
        for line in text.splitlines():
            try:
                if parse_object(line)["images"] <= images_seen:
                    kept.append(line + "\n")
            except (ValueError, KeyError, TypeError):
                continue
        write_whole(self.path, "".join(kept).encode())

    def write(self, images: int, **values: Any) -> None:
        try:
            with open_append(self.path) as file:
                file.write(json.dumps({"images": images, "time": round(time.time(), 2), **values}) + "\n")
        except OSError as error:
            raise UserError(f"{self.path} could not be written: {error.strerror}.", DISK) from error

    def curves(self, images: int, values: dict[str, float]) -> None:
        """Write scalars to TensorBoard, if it is on."""
        if self.events:
            for name, value in values.items():
                self.events.add_scalar(name, value, images)

    def close(self) -> None:
        if self.events:
            self.events.close()


def environment(trainer: Trainer) -> dict[str, Any]:
    """The command, device, machine, threads, processes and versions, to reproduce numbers and to compare speeds."""
    name = torch.cuda.get_device_name() if trainer.device.type == "cuda" else trainer.device.type
    versions = {"translate": translate.__version__, "torch": torch.__version__, "python": platform.python_version()}
    threads = trainer.gradients.count
    typed = sys.argv[1:] if sys.argv[1:2] == ["train"] else []  # nothing where Python code began the training
    return {
        **({"command": shlex.join(["translate", *typed])} if typed else {}),
        "device": name,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "threads": torch.get_num_threads(),
        "batch_threads": threads,
        "ranks": distributed.world_size(),
        "versions": versions,
    }

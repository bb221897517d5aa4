"""Interprets the pickles of a state dict with placeholders: nothing is run, imported or allocated."""

import itertools
import mmap
import pickletools
from dataclasses import dataclass
from typing import Any

STEPS = 500_000  # limit of opcodes; a checkpoint of four networks with optimizers has about 60,000

# Bytes per number of each storage type. Storages of GPUs are named torch.cuda.FloatStorage and so on.
SIZES = {1: "Byte Char Bool", 2: "Half BFloat16 Short", 4: "Float Int", 8: "Double Long"}
STORAGES = {
    f"{module} {kind}Storage": size
    for module in ("torch", "torch.cuda")
    for size, kinds in SIZES.items()
    for kind in kinds.split()
}
DICTIONARY = "collections OrderedDict"
TENSORS = ("torch._utils _rebuild_tensor", "torch._utils _rebuild_tensor_v2")
PARAMETER = "torch._utils _rebuild_parameter"
GLOBALS = {*STORAGES, DICTIONARY, *TENSORS, PARAMETER}

VALUES = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING"}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}


class Foreign(Exception):
    """A file refers to something that weights don't need; the message is its name."""


class Name(str):
    """A global that a pickle refers to, as 'module name'."""


@dataclass(frozen=True)
class Storage:
    """A declared storage: the count of its numbers and the bytes of each."""

    length: int
    size: int


class Pickles:
    """Interprets one pickle after another, with only the opcodes that torch's weights_only reader supports.

    storages: those declared so far, by key.
    """

    def __init__(self, content: mmap.mmap):
        self.content = content
        self.storages: dict[str, Storage] = {}

    def follow(self) -> Any:
        """The next pickle's object. Numbers, strings, lists and tuples have their values, dictionaries are empty,
        tensors are None. Raises Foreign, ValueError or another exception of the parser on an invalid pickle."""
        stack: list[Any] = []
        below: list[list[Any]] = []
        memo: dict[int, Any] = {}
        code: Any
        value: Any
        for code, value, _ in itertools.islice(pickletools.genops(self.content), STEPS):  # type: ignore[arg-type]
            match code.name:
                case "PROTO":
                    pass
                case "STOP":
                    return stack.pop()
                case name if name in VALUES:
                    stack.append(value)
                case name if name in CONSTANTS:
                    stack.append(CONSTANTS[name])
                case "GLOBAL":
                    if value not in GLOBALS:
                        raise Foreign(value.replace(" ", "."))
                    stack.append(Name(value))
                case "BINPUT" | "LONG_BINPUT":
                    memo[value] = stack[-1]
                case "BINGET" | "LONG_BINGET":
                    stack.append(memo[value])
                case "EMPTY_LIST":
                    stack.append([])
                case "EMPTY_DICT":
                    stack.append({})
                case "MARK":
                    below.append(stack)
                    stack = []
                case "TUPLE":
                    items, stack = stack, below.pop()
                    stack.append(tuple(items))
                case "TUPLE1" | "TUPLE2" | "TUPLE3":
                    count = int(code.name[-1])
                    stack[-count:] = [tuple(stack[-count:])]
                case "APPEND":
                    item = stack.pop()
                    stack[-1].append(item)
                case "APPENDS":
                    items, stack = stack, below.pop()
                    stack[-1].extend(items)
                case "SETITEM":
                    del stack[-2:]
                case "SETITEMS":
                    stack = below.pop()
                case "REDUCE":
                    arguments = stack.pop()
                    stack.append(self._call(stack.pop(), arguments))
                case "BUILD":  # only for a state dict's _metadata: on a tensor it could enlarge the tensor
                    stack.pop()
                    if not isinstance(stack[-1], dict):
                        raise ValueError("it changes something that is no dictionary")
                case "BINPERSID":
                    stack.append(self._storage(stack.pop()))
                case name:
                    raise Foreign(f"the pickle instruction {name}")
        raise ValueError(f"a pickle in it takes more than {STEPS:,} steps")

    def _call(self, function: Any, arguments: Any) -> Any:
        match function, arguments:
            case Name(), tuple() if function == DICTIONARY:
                return {}
            case Name(), (parameter, *_) if function == PARAMETER:
                return parameter
            case Name(), (Storage() as storage, offset, tuple(shape), tuple(strides), *_) if function in TENSORS:
                self._check_tensor(storage, offset, shape, strides)
                return None
        raise ValueError("it calls a function in an unknown way")

    def _check_tensor(self, storage: Storage, offset: Any, shape: tuple[Any, ...], strides: tuple[Any, ...]) -> None:
        numbers = (offset, *shape, *strides)
        if len(shape) != len(strides) or not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise ValueError("a tensor in it is malformed")
        if max(numbers) > len(self.content):
            raise ValueError(f"a tensor in it asks for {max(numbers):,} numbers, more than the file has bytes")
        end = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True)) + 1
        if all(shape) and end > storage.length:
            raise ValueError(f"a tensor in it asks for {end:,} numbers of {storage.length:,}")

    def _storage(self, declared: Any) -> Storage:
        match declared:
            case ("storage", Name() as kind, str() as key, str(), int() as length, None) if kind in STORAGES:
                storage = Storage(length, STORAGES[kind])
            case _:
                raise ValueError("a storage in it is malformed")
        if not key.isascii():  # torch decodes other letters differently, so keys equal here may differ there
            raise ValueError("a storage in it has no ordinary key")
        if not 0 <= length * storage.size <= len(self.content):
            raise ValueError(f"it declares {length:,} numbers, more than the file has bytes")
        if self.storages.setdefault(key, storage) != storage:
            raise ValueError("it declares a storage in two ways")
        return storage

"""Latent arithmetic from text: "mean(1,2,3) - mean(4,5) + 0.5 * 6". Integers are seeds, decimals are weights.

The text is parsed with `ast`, and no code in it is run.
"""

import ast
import math
import operator
import warnings
from dataclasses import dataclass, field

import torch
from torch import Tensor

from translate.errors import UserError
from translate.model.sampler import latents
from translate.system.text import printable

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
RULES = "it may have seeds (1), weights (0.5), + - * /, mean(1, 2, 3) and parentheses"
MAX_LENGTH = 500  # characters


@dataclass
class Expression:
    """A sum of latents. value: the sum (length,). means: for each mean, in order, its seeds and value (length,).
    seeds: the seeds outside of means."""

    text: str
    length: int
    value: Tensor = field(init=False)
    means: list[tuple[list[int], Tensor]] = field(init=False, default_factory=list)
    seeds: list[int] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """UserError that names the part that is not valid."""
        self.text = self.text.strip()
        if len(self.text) > MAX_LENGTH:
            raise UserError(f"--expr has {len(self.text):,} characters; {MAX_LENGTH} are the most.")
        try:
            with warnings.catch_warnings(action="ignore"):  # SyntaxWarnings about the text
                tree = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            offset = error.offset if isinstance(error, SyntaxError) else None
            rest = printable(self.text[offset - 1 :][:20]) if offset else ""
            place = f" from '{rest}' on" if rest else ""
            raise UserError(f"--expr '{printable(self.text)}' can't be read{place}: {RULES}.") from None
        value = self._of(tree, self.seeds)
        if not isinstance(value, Tensor):
            raise self._wrong(tree, "is a weight, not a latent: whole numbers are seeds")
        if not torch.isfinite(value).all() or not value.any():
            raise UserError(
                f"--expr '{printable(self.text)}' comes to nothing (all zero or not finite), which is no latent."
            )
        self.value = value

    def _of(self, node: ast.expr, seeds: list[int]) -> Tensor | float:
        """The node's value, a latent or a weight; its seeds are added to `seeds`."""
        match node:
            case ast.Constant(value=int(number)) if type(number) is int:
                if number >= 2**63:
                    raise self._wrong(node, "is too large for a seed")
                if number not in seeds:
                    seeds.append(number)
                return latents([number], self.length)[0]
            case ast.Constant(value=float(number)) if math.isfinite(number):
                return number
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -self._of(inner, seeds)
            case ast.UnaryOp(op=ast.UAdd(), operand=inner):
                return self._of(inner, seeds)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                return self._joined(node, op, self._of(left, seeds), self._of(right, seeds))
            case ast.Call(func=ast.Name(id="mean"), args=[_, *_] as parts, keywords=[]):
                return self._mean(node, parts)
        raise self._wrong(node, f"is not understood: {RULES}")

    def _joined(self, node: ast.expr, op: ast.operator, left: Tensor | float, right: Tensor | float) -> Tensor | float:
        both = [isinstance(side, Tensor) for side in (left, right)]
        if isinstance(op, ast.Add | ast.Sub) and both[0] != both[1]:
            raise self._wrong(node, "adds a weight and a latent; whole numbers are seeds, decimals are weights")
        if isinstance(op, ast.Mult) and all(both):
            raise self._wrong(node, "multiplies two latents; a weight has a decimal point, as 2.0")
        if isinstance(op, ast.Div) and (both[1] or right == 0):
            raise self._wrong(node, "divides by 0 or by a latent; a weight has a decimal point, as 2.0")
        return OPERATORS[type(op)](left, right)

    def _mean(self, node: ast.expr, parts: list[ast.expr]) -> Tensor:
        seeds: list[int] = []
        place = len(self.means)  # a mean inside of this one comes after it
        values = [self._of(part, seeds) for part in parts]
        for part, value in zip(parts, values, strict=True):
            if not isinstance(value, Tensor):
                raise self._wrong(part, "is a weight, and a mean is of latents; whole numbers are seeds")
        mean = torch.stack([value for value in values if isinstance(value, Tensor)]).mean(0)
        if not mean.any():
            raise self._wrong(node, "comes to nothing, which is no latent")
        self.means.insert(place, (seeds, mean))
        return mean

    def _wrong(self, node: ast.expr, what: str) -> UserError:
        part = ast.get_source_segment(self.text, node) or self.text
        return UserError(f"--expr '{printable(self.text)}': '{printable(part)}' {what}.")

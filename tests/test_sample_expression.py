"""Sums of latents: what is understood is computed, what isn't is pointed at, and nothing of the text is run."""

import pytest
import torch

from translate.errors import UserError
from translate.model.sampler import latents
from translate.sample.expression import Expression

LENGTH = 12


def z(seed: int) -> torch.Tensor:
    return latents([seed], LENGTH)[0]


RIGHT = [
    ("7", lambda: z(7)),
    ("mean(1, 2, 3) - mean(4,5) + mean(6,7)", lambda: (z(1) + z(2) + z(3)) / 3 - (z(4) + z(5)) / 2 + (z(6) + z(7)) / 2),
    ("1 + 0.5 * (2 - 3)", lambda: z(1) + 0.5 * (z(2) - z(3))),
    ("-4 / 2.0", lambda: -z(4) / 2),
    ("+mean(mean(1, 2), 3)", lambda: ((z(1) + z(2)) / 2 + z(3)) / 2),
    ("(1.0 - 0.25) * 5 + 0.25 * 6", lambda: 0.75 * z(5) + 0.25 * z(6)),
    (" 9223372036854775807 ", lambda: z(2**63 - 1)),
]


@pytest.mark.parametrize(("text", "wanted"), RIGHT, ids=[text for text, _ in RIGHT])
def test_what_is_right_is_computed(text, wanted):
    assert torch.allclose(Expression(text, LENGTH).value, wanted(), atol=1e-6)


def test_it_says_what_it_is_made_of():
    found = Expression("mean(1,2) + 3 - mean(mean(4,5), 6) + 3", LENGTH)
    assert found.seeds == [3]
    assert [seeds for seeds, _ in found.means] == [[1, 2], [6], [4, 5]]
    assert torch.allclose(found.means[0][1], (z(1) + z(2)) / 2)


WRONG = [
    ("2 * 3", "'2 * 3' multiplies two latents; a weight has a decimal point"),
    ("mean(1,2) / 2", "'mean(1,2) / 2' divides by 0 or by a latent"),
    ("1 / 0.0", "'1 / 0.0' divides by 0"),
    ("1 + 0.5", "'1 + 0.5' adds a weight and a latent"),
    ("0.5", "'0.5' is a weight, not a latent"),
    ("mean(0.5, 1)", "'0.5' is a weight, and a mean is of latents"),
    ("1 - 1", "comes to nothing"),
    ("mean(1, -1) + 2", "'mean(1, -1)' comes to nothing"),
    ("1 + smile", "'smile' is not understood: it may have seeds (1)"),
    ("mean()", "'mean()' is not understood"),
    ("mean(1, weight=2)", "'mean(1, weight=2)' is not understood"),
    ("mean(*[1, 2])", "'*[1, 2]' is not understood"),
    ("1 ** 2", "'1 ** 2' is not understood"),
    ("True", "'True' is not understood"),
    ("1j", "'1j' is not understood"),
    ("1e999 * 1", "'1e999' is not understood"),
    ("'\\d'", "is not understood"),
    ("9223372036854775808", "is too large for a seed"),
    ("1 2", "can't be read from '2' on"),
    ("mean(1, 2", "can't be read from '(1, 2' on"),
    ("", "can't be read: it may have"),
    ("1; 2", "can't be read from '; 2' on"),
    ("(" * 400, "can't be read"),
    ("é\ud800\n", "can't be read"),
    ("1" + "+1" * 300, "has 601 characters; 500 are the most"),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG, ids=[ascii(text)[:20] for text, _ in WRONG])
def test_what_is_wrong_is_pointed_at(text, sentence, recwarn):
    with pytest.raises(UserError) as caught:
        Expression(text, LENGTH)
    said = str(caught.value)
    assert sentence in said
    assert said.startswith("--expr")
    assert said.isprintable()
    assert not recwarn.list


def test_nothing_is_run(tmp_path):
    place = tmp_path / "made"
    for text in (f"open({str(place)!r}, 'w')", f"__import__('pathlib').Path({str(place)!r}).touch()"):
        with pytest.raises(UserError, match="is not understood"):
            Expression(text, LENGTH)
    assert not place.exists()

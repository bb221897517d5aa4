"""TIFF of every layout is read as it is meant, or refused by name; never otherwise."""

import collections

import numpy as np
import pytest
import tiff_files
from tiff_files import Case, every_case

from translate.image import picture, rgb8, tiff, tiff_layout
from translate.image.picture import Picture

CASES = list(every_case())
SOME = [case for number, case in enumerate(CASES) if number % 23 == 0]


def read(case: Case) -> Picture | str:
    """The picture, or why it is refused; a sound file is never called damaged."""
    try:
        found = picture.parse(tiff_files.file(case))
    except rgb8.ImageError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert "kind that can't be read" in refusal or tiff.EXTRA in refusal, (case, refusal)
        return refusal
    colours, alpha = tiff_files.truth(case)
    peak = picture.PEAKS[found.colours.dtype.name]
    assert peak == {8: 255, 32: 1}.get(case.bits, 65535), case
    step = {8: 1 / 255, 12: 1 / 65535, 16: 1 / 65535, 32: 1e-6}[case.bits]
    # How bright an associated colour is that is nearly transparent, few levels say.
    sure = alpha[..., None] > 0.1 if alpha is not None and case.extra == tiff_layout.ASSOCIATED else 1
    assert found.colours.shape == colours.shape, case
    assert (np.abs(found.colours / peak - colours) * sure).max() <= (10.1 if case.extra == 1 else 0.6) * step, case
    assert (found.alpha is None) == (alpha is None), case
    assert alpha is None or np.abs(found.alpha / peak - alpha).max() <= 0.6 * step, case
    return found


@pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in SOME])
def test_some_of_the_matrix(case):
    read(case)


@pytest.mark.slow
def test_the_whole_matrix():
    refused = collections.Counter()
    for case in CASES:
        found = read(case)
        if isinstance(found, str):
            refused[(case.bits, case.samples, case.photometric, case.extra)] += 1
    # What is refused has samples that are no colours: several that nobody named.
    assert all(samples > (3 if photometric == 2 else 1) + 1 for _, samples, photometric, _ in refused), refused
    assert len(CASES) - sum(refused.values()) > 1000


@pytest.mark.slow
def test_without_the_extra_it_is_read_rightly_or_refused_by_name(monkeypatch):
    monkeypatch.setattr(tiff, "science", lambda: False)
    read_rightly = [case for case in CASES if not isinstance(read(case), str)]
    assert {case.bits for case in read_rightly} == {8, 16, 32}

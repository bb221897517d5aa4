"""Bad input: one clear sentence, the documented exit code, nothing written, no traceback."""

import errno
import os
from pathlib import Path

import pytest
from small import draw_folders, run_verb

from translate.modes import MODES

TRAIN = ["train", "--mode", "cycle"]


def run(monkeypatch, capsys, *words: str) -> tuple[int, str]:
    """(exit code, what was printed to stderr) of `translate WORDS`."""
    code, _, said = run_verb(monkeypatch, capsys, *words)
    return code, said


@pytest.fixture
def here(tmp_path, monkeypatch, pictures):
    """An empty folder to work in, with a cache of its own and no way to fetch anything."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    for number in range(9):
        (tmp_path / "broken" / f"x{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "file.txt").write_text("hello")
    (tmp_path / "bad.toml").write_text("mode = \n")
    (tmp_path / "typo.toml").write_text('mode = "cycle"\na = "x"\nb = "y"\n[train]\nlearning_rate = 1.0\n')
    draw_folders(tmp_path / "own", 4)
    os.symlink(pictures[0], tmp_path / "lines")
    os.symlink(pictures[1], tmp_path / "filled")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRANSLATE_CACHE", str(tmp_path / "cache"))
    return tmp_path


AB = ["--a", "lines", "--b", "filled"]
NOISE = ["train", "--mode", "dcgan", "--a", "lines"]
CASES = [
    # (words, exit code, what the sentence says)
    (["train"], 2, f"--mode is missing: one of {', '.join(MODES)}"),
    (["train", "--mode", "cycel", *AB], 2, f"--mode cycel: there is no such mode; there are {', '.join(MODES)}"),
    ([*TRAIN, "--a", "lines"], 2, "--b is missing: name a folder of images or a set"),
    ([*TRAIN, "--a", "windows_emojis", "--b", "filled"], 2, "windows_emoji"),
    ([*TRAIN, "--a", "empty", "--b", "filled"], 2, "empty"),
    (
        [*TRAIN, "--a", "broken", "--b", "filled"],
        2,
        "broken has no usable image to train on; the first that was left out: ",
    ),
    ([*TRAIN, "--a", "file.txt", "--b", "filled"], 2, "file.txt"),
    ([*TRAIN, *AB, "--preset", "fast"], 2, "--preset fast: there is no such preset; there are paper, cpu"),
    ([*TRAIN, *AB, "--size", "big"], 2, "'data.size' is 'big', but should be a number such as 256"),
    ([*TRAIN, *AB, "--size", "2"], 2, "height and width should be from 4 to 8192"),
    (
        [*TRAIN, *AB, "--size", "16", "--set", "discriminator.network=patch", "--set", "discriminator.layers=4"],
        2,
        "16x16 is too small for discriminator.layers",
    ),
    ([*TRAIN, *AB, "--batch", "0"], 2, "'train.batch' is 0, but input should be greater than or equal to 1"),
    ([*TRAIN, *AB, "--lr", "-1"], 2, "'train.lr' is -1.0, but input should be greater than 0"),
    ([*TRAIN, *AB, "--precision", "fp8"], 2, "'train.precision' is 'fp8', but input should be 'auto', 'fp32'"),
    ([*TRAIN, *AB, "--precision", "fp16", "--device", "cpu"], 2, "fp16 works on CUDA only"),
    ([*TRAIN, *AB, "--device", "tpu"], 2, "'train.device' is 'tpu', but input should be 'auto', 'cpu'"),
    ([*TRAIN, *AB, "--set", "lambda_cycel=3"], 2, "there is no setting 'lambda_cycel'; did you mean lambda_cycle"),
    ([*TRAIN, *AB, "--set", "filters=3"], 2, "'filters' could be generator.filters or discriminator.filters"),
    ([*TRAIN, *AB, "--set", "lambda_cycle"], 2, "write it as name=value"),
    ([*TRAIN, *AB, "--set", "lambda_cycle=-1"], 2, "'mode_settings.lambda_cycle' is -1"),
    (
        [*TRAIN, *AB, "--set", "objective=began"],
        2,
        "known objectives are: minimax, vanilla, lsgan, hinge, wgan, wgan-gp",
    ),
    (
        [*TRAIN, *AB, "--set", "mode_settings.objective=hinge", "--set", "label_smoothing=0.1"],
        2,
        "hinge has no labels to smooth",
    ),
    ([*TRAIN, *AB, "--set", "channels_a=1", "--set", "lambda_identity=0.5"], 2, "identity loss needs as many channels"),
    ([*TRAIN, "--config", "nowhere.toml"], 2, "nowhere.toml does not exist"),
    ([*TRAIN, "--config", "bad.toml"], 2, "bad.toml is not valid TOML"),
    ([*TRAIN, "--config", "typo.toml"], 2, "there is no setting 'train.learning_rate'"),
    ([*TRAIN, *AB, "--init-from", "nowhere"], 2, "there is no model 'nowhere'"),
    ([*TRAIN, *AB, "--init-from", "file.txt"], 5, "file.txt is not a file of this toolkit"),
    ([*TRAIN, *AB, "--out", "file.txt"], 2, "file.txt is a file; name a folder"),
    ([*TRAIN, *AB, "--out", "empty/../own"], 2, "is not a run folder (it holds"),
    (["train", "--mode", "pix2pix", "--a", "lines", "--b", "empty"], 2, "empty"),
    ([*NOISE, "--b", "lines"], 2, "--b lines: --mode dcgan makes images from noise and takes no --b"),
    ([*NOISE, "--set", "generator.network=unet"], 2, "generator.network = unet is not for --mode dcgan; there are mlp"),
    ([*TRAIN, *AB, "--set", "generator.network=mlp"], 2, "network = mlp is not for --mode cycle; there are resnet"),
    ([*NOISE, "--size", "30"], 2, "to 28, 32, 48, 64, 96 or 128 for example; they can't make 30 x 30"),
    ([*NOISE[:2], "wgan-gp", *NOISE[3:], "--set", "discriminator.norm=batch"], 2, "use --set discriminator.norm=none"),
    ([*NOISE, "--set", "gradient_penalty=10"], 2, "batch norm makes each depend on all others"),
    ([*TRAIN, *AB, "--labels", "auto"], 2, "labels=auto is for GANs"),
    ([*NOISE, "--labels", "auto"], 2, "labels=auto takes the names of sub-folders for classes, but"),
    ([*NOISE, "--labels", "nowhere.csv"], 2, "nowhere.csv does not exist"),
    ([*NOISE, "--preset", "gpu-256"], 2, "--preset gpu-256 is not for --mode dcgan; there are paper, cpu, gpu-64"),
    ([*NOISE, "--set", "objective=began"], 2, "known objectives are: minimax, vanilla, lsgan, hinge, wgan, wgan-gp"),
    ([*NOISE[:2], "hinge", *NOISE[3:], "--set", "soft_labels=true"], 2, "hinge has no labels to change"),
    ([*NOISE, "--set", "diffaugment=colour"], 2, "'mode_settings.diffaugment"),
    (["data", "show", "nonesuch"], 2, "nonesuch"),
    (["data", "show", "empty"], 2, "that can be read"),
    (["data", "fetch", "lines"], 2, "lines is a folder already"),
]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(("words", "code", "sentence"), CASES, ids=lambda value: str(value)[:60])
def test_one_sentence_and_an_exit_code(words, code, sentence, here, monkeypatch, capsys):
    before = tree(here)
    ended, said = run(monkeypatch, capsys, *words)
    assert sentence in said
    assert ended == code
    assert said.startswith("error: ")
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
    assert tree(here) == before, "nothing is written"


def test_usage_errors_of_the_command_line_end_with_2(here, monkeypatch, capsys):
    for words in (["train", "--nonsense"], ["fly"], [*TRAIN, "--batch", "many"]):
        ended, said = run(monkeypatch, capsys, *words)
        assert ended == 2
        assert "Traceback" not in said


def test_nan_stops_the_run_and_names_what_was_seen(here, monkeypatch, capsys):
    """A learning rate of 1e30: the run stops in that step, with the last good checkpoint kept."""
    tiny = ["generator.filters=4", "blocks=1", "generator.network=resnet", "discriminator.filters=4", "layers=1"]
    sets = [word for text in tiny for word in ("--set", text)]
    words = [*TRAIN, *AB, "--size", "16", "--images", "400", "--batch", "2", "--lr", "1e30", "--out", "run", *sets]
    ended, said = run(monkeypatch, capsys, *words, "--device", "cpu")
    assert ended == 4
    assert "training diverged: the " in said
    assert "became NaN or infinite in step" in said
    assert ".png" in said
    assert "last good checkpoint is kept (000000000.safetensors)" in said
    from translate.system import hashed_tensors

    state, _ = hashed_tensors.read(here / "run" / "checkpoints" / "000000000.safetensors")
    assert all(value.isfinite().all() for value in state.values())


def test_a_bug_of_ours_shows_its_traceback_and_ends_with_1(monkeypatch, capsys):
    monkeypatch.setattr("translate.catalog.recipes", lambda: 1 / 0)
    ended, said = run(monkeypatch, capsys, "data", "list")
    assert ended == 1
    assert "ZeroDivisionError" in said
    assert "this is a bug in translate" in said


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_failing_disk_without_a_files_name_is_no_bug(monkeypatch, capsys, number):
    def fails():
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("translate.catalog.recipes", fails)
    ended, said = run(monkeypatch, capsys, "data", "list")
    assert (ended, said.count("\n"), said.startswith("error: the disk fails: ")) == (74, 1, True)


def test_a_place_that_cannot_be_written_is_one_sentence(here, monkeypatch, capsys):
    (here / "plain").write_text("a file where a folder should be")
    words = [*TRAIN, *AB, "--size", "16", "--images", "8", "--out", "plain/run", "--device", "cpu"]
    ended, said = run(monkeypatch, capsys, *words)
    assert ended == 74
    assert "can't be written to" in said
    assert "Traceback" not in said

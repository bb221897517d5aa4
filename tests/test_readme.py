"""The words are true: every command of the README and the docs is understood, every file they point to exists."""

import re
import shlex
from pathlib import Path

import pytest

from translate import catalog
from translate.train import settings_page

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands() -> list[str]:
    """Every `translate …` command in a code block or after && in one."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                for part in line.split("&&"):
                    if part.strip().startswith("translate "):
                        found.append(part.partition("#")[0].strip())
    return sorted(set(found))


@pytest.mark.parametrize("command", commands())
def test_commands_are_understood(command, tmp_path, monkeypatch):
    """Parsed by the real command line up to the settings; the training itself is left out."""
    import sys

    from translate.cli import main

    monkeypatch.chdir(tmp_path)
    for name in ("my_photos", "my_paintings", "mr", "ct", "letters/regular", "letters/handwriting"):
        (tmp_path / name).mkdir(parents=True)
    started = []
    _stand_in(monkeypatch, started)
    for verb in ("start", "dry_run"):
        monkeypatch.setattr(
            f"translate.train.run.{verb}", lambda settings, folder, s=started, **more: s.append(settings)
        )
    words = shlex.split(command)
    if "--config" in words:
        from translate.settings import to_toml
        from translate.train.options import Options

        settings = Options("cycle", "my_photos", "my_paintings", None, None, [], None, {"device": "cpu"}).settings()
        path = tmp_path / words[words.index("--config") + 1]
        path.parent.mkdir(parents=True)
        path.write_bytes(to_toml(settings.plain()))
    monkeypatch.setattr("translate.check.run.check", started.append)
    monkeypatch.setattr("translate.catalog.own_fonts.draw", lambda *words: started.append(words) or {})
    verbs = (
        "train",
        "evaluate",
        "compare",
        "convert",
        "sample",
        "report",
        "distill",
        "toy",
        "export",
        "import",
        "web",
        "zoo",
        "push",
    )
    if words[1] in verbs or words[1:3] in (["data", "check"], ["data", "glyphs"]):
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as leaving:
            main()
        assert not leaving.value.code
        assert len(started) == 1
    else:
        assert words[1:2] == ["data"]
        assert words[2] in ("list", "show", "fetch")
        assert all(name in catalog.recipes() for name in words[3:])


def _stand_in(monkeypatch, started: list) -> None:
    """What the other verbs call once their words are understood."""
    import translate.compare.run
    import translate.convert.run
    import translate.evaluate.run
    import translate.export.run
    import translate.export.web.run
    import translate.export.web.serve
    import translate.interop.importing
    import translate.push.run
    import translate.report.run
    import translate.sample.run
    import translate.toy.run
    import translate.zoo.run

    def checked(options: translate.export.run.Options) -> list[str]:
        options.check()
        started.append(options)
        return []

    def serve(server, port) -> None:
        started.append(port)
        raise SystemExit(0)

    monkeypatch.setattr("translate.export.run.export", checked)
    monkeypatch.setattr("translate.convert.run.convert", started.append)
    monkeypatch.setattr("translate.sample.run.sample", started.append)
    monkeypatch.setattr("translate.report.run.report", lambda options, departures: started.append(options))

    def evaluated(options, say):
        started.append(options)
        return {"directions": {}}, options.out

    monkeypatch.setattr("translate.evaluate.run.run", evaluated)
    monkeypatch.setattr("translate.compare.run.run", lambda options, say: (evaluated(options, say)[0], []))
    monkeypatch.setattr("translate.toy.run.toy", lambda *words, **named: started.append(words))
    monkeypatch.setattr("translate.interop.importing.import_checkpoint", lambda options: started.append(options))
    monkeypatch.setattr("translate.export.web.serve.Server.__init__", serve)
    monkeypatch.setattr("translate.export.web.run.write", lambda *words: started.append(words))
    monkeypatch.setattr("translate.push.run.push", started.append)
    for name in ("rows", "card"):
        monkeypatch.setattr(f"translate.zoo.run.{name}", lambda *words: started.append(words) or [])


def test_there_are_commands():
    assert any("windows_emoji" in command for command in commands())
    assert len(commands()) >= 6


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} points to {target}"


def test_the_map_names_what_is_there():
    tree = (ROOT / "README.md").read_text(encoding="utf-8").split("```text")[1].split("```")[0]
    for name in re.findall(r"^ {0,2}([\w.]+[/\w]*\.?\w*)", tree, re.MULTILINE):
        assert (ROOT / name).exists() or (ROOT / "translate" / name).exists(), name


def test_settings_page_is_up_to_date():
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == settings_page.page()


def test_nothing_but_licence_clean_pictures_is_committed():
    """Pictures in the repository are of OpenMoji, Fluent, free icons and fonts, points of a plane, or digits that a GAN
    made."""
    suffixes = {".png", ".jpg", ".jpeg", ".webp", ".gif"}
    free = ("openmoji", "fluent", "icons", "phosphor", "hanzi", "toy", "mnist")
    skipped = {".git", ".venv", "runs", "build", "dist", "datasets"}
    for path in ROOT.rglob("*"):
        if path.suffix.lower() in suffixes and not skipped & set(path.relative_to(ROOT).parts):
            assert path.stem.startswith(free), path

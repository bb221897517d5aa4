"""What pip and npm say when they fail, or are missing, is one sentence with the reason."""

import sys

import pytest
from data_files import make_recipe, silent, vendor_wheel

from translate import catalog
from translate.catalog import download
from translate.errors import UNAVAILABLE, UserError

pytestmark = pytest.mark.usefixtures("cache")


def test_without_pip_or_npm_one_sentence(monkeypatch, tmp_path):
    recipe = make_recipe(vendor_wheel())
    monkeypatch.setattr(download.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"fetched with pip, which this environment doesn't have; install .*==1\.0"
    ) as e:
        catalog.fetch(recipe, silent)
    assert e.value.code == UNAVAILABLE
    monkeypatch.setenv("PATH", str(tmp_path))
    npm = recipe.model_copy(update={"kind": "npm", "file": "set-1.0.tgz"})
    with pytest.raises(UserError, match=r"npm, which is not installed; install Node\.js"):
        catalog.fetch(npm, silent)


def test_what_the_client_says_is_passed_on(monkeypatch):
    recipe = make_recipe(vendor_wheel())
    failing = [sys.executable, "-c", "import sys; sys.exit('WARNING: slow\\nERROR: no matching distribution')"]
    run = download._run
    monkeypatch.setattr(download.importlib.util, "find_spec", lambda name: object())  # an environment of uv has no pip
    monkeypatch.setattr(download, "_run", lambda recipe, client, command: run(recipe, client, [*failing, *command[1:]]))
    with pytest.raises(UserError, match="pip said “ERROR: no matching distribution”") as caught:
        catalog.fetch(recipe, silent)
    assert caught.value.code == UNAVAILABLE


NPM = """npm error code ENOTFOUND
npm error errno ENOTFOUND
npm error network request to https://registry.example/x failed, reason: getaddrinfo ENOTFOUND registry.example
npm error network This is a problem related to network connectivity.
npm error A complete log of this run can be found in: /home/me/.npm/_logs/1-debug-0.log"""
GONE = """npm error code E404
npm error 404 Not Found - GET https://registry.example/x - Not found
npm error A complete log of this run can be found in: /home/me/.npm/_logs/1-debug-0.log"""


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (NPM, "failed, reason: getaddrinfo ENOTFOUND registry.example"),
        (GONE, "404 Not Found - GET"),
        ("WARNING: slow\nERROR: \x1b[31mno", r"ERROR: \x1b[31mno"),
        ("", "no message"),
    ],
)
def test_npms_real_reason_is_passed_on(said, reason):
    assert reason in download._reason(said)

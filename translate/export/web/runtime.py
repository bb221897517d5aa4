"""The page's runtime, onnxruntime-web: downloaded once with the user's npm, verified and cached."""

from collections.abc import Callable

from translate.catalog import cache_folder, download
from translate.catalog.archive import ArchiveError, files
from translate.catalog.recipe import Archive
from translate.errors import DISK, UNAVAILABLE, UserError

RUNTIME = Archive(
    kind="npm",
    name="onnxruntime-web",
    package="onnxruntime-web",
    version="1.30.0",
    file="onnxruntime-web-1.30.0.tgz",
    sha256="d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71",
    bytes=33_106_585,
    licence="MIT, Microsoft Corporation.",
)


def take(package: Archive, *names: str, say: Callable[[str], None] = print) -> dict[str, bytes]:
    """The contents of the package's files `names`: downloaded the first time, from the cache afterwards.

    UserError: exit code 69 when the download fails or the package is invalid, 74 when the cache can't be written.
    """
    try:
        path = download.archive(package, cache_folder() / "archives", say)
        found = dict(files(path, set(names).__contains__))
    except ArchiveError as error:
        raise UserError(f"{package.name}: {package.file} is refused because it {error}.", UNAVAILABLE) from error
    except OSError as error:
        raise UserError(
            f"{package.name} can't be kept in {cache_folder()}: {error.strerror or error}. "
            "Free some space there, or set TRANSLATE_CACHE to another folder.",
            DISK,
        ) from error
    return {name: found[name] for name in names}


def fetch(say: Callable[[str], None] = print) -> tuple[bytes, bytes, bytes]:
    """(script, glue, wasm): the classic script `ort`, the module that it imports, and the WebAssembly program.

    The smallest build, for the CPU only: those with WebGPU are twice as large, and the generators are small.
    """
    names = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
    found = take(RUNTIME, *(f"package/dist/{name}" for name in names), say=say)
    script, glue, wasm = found.values()
    return script, glue, wasm

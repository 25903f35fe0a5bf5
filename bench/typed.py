# SPDX-License-Identifier: Apache-2.0
"""Two versions of libcrypto with debug information, compiled from the archive's sources.

The archive's own debug information is in another archive, which few machines know. What
was compiled stays in a folder of the build: it takes minutes.
"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "test", "archive"))
import archive  # noqa: E402
import sources  # noqa: E402
from archive import Missing  # noqa: E402

# The compiler that Debian 12 builds with, at its level.
FLAGS = ["linux-x86_64", "shared", "no-tests", "-g", "-O2"]


def compiled(version):
    """libcrypto.so.3 of a version, compiled in a copy of its source.

    In the source's own folder, so that the names of files are the same in both, as they
    are in two builds of a distribution."""
    folder = os.path.join(archive.BUILD, "bench", "openssl-" + version.replace("~", "-"))
    library = os.path.join(folder, "libcrypto.so.3")
    if os.path.exists(library):
        return library
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sources.fetch("openssl", version), folder, symlinks=True)
    print(f"compiling openssl {version}, some minutes", file=sys.stderr)
    with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
        for command in (["perl", "Configure", *FLAGS], ["make", "build_generated"],
                        ["make", f"-j{os.cpu_count()}", "libcrypto.so.3"]):
            if subprocess.run(command, cwd=folder, stdout=log, stderr=log,
                              check=False).returncode:
                raise Missing(f"openssl {version} does not compile: see {folder}/log")
    return library


def pair():
    """The two newest versions whose sources are served, old and new."""
    found = []
    for version in reversed(archive.versions("openssl")):
        try:
            sources.served("openssl", version)
        except Missing:
            continue
        found.append(version)
        if len(found) == 2:
            return [compiled(version) for version in reversed(found)]
    raise Missing("the archive does not serve the sources of two versions of openssl")

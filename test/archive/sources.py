# SPDX-License-Identifier: Apache-2.0
"""Source packages, from the archive that apt knows.

The lists of sources are kept in a folder of the build, made from what apt has for
binaries: the system's own configuration stays as it is.
"""
import functools
import os
import re
import shutil
import tempfile

import archive
from archive import Missing

# Of all files of a source package together.
SIZE_LIMIT = 128 << 20
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"


@functools.lru_cache(maxsize=None)
def options():
    """What apt-get must be told to look into lists of sources."""
    folder = os.path.join(archive.CACHE, "sources")
    os.makedirs(f"{folder}/lists/partial", exist_ok=True)
    os.makedirs(f"{folder}/cache/archives/partial", exist_ok=True)
    done = archive.run(["apt-get", "indextargets", "--format",
                        "$(REPO_URI) $(RELEASE) $(COMPONENT)",
                        "Created-By: Packages", "Origin: Debian"])
    signed = f"[signed-by={KEYS}] " if os.path.exists(KEYS) else ""
    with open(f"{folder}/list", "w", encoding="utf-8") as file:
        for line in sorted(set(done.stdout.splitlines())):
            file.write(f"deb-src {signed}{line}\n")
    told = [f"-oDir::Etc::sourcelist={folder}/list", "-oDir::Etc::sourceparts=-",
            f"-oDir::State::lists={folder}/lists", f"-oDir::Cache={folder}/cache",
            "-oAPT::Sandbox::User=root"]
    archive.run(["apt-get", *told, "update", "-q"])
    return tuple(told)


def describe(source, version, folder):
    """Fetch a version's description into a folder, or say that it is not served.

    A source that takes more than SIZE_LIMIT counts as not served."""
    done = archive.run(["apt-get", *options(), "source", "--download-only", "--dsc-only", "-q",
                        f"{source}={version}"], cwd=folder)
    found = [name for name in os.listdir(folder) if name.endswith(".dsc")]
    if done.returncode or not found:
        why = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        raise Missing(f"cannot fetch the source {source} {version}: {(why or ['?'])[0]}")
    with open(f"{folder}/{found[0]}", encoding="utf-8", errors="replace") as file:
        files = re.findall(r"^ [0-9a-f]{64} (\d+) ", file.read(), re.M)
    size = sum(map(int, files))
    if size > SIZE_LIMIT:
        raise Missing(f"the source {source} {version} is of {size >> 20} MiB")
    return found[0]


def served(source, *versions):
    """Ask for the descriptions of versions, which is quick; Missing if one is not there."""
    os.makedirs(archive.CACHE, exist_ok=True)
    for version in versions:
        with tempfile.TemporaryDirectory(dir=archive.CACHE) as folder:
            describe(source, version, folder)


def fetch(source, version):
    """Fetch and unpack a version of a source package; its folder, patches applied."""
    if not shutil.which("dpkg-source"):
        raise Missing("no dpkg-source: install dpkg-dev")
    plain = version.replace(":", "%3a")
    folder = os.path.join(archive.CACHE, "source", f"{source}_{plain}")
    tree = f"{folder}/tree"
    if os.path.isdir(tree):
        return tree
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    found = describe(source, version, folder)
    done = archive.run(["apt-get", *options(), "source", "--download-only", "-q",
                        f"{source}={version}"], cwd=folder)
    if not done.returncode:
        done = archive.run(["dpkg-source", "--no-check", "-x", found, f"{tree}.part"],
                           cwd=folder)
    if done.returncode:
        why = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        raise Missing(f"cannot fetch the source {source} {version}: {(why or ['?'])[0]}")
    os.rename(f"{tree}.part", tree)
    return tree

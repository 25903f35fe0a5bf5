# SPDX-License-Identifier: Apache-2.0
"""Pairs of versions of Debian packages, from the archive that apt knows.

Asked for by name and version; what was fetched stays in a folder of the build.
Used by the suites archive and daemons, and by the demo.
"""
import functools
import os
import re
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("GRAFT_BUILD", os.path.join(ROOT, "build")))
GRAFT = os.path.abspath(os.environ.get("GRAFT", os.path.join(BUILD, "graft")))
CACHE = os.path.join(BUILD, "archive")
# What a package's maintainer scripts need, its programs do not.
NOT_NEEDED = {"adduser", "init-system-helpers", "lsb-base", "debconf", "perl", "ucf",
              "perl-base", "iproute2", "nginx-common", "sysvinit-utils", "ssl-cert",
              "openssl", "python3", "passwd", "dpkg", "login", "libc6", "logsave"}


class Missing(Exception):
    """The archive does not have it, or there is no archive."""


def run(argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, check=False,
                          timeout=more.pop("timeout", 300), **more)


@functools.lru_cache(maxsize=None)
def update():
    """Ask for the lists once; without network this changes nothing."""
    try:
        run(["apt-get", "update", "-q"], timeout=90)
    except (subprocess.TimeoutExpired, OSError):
        pass


def madison(package):
    done = run(["apt-cache", "madison", package])
    return {line.split("|")[1].strip() for line in done.stdout.splitlines()
            if line.count("|") >= 2 and line.split("|")[0].strip() == package
            and "Sources" not in line}


def compare(a, b):
    if a == b:
        return 0
    older = subprocess.run(["dpkg", "--compare-versions", a, "lt", b], check=False)
    return -1 if older.returncode == 0 else 1


def versions(package):
    """All versions that the archive has, oldest first."""
    found = madison(package)
    if len(found) < 2:
        update()
        found = madison(package)
    return sorted(found, key=functools.cmp_to_key(compare))


def pair(package):
    """The oldest and the newest version."""
    found = versions(package)
    if len(found) < 2:
        raise Missing(f"the archive has {len(found)} version of {package}")
    return found[0], found[-1]


def step(package):
    """The two newest versions."""
    found = versions(package)
    if len(found) < 2:
        raise Missing(f"the archive has {len(found)} version of {package}")
    return found[-2], found[-1]


def download(package, version=None):
    """Fetch a package; its path."""
    folder = os.path.join(CACHE, "deb")
    os.makedirs(folder, exist_ok=True)
    if version is None:
        found = versions(package)
        if not found:
            raise Missing(f"the archive has no {package}")
        version = found[-1]
    escaped = version.replace(":", "%3a")
    for arch in ("amd64", "all"):
        path = os.path.join(folder, f"{package}_{escaped}_{arch}.deb")
        if os.path.exists(path):
            return path
    # A fetch that is cut leaves nothing under the name.
    with tempfile.TemporaryDirectory(dir=folder) as work:
        os.chmod(work, 0o755)
        done = run(["apt-get", "download", "-q", f"{package}={version}"], cwd=work)
        names = [n for n in os.listdir(work) if n.endswith(".deb")]
        if done.returncode or len(names) != 1:
            raise Missing(f"cannot fetch {package} {version}: "
                          f"{(done.stderr.strip().splitlines() or ['?'])[-1]}")
        path = os.path.join(folder, names[0])
        os.rename(os.path.join(work, names[0]), path)
    return path


def unpack(deb):
    """Unpack a package into the cache; its folder."""
    folder = os.path.join(CACHE, "root", os.path.basename(deb)[:-4])
    if not os.path.isdir(folder):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        with tempfile.TemporaryDirectory(dir=os.path.dirname(folder)) as work:
            os.chmod(work, 0o755)
            done = run(["dpkg-deb", "-x", deb, os.path.join(work, "x")])
            if done.returncode:
                raise Missing(f"{deb}: {done.stderr.strip()}")
            os.rename(os.path.join(work, "x"), folder)
    return folder


@functools.lru_cache(maxsize=None)
def installed(package):
    done = run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package])
    return done.stdout == "installed"


def depends(deb):
    text = ",".join(run(["dpkg-deb", "-f", deb, field]).stdout
                    for field in ("Depends", "Pre-Depends"))
    # Of alternatives the first.
    return [re.split(r"[ |:(]", word.strip())[0]
            for word in text.split(",") if word.strip()]


def libraries(deb):
    """Folders with the libraries that a package needs and the host lacks."""
    folders, seen, todo = [], set(), [deb]
    while todo and len(seen) < 60:
        for name in depends(todo.pop()):
            if name in seen or name in NOT_NEEDED or installed(name):
                continue
            seen.add(name)
            try:
                needed = download(name)
            except Missing:
                continue
            todo.append(needed)
            folders += library_folders(unpack(needed))
    return folders


def library_folders(root):
    """The folders of an unpacked package that hold libraries."""
    found = []
    for top in ("lib", "usr/lib"):
        for folder, _, names in os.walk(os.path.join(root, top)):
            if any(".so" in name for name in names):
                found.append(folder)
    return found


def environment(folders, **more):
    """An environment in which programs find these libraries first."""
    return dict(os.environ, LD_LIBRARY_PATH=":".join(folders), **more)


def elf_files(root):
    """Paths, relative to the root, of what is unpacked there and is ELF."""
    found = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                if file.read(4) == b"\177ELF":
                    found.append(os.path.relpath(path, root))
    return sorted(found)

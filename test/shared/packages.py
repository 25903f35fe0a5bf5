# SPDX-License-Identifier: Apache-2.0
"""The Debian packages of Graft itself, as `make deb` makes them of what is committed: once for
all suites of a commit."""
import glob
import os
import subprocess

from victim import ROOT, same

FOLDER = os.path.join(os.path.abspath(os.environ.get("GRAFT_BUILD", f"{ROOT}/build")), "deb")


def run(*argv, limit=600):
    return subprocess.run(argv, text=True, errors="replace", timeout=limit, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def make():
    """Build them, if they are not those of what is committed now; returns what came of it."""
    commit = run("git", "-C", ROOT, "rev-parse", "HEAD").stdout.strip()
    stamp = f"{FOLDER}/said-{commit}"
    if not os.path.exists(stamp):
        for name in glob.glob(f"{FOLDER}/said-*"):
            os.remove(name)
        done = run(f"{ROOT}/tools/make-deb", FOLDER)
        if done.returncode:
            return done
        with open(stamp, "w", encoding="utf-8") as file:
            file.write(done.stdout)
    with open(stamp, encoding="utf-8") as file:
        return subprocess.CompletedProcess(["make-deb"], 0, file.read())


def paths():
    """Paths of the packages, without those that hold debug information."""
    done = make()
    same(done.returncode, 0, f"make deb: {done.stdout}")
    return sorted(path for path in glob.glob(f"{FOLDER}/*.deb") if "-dbgsym_" not in path)

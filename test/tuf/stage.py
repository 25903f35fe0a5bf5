# SPDX-License-Identifier: Apache-2.0
"""What the tests of graft-tuf share: a server, a client, and what may be asked of both."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "shared"))
from victim import TESTS, Skip, check, same, test  # noqa: E402,F401
from repository import Repository, Server, days  # noqa: E402,F401

BUILD = os.environ.get("GRAFT_BUILD", os.path.join(os.path.dirname(os.path.dirname(HERE)), "build"))
PROGRAM = os.path.join(BUILD, "graft-tuf")
LIMIT = 60
# A proxy of this machine has nothing to say on loopback.
ENV = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}


def each(cases):
    """Make a test of each case: a name, and what the function gets beside the place."""
    def add(fn):
        for name, *values in cases:
            def one(place, values=values):
                fn(place, *values)
            one.__name__ = f"{fn.__name__} {name}"
            TESTS.append(one)
        return fn
    return add


class Place:
    """A server for all tests, and a folder for each."""

    def __init__(self):
        self.server = Server()
        self.state = None

    def remove(self):
        self.server.shutdown()
        self.server.server_close()

    def begin(self, init=True, **more):
        """Make a repository and a client that trusts its first root."""
        # In memory where that can be: what is stored is synced each time.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.state = tempfile.mkdtemp(prefix="graft-tuf.", dir=memory)
        repo = self.server.repo = Repository(**more)
        client = Client(self)
        if init:
            client.init(repo.metadata("root", 1))
        return repo, client


def later(days=0, at=""):
    """What stands before a command that is to run some days from now, or at a time."""
    if not days and not at:
        return []
    if not shutil.which("faketime"):
        raise Skip("no faketime here")
    # faketime names its semaphore by its own number, and one that was killed left its own behind.
    return ["sh", "-c", 'rm -f /dev/shm/sem.faketime_sem_$$ /dev/shm/faketime_shm_$$; exec faketime -f "$@"',
            "later", at or f"+{days}d"]


class Client:
    def __init__(self, place):
        self.place = place
        self.metadata_dir = os.path.join(place.state, "metadata")
        self.target_dir = os.path.join(place.state, "targets")
        os.mkdir(self.target_dir)
        self.said = ""

    def run(self, *words, after=0, at="", env=None):
        """Run the program, perhaps some days from now or at a time; returns its exit status."""
        command = [PROGRAM, "--metadata-dir", self.metadata_dir, *words]
        done = subprocess.run([*later(after, at), *command], env={**ENV, **(env or {})}, capture_output=True,
                              text=True, errors="surrogateescape", timeout=LIMIT,
                              stdin=subprocess.DEVNULL, check=False)
        self.said, self.printed = done.stderr, done.stdout
        check(done.returncode <= 1, f"status {done.returncode}: {done.stderr}")
        check(bool(done.stderr) == bool(done.returncode), f"{done.returncode}: {done.stderr!r}")
        return done.returncode

    def init(self, root, status=0):
        path = os.path.join(self.place.state, "initial.json")
        with open(path, "wb") as file:
            file.write(root)
        same(self.run("init", path), status, self.said)

    def refresh(self, **more):
        return self.run("--metadata-url", self.place.server.url("metadata/"), "refresh", **more)

    def download(self, *targets, **more):
        names = [word for target in targets for word in ("--target-name", target)]
        return self.run("--metadata-url", self.place.server.url("metadata/"), *names,
                        "--target-base-url", self.place.server.url("targets/"),
                        "--target-dir", self.target_dir, "download", **more)

    def ok(self, **more):
        same(self.refresh(**more), 0, self.said)

    def refused(self, *words, **more):
        """A refresh fails, and says these words in one line."""
        same(self.refresh(**more), 1, "exit status")
        self.tells(*words)

    def tells(self, *words):
        check(self.said.startswith("graft-tuf: ") and self.said.count("\n") == 1, self.said)
        for word in words:
            check(word in self.said, f"{word!r} is not in {self.said!r}")

    def stored(self, role):
        """The bytes of a role in the store; None if there are none."""
        name = urllib.parse.quote(role, "")
        path = os.path.join(self.metadata_dir, f"{name}.json")
        if not os.path.exists(path):
            return None
        with open(path, "rb") as file:
            return file.read()

    def versions(self):
        """What is trusted: version by role, of files that are whole."""
        found = {}
        for name in os.listdir(self.metadata_dir):
            check(name.endswith(".json"), f"{name} was left behind")
            with open(os.path.join(self.metadata_dir, name), "rb") as file:
                found[name[:-len(".json")]] = json.load(file)["signed"]["version"]
        return found

    def targets(self):
        """What lies in the folder of targets: content by name."""
        found = {}
        for name in os.listdir(self.target_dir):
            with open(os.path.join(self.target_dir, name), "rb") as file:
                found[name] = file.read()
        return found

# SPDX-License-Identifier: Apache-2.0
"""Another program's metadata, and another client's judgement: npm's tuf-js and @tufjs/models.

They are installed beside the build, once, where there is node and npm reaches a registry;
else these tests are skipped. GRAFT_TUF_JS names a folder that has them already.
"""
import functools
import json
import os
import shutil
import subprocess

import keys
from stage import BUILD, ENV, HERE, LIMIT, Skip, days, each, same, test

PACKAGES = ("tuf-js@6.0.2", "@tufjs/models@5.0.2", "@tufjs/canonical-json@2.0.0")


@functools.cache
def modules():
    """The folder that has the packages."""
    if not shutil.which("node"):
        raise Skip("no node here")
    folder = os.environ.get("GRAFT_TUF_JS", os.path.join(os.path.abspath(BUILD), "tuf-js"))
    found = os.path.join(folder, "node_modules")
    if os.path.isdir(os.path.join(found, "tuf-js")):
        return found
    if not shutil.which("npm"):
        raise Skip("no npm here")
    try:
        subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix",
                        folder, *PACKAGES], capture_output=True, timeout=LIMIT, check=True,
                       stdin=subprocess.DEVNULL)
    except (subprocess.SubprocessError, OSError):
        raise Skip("npm cannot install tuf-js") from None
    return found


def node(script, *words):
    """Run a script; returns its exit status and what it said."""
    done = subprocess.run(["node", os.path.join(HERE, "js", script), *words], capture_output=True,
                          env={**ENV, "NODE_PATH": modules()}, timeout=LIMIT, text=True,
                          stdin=subprocess.DEVNULL, check=False)
    return done.returncode, done.stderr


@test
def what_another_program_wrote_is_read(place):
    repo, client = place.begin(init=False)
    folder = os.path.join(place.state, "written")
    os.mkdir(folder)
    same(node("write.cjs", folder), (0, ""), "writing")
    with open(os.path.join(folder, "metadata/1.root.json"), "rb") as file:
        client.init(file.read())
    words = ["--metadata-url", f"file://{folder}/metadata", "--target-base-url",
             f"file://{folder}/targets", "--target-dir", client.target_dir, "--target-name", "a/b c",
             "download"]
    same(client.run(*words), 0, client.said)
    same(client.targets(), {"a%2Fb%20c": b"content of a file"}, "targets")
    same(client.versions(), {"root": 2, "timestamp": 9, "snapshot": 7, "targets": 5, "leaf": 3},
         "trusted")


def change(repo, role, how):
    file = json.loads(repo.published[role].pop())
    how(file)
    repo.published[role].append(json.dumps(file).encode())


def unsigned(repo):
    repo.keys["snapshot"].pop()
    repo.publish("snapshot", "timestamp")


def exchanged(repo):
    repo.artifacts["a/file"] = b"c0ntent"


def expired(repo):
    repo.says["targets"]["expires"] = days(-1)
    repo.publish("targets", "snapshot", "timestamp")


def unlisted(repo):
    del repo.says["snapshot"]["meta"]["role.json"]
    repo.publish("snapshot", "timestamp")


def twice(repo):
    change(repo, "timestamp", lambda f: f["signatures"].append(f["signatures"][0]))


def rotated(repo):
    repo.root["roles"]["root"]["keyids"].clear()
    repo.keys["root"].clear()
    repo.add_key("root")
    repo.publish("root")


def odd_members(repo):
    repo.root["x"] = {"b": ["\u00e9\n\"\\\u2028", -1], "a": {"": None, "Z": True, "z": False}}
    repo.publish("root")


CASES = [("as it is", None, 0), ("not signed", unsigned, 1), ("an exchanged target", exchanged, 1),
         ("expired targets", expired, 1), ("a role that is not listed", unlisted, 1),
         ("two signatures of one keyid", twice, 1), ("a root that the old one did not sign", rotated, 1),
         ("odd members", odd_members, 0)]


@each(CASES)
def another_client_says_the_same(place, how, status):
    repo, client = place.begin()
    for kind in ("rsa", "ecdsa"):
        repo.add_key("root", keys.Key(kind))
    repo.root["roles"]["root"]["threshold"] = 3
    repo.delegate("targets", "role", ["a/*"])
    repo.add_target("role", "a/file", b"content")
    repo.publish("root", "role", "targets", "snapshot", "timestamp")
    if how:
        how(repo)
    same(client.download("a/file"), status, client.said)
    other = {kind: os.path.join(place.state, f"other-{kind}") for kind in ("metadata", "targets")}
    for folder in other.values():
        os.mkdir(folder)
    shutil.copy(os.path.join(place.state, "initial.json"), os.path.join(other["metadata"], "root.json"))
    said = node("read.cjs", other["metadata"], place.server.url("metadata"), other["targets"],
                place.server.url("targets"), "a/file")
    same(said[0], status, said[1])
    same(len(os.listdir(other["targets"])), 1 - status, "targets of the other")

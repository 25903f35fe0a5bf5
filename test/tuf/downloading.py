# SPDX-License-Identifier: Apache-2.0
"""Targets: bytes, hashes, names, and what is there already."""
import hashlib
import os
import subprocess

from stage import ENV, LIMIT, PROGRAM, check, each, same, test


def add(repo, path, data, **more):
    repo.add_target("targets", path, data, **more)
    repo.publish("targets", "snapshot", "timestamp")


@each([("a file", "target.txt"), ("in a folder", "path/to/a/target.txt"),
       ("with an odd name", "a b/%41?#&\u00e9.txt"), ("that goes up", "../../up"),
       ("that is hidden", ".hidden"), ("that is a folder", ".."),
       ("with a long name", "long/" + "x" * 300)])
def a_target_is_got(place, path):
    repo, client = place.begin()
    add(repo, path, b"content")
    client.ok()
    same(client.targets(), {}, "targets after a refresh")
    same(client.download(path), 0, client.said)
    same(list(client.targets().values()), [b"content"], "targets")
    same(client.printed.strip(), os.path.join(client.target_dir, list(client.targets())[0]),
         "printed")
    same(repo.asked_targets, [(path, hashlib.sha256(b"content").hexdigest())], "asked")
    same(sorted(os.listdir(place.state)), ["initial.json", "metadata", "targets"], "beside")


@test
def a_target_that_was_exchanged_is_refused(place):
    repo, client = place.begin()
    add(repo, "one", b"content of one")
    add(repo, "two", b"content of two")
    same(client.download("one"), 0, client.said)
    repo.artifacts = {"one": b"malice of one!", "two": b"malice of two!"}
    client.download("one")
    same(client.download("two"), 1, "status")
    client.tells("graft-tuf: target: http", "its sha256 is not the one that is signed")
    same(client.targets(), {"one": b"content of one"}, "targets")


@test
def a_target_that_changes_keeps_its_file(place):
    repo, client = place.begin()
    for n in range(11):
        add(repo, "file", b"content %d" % n)
        add(repo, f"new-{n}", b"new %d" % n)
        if n % 5:
            continue
        same(client.download("file"), 0, client.said)
        same(client.download(f"new-{n}"), 0, client.said)
        repo.artifacts["file"] = b"malice! %d" % n
        repo.publish("targets", "snapshot", "timestamp")
        client.download("file")
        same(client.targets()["file"], b"content %d" % n, "file")
    same(sorted(client.targets()), ["file", "new-0", "new-10", "new-5"], "targets")


@each([("longer", b"content and more"), ("shorter", b"cont"), ("nothing", b"")])
def a_length_that_is_not_signed_is_refused(place, served):
    repo, client = place.begin()
    add(repo, "file", b"content")
    repo.artifacts["file"] = served
    same(client.download("file"), 1, "status")
    client.tells("graft-tuf: target: http", "bytes")
    same(client.targets(), {}, "targets")


@each([("sha256", ["sha256"]), ("sha512", ["sha512"]), ("both", ["sha256", "sha512"])])
def a_kind_of_hash_is_known(place, kinds):
    repo, client = place.begin()
    add(repo, "file", b"content", kinds=kinds)
    same(client.download("file"), 0, client.said)
    possible = [("file", h) for h in repo.says["targets"]["targets"]["file"]["hashes"].values()]
    same(len(repo.asked_targets), 1, "asked")
    same(repo.asked_targets[0] in possible, True, "asked")
    same(client.targets(), {"file": b"content"}, "targets")


@test
def each_hash_that_is_known_must_be_right(place):
    repo, client = place.begin()
    add(repo, "file", b"content", kinds=["sha256", "sha512"])
    repo.says["targets"]["targets"]["file"]["hashes"]["sha512"] = "ab" * 64
    repo.publish("targets", "snapshot", "timestamp")
    same(client.download("file"), 1, "status")
    client.tells("its sha512 is not the one that is signed")
    same(client.targets(), {}, "targets")


@test
def a_kind_of_hash_that_is_unknown_is_refused(place):
    repo, client = place.begin()
    add(repo, "file", b"content")
    hashes = repo.says["targets"]["targets"]["file"]["hashes"]
    hashes["unknown"] = hashes.pop("sha256")
    repo.publish("targets", "snapshot", "timestamp")
    same(client.download("file"), 1, "status")
    client.tells("file: it has no hash of a known kind")
    same(client.targets(), {}, "targets")


@test
def what_is_there_is_not_got_again(place):
    repo, client = place.begin()
    add(repo, "file", b"content")
    for _ in range(3):
        same(client.download("file", "file"), 0, client.said)
    same(len(repo.asked_targets), 1, "asked")
    with open(os.path.join(client.target_dir, "file"), "wb") as file:
        file.write(b"c0ntent")
    same(client.download("file"), 0, client.said)
    same(client.targets(), {"file": b"content"}, "targets")
    same(len(repo.asked_targets), 2, "asked")


@test
def one_that_cannot_be_had_does_not_keep_the_others_back(place):
    repo, client = place.begin()
    add(repo, "one", b"1")
    add(repo, "two", b"2")
    same(client.download("one", "none", "two"), 1, "status")
    same(client.targets(), {"one": b"1", "two": b"2"}, "targets")
    same(repo.asked[-1], ("targets", 3), "asked last")


@test
def a_link_in_the_place_of_a_target_is_left_alone(place):
    repo, client = place.begin()
    add(repo, "file", b"content")
    os.symlink(os.path.join(place.state, "elsewhere"), os.path.join(client.target_dir, "file"))
    same(client.download("file"), 1, "status")
    client.tells("it is no regular file, and is left alone")
    same(sorted(os.listdir(place.state)), ["initial.json", "metadata", "targets"], "beside")


@each([("by its name", lambda d: d), ("by a link", lambda d: link(d)), ("with dots", lambda d: d + "/.")])
def no_target_takes_the_place_of_what_is_trusted(place, name):
    repo, client = place.begin()
    root = client.stored("root")
    add(repo, "root.json", b"whoever signs this is trusted")
    client.target_dir = name(client.metadata_dir)
    same(client.download("root.json"), 1, client.said)
    client.tells("choose another directory for targets")
    same(client.stored("root"), root, "root")


def link(path):
    os.symlink(path, path + ".link")
    return path + ".link"


@test
def what_cannot_be_printed_is_an_error(place):
    repo, client = place.begin()
    add(repo, "file", b"content")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [PROGRAM, "--metadata-dir", client.metadata_dir, "--metadata-url", place.server.url("metadata/"),
             "--target-name", "file", "--target-base-url", place.server.url("targets/"), "--target-dir",
             client.target_dir, "download"], stdout=full, stderr=subprocess.PIPE, text=True, env=ENV,
            timeout=LIMIT, check=False)
    same(done.returncode, 1, done.stderr)
    check("print the names of files" in done.stderr, done.stderr)

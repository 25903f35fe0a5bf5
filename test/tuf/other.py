# SPDX-License-Identifier: Apache-2.0
"""The command line, kills, and two at once."""
import os
import shutil
import subprocess

from stage import ENV, PROGRAM, Skip, check, each, same, test


@each([("nothing", []), ("another verb", ["update"]), ("no url", ["refresh"]),
       ("no root", ["init"]), ("two roots", ["init", "a", "b"]),
       ("no target", ["--metadata-url", "http://x", "download"]),
       ("an option that is unknown", ["--what", "refresh"]),
       ("a timeout of 0", ["--timeout", "0", "--metadata-url", "http://x", "refresh"])])
def a_wrong_command_line_is_said(place, words):
    repo, client = place.begin(init=False)
    same(client.run(*words), 1, "status")
    check("graft-tuf --help" in client.said, client.said)
    same((repo.asked, os.path.exists(client.metadata_dir)), ([], False), "done")


@each([("--help", "usage: graft-tuf"), ("--version", "graft-tuf 0")])
def an_option_is_answered(place, text):
    _, client = place.begin(init=False)
    option = "--help" if text.startswith("usage") else "--version"
    same(client.run(option), 0, client.said)
    check(client.printed.startswith(text), client.printed)


@test
def another_first_root_is_refused(place):
    repo, client = place.begin()
    repo.publish("root")
    client.init(repo.metadata("root", 1))
    client.init(repo.metadata("root", 2), 1)
    client.tells("another root is trusted there already")
    same(client.versions(), {"root": 1}, "trusted")


@each([(f"{point} {n}", point, n) for point in ("file-write", "file-rename") for n in (1, 2, 3, 4)])
def a_kill_leaves_what_was_verified(place, point, number):
    repo, client = place.begin()
    repo.publish("root", "targets", "snapshot", "timestamp")
    done = subprocess.run([PROGRAM, "--metadata-dir", client.metadata_dir, "--metadata-url",
                           place.server.url("metadata"), "refresh"], check=False,
                          env={**ENV, "GRAFT_FAULT": f"{point}:{number}:kill"})
    same(done.returncode, -9, "status")
    stored = [role for role in ("root", "timestamp", "snapshot", "targets") if client.stored(role)]
    same(len(stored), max(1, number - 1), "stored")
    for role in stored:
        check(client.stored(role) in repo.published[role], role)
    client.ok()
    for role in ("root", "timestamp", "snapshot", "targets"):
        same(client.stored(role), repo.metadata(role), role)


@test
def a_target_whose_rename_fails_leaves_nothing(place):
    repo, client = place.begin()
    repo.add_target("targets", "file", b"content")
    repo.publish("targets", "snapshot", "timestamp")
    same(client.download("file", env={"GRAFT_FAULT": "target-rename"}), 1, "status")
    same(client.targets(), {}, "targets")
    same(client.download("file"), 0, client.said)


@test
def two_at_once_wait_for_each_other(place):
    repo, client = place.begin()
    repo.publish("targets", "snapshot", "timestamp")
    command = [PROGRAM, "--metadata-dir", client.metadata_dir, "--metadata-url",
               place.server.url("metadata"), "refresh"]
    children = [subprocess.Popen(command, env=ENV) for _ in range(6)]
    same([child.wait(60) for child in children], [0] * 6, "status")
    same(client.versions(), {"root": 1, "timestamp": 2, "snapshot": 2, "targets": 2}, "trusted")
    same(repo.asked.count(("snapshot", 2)), 1, "asked")


@test
def no_name_from_outside_reaches_the_terminal(place):
    repo, client = place.begin()
    repo.delegate("targets", "\x1b[31m\nred")
    repo.publish("targets", "snapshot", "timestamp")
    same(client.download("x"), 1, "status")
    client.tells("\\x1b[31m\\x0ared")


@test
def nobody_else_can_lock_what_is_trusted(place):
    """Whoever reads the directory could keep what is new from its owner, without an end."""
    if os.geteuid() or not shutil.which("setpriv") or not shutil.which("flock"):
        raise Skip("not root, or no setpriv or flock")
    _, client = place.begin(init=False)
    for name in "metadata", "a/b/metadata/", "a/c":
        client.metadata_dir = os.path.join(place.state, name)
        client.init(place.server.repo.metadata("root", 1))
        os.chmod(place.state, 0o755)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "flock", "-n",
                               client.metadata_dir, "true"], capture_output=True, text=True, check=False)
        check(done.returncode and "denied" in done.stderr, f"{name}: {done}")
        same(os.stat(os.path.dirname(client.metadata_dir.rstrip("/"))).st_mode & 0o777, 0o755, name)
        client.ok()

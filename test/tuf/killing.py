# SPDX-License-Identifier: Apache-2.0
"""`graft repo` killed: whoever reads sees the old state or the new one, and the next run goes on."""
import os
import random
import shutil
import signal
import subprocess
import time

from stage import ENV, LIMIT, check, each, same, test
from victim import until
from writer import Writer

POINTS = ["repo-targets", "repo-next", "repo-exchange", "repo-exchanged"]


def stage(w, new):
    old = {role: w.metadata(f"{w.role('root')['live']['version']}.root.json")["signed"]["roles"][role]["keyids"][0]
           for role in ("root", "targets", "snapshot", "timestamp")}
    for role in ("root", "targets"):
        w.run("rotate", role, "--add", w.key(f"{new}-content"), "--remove", old[role], "--key", w.key(w.content))
    for role in ("snapshot", "timestamp"):
        w.run("rotate", role, "--add", w.key(f"{new}-online", guarded=False), "--remove", old[role],
              "--key", w.key(w.content))
    w.run("add", w.write("new", new), "--as", "a")
    for role in "targets", "root":
        w.run("sign", "--role", role, "--key", w.key(f"{new}-content"))
    w.run("sign", "--role", "root", "--key", w.key(w.content))
    w.online, w.content = w.key(f"{new}-online", guarded=False), f"{new}-content"


def got(w, name):
    """What a client has after it looked."""
    w.fetch("a", name=name)
    with open(os.path.join(w.path(name), "targets/a"), encoding="utf-8") as file:
        return file.read()


@each([(point, point) for point in POINTS])
def killed_at_a_point_it_is_the_old_state_or_the_new_one(place, point):
    w = Writer(place)
    w.online = w.key("online", guarded=False)
    w.run("init", "--key", f"root={w.key('first')}", "--key", f"targets={w.key('first')}", "--key",
          f"snapshot={w.online}", "--key", f"timestamp={w.online}")
    w.publish()
    w.content = "first"
    w.run("add", w.write("new", "before"), "--as", "a", "--key", w.key("first"))
    w.publish()
    same(got(w, "client"), "before", "at first")
    stage(w, "after")
    seen, fault = [], 0
    while True:
        fault += 1
        w.env = {"GRAFT_FAULT": f"{point}:{fault}:kill"}
        done = subprocess.run(w.command("publish", "--key", w.online), env={**ENV, **w.env},
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              check=False)
        w.env = {}
        killed = done.returncode == -signal.SIGKILL
        check(killed or done.returncode in (0, 66), done.stderr)
        # The client that was there, and one that knows the first root only.
        seen.append(got(w, "client"))
        same(got(w, f"new-{fault}"), seen[-1], "what both see")
        if not killed:
            break
        check(fault < 20, "no end")
    same(seen[-1], "after", "in the end")
    same(sorted(seen, key=["before", "after"].index), seen, "never back")
    check(fault > 1, f"nothing passes {point}")
    same(w.state()["roles"][1]["staged"], None, "what is staged")
    # A failure there instead of a kill: the same.
    stage(w, "last")
    w.env = {"GRAFT_FAULT": f"{point}:1:fail"}
    subprocess.run(w.command("publish", "--key", w.online), env={**ENV, **w.env}, check=False,
                   capture_output=True, stdin=subprocess.DEVNULL)
    w.env = {}
    check(got(w, "client") in ("after", "last"), "after a failure")
    if w.role("targets")["staged"]:
        w.publish()
    same(got(w, "client"), "last", "in the end")


@each([(point, point) for point in ("file-write", "file-rename")])
def a_refresh_that_is_killed_harms_nobody(place, point):
    w = Writer(place).init()
    w.fetch()
    # Snapshot and timestamp are both due.
    for fault in 1, 2, 3:
        done = subprocess.run(w.command("refresh", "--key", w.online, after=10), check=False,
                              env={**ENV, "GRAFT_FAULT": f"{point}:{fault}:kill"}, capture_output=True,
                              stdin=subprocess.DEVNULL)
        # faketime tells of the kill as 1.
        same(done.returncode in (1, -signal.SIGKILL), fault < 3, f"pass {fault}: {done.stderr}")
        w.fetch(after=1, name="client" if fault < 3 else "other")
    same(w.state(after=10)["timestamp"]["expired"], False, "in the end")
    w.fetch(after=10)


@test
def killed_anywhere_it_is_the_old_state_or_the_new_one(place):
    w = Writer(place)
    w.online = w.key("online", guarded=False)
    w.content = "first"
    w.run("init", "--key", f"root={w.key('first')}", "--key", f"targets={w.key('first')}", "--key",
          f"snapshot={w.online}", "--key", f"timestamp={w.online}", "--bins", "16")
    w.publish()
    # How long one takes that nobody kills.
    choose = random.Random(1)
    length, last, kills = 0.02, -1, 0
    for turn in range(70):
        for i in range(30):
            w.write(f"tree/t{i}", f"{turn} {i}")
        w.write("tree/turn", str(turn))
        command = w.command("add", w.path("tree"), "--key", w.key("first"))
        steps = [command, w.command("publish", "--key", w.online), w.command("refresh", "--key", w.online)]
        for step in steps:
            child = subprocess.Popen(step, env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE)
            start = time.monotonic()
            try:
                child.wait(choose.random() * 1.3 * length)
            except subprocess.TimeoutExpired:
                child.kill()
                kills += 1
            status = child.wait()
            said = child.stderr.read().decode()
            child.stderr.close()
            if status >= 0:
                length = (length + time.monotonic() - start) / 2
            # Killed; done; nothing was staged, or not all was signed when it was killed.
            check(status in (-signal.SIGKILL, 0, 66, 68, 84), f"{status}: {said}")
            if status == 84:
                check("has not signed it" in said, said)
                w.run("reset")
        if turn == 0:
            # So that there is something to get.
            for step in steps:
                subprocess.run(step, env=ENV, check=False, stdin=subprocess.DEVNULL, capture_output=True)
        w.fetch("turn", "t0", "t29")
        now = []
        for name in "turn", "t0", "t29":
            with open(os.path.join(w.path("client"), "targets", name), encoding="utf-8") as file:
                now.append(int(file.read().split()[0]))
        same(len(set(now)), 1, "of one turn")
        check(last <= now[0] <= turn, f"{last}, then {now[0]} in turn {turn}")
        last = now[0]
    check(kills >= 50, f"only {kills} kills")
    w.run("reset")
    w.run("add", w.path("tree"), "--key", w.key("first"))
    w.publish()
    w.both("turn", "t3")


@test
def what_is_swapped_while_it_is_removed_loses_nothing_elsewhere(place):
    """Somebody who may write into the directory puts a link into the place of a folder that is
    being removed by who may remove more."""
    w = Writer(place).init()
    victim, own = w.path("victim"), w.path("repo/next/own")
    names = [f"{i:05}" for i in range(20000)]
    os.makedirs(victim)
    for name in names:
        with open(os.path.join(victim, name), "w", encoding="utf-8"):
            pass
    won = 0
    for _ in range(5):
        os.makedirs(own)
        for name in names:
            os.link(os.path.join(victim, name), os.path.join(own, name))
        os.symlink(victim, w.path("repo/next.link"))
        child = subprocess.Popen(w.command("reset"), env=ENV, stderr=subprocess.DEVNULL)
        # It has begun, and is not done.
        until(lambda: child.poll() is not None or len(os.listdir(own)) < len(names), "it does not begin")
        try:
            os.rename(own, w.path("repo/aside"))
            os.rename(w.path("repo/next.link"), own)
            won += child.poll() is None
        except FileNotFoundError:
            pass
        child.wait(LIMIT)
        same(len(os.listdir(victim)), len(names), "files elsewhere")
        for left in "next", "aside":
            shutil.rmtree(w.path(f"repo/{left}"), ignore_errors=True)
        if os.path.lexists(w.path("repo/next.link")):
            os.remove(w.path("repo/next.link"))
    check(won, "never in time: nothing was tried")


def beside(w):
    """What is neither a role nor a target."""
    return sorted(os.path.relpath(os.path.join(folder, name), w.dir) for folder, _, names in os.walk(w.dir)
                  for name in names if not name.endswith(".json") and "targets" not in folder or name.startswith("."))


@each([(" ".join((point, *words[:1])), point, words) for point, words in (
    ("file-rename", ("add", "--key")), ("repo-copied", ("add", "--key")), ("file-rename", ("refresh", "--key")))])
def what_a_killed_write_left_beside_goes_with_the_next_one(place, point, words):
    w = Writer(place)
    w.online = w.key("online", guarded=False)
    w.run("init", "--key", f"root={w.key('first')}", "--key", f"targets={w.key('first')}", "--key",
          f"snapshot={w.online}", "--key", f"timestamp={w.online}")
    w.publish()
    more = (w.write("new", "new"), "--as", "a", "--key", w.key("first")) if words[0] == "add" else ("--key", w.online)
    done = subprocess.run(w.command(words[0], *more), env={**ENV, "GRAFT_FAULT": f"{point}:1:kill"}, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True)
    same(done.returncode, -signal.SIGKILL, done.stderr)
    same(len(beside(w)), 1, f"left beside: {beside(w)}")
    w.run(words[0], *more)
    same(beside(w), [], "left beside after the next one")

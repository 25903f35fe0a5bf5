# SPDX-License-Identifier: Apache-2.0
"""`graft install` and `graft rollback` cut off at every fault point and at random moments:
after the next run the package is wholly old or wholly new."""
import os
import random
import re
import subprocess
import time

from stage import NEW, OLD, check, deb, same, test, tidy, whole

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Points that a package does not pass.
OF_FILES = {"disk-replace", "disk-replaced"}
# What is tried without GRAFT_TEST_POINTS=all: before and behind what changes something.
SOME = {"disk-begun", "disk-dpkg", "disk-dpkg-done", "disk-installed",
        "disk-removing", "disk-removed"}


def points(verb):
    every = os.environ.get("GRAFT_TEST_POINTS") == "all"
    with open(os.path.join(ROOT, "docs/fault-points.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| `([a-z-]+)` \| ([^|]*) \|", file.read(), re.M)
    return [name for name, verbs in rows if verb in re.split(r"[,; ]+", verbs)
            and name.startswith("disk-") and name not in OF_FILES and (every or name in SOME)]


def settle(place, layer, verb, version=None):
    """The next run; afterwards the package is wholly one of its versions, or @version."""
    words = {"install": ("install", layer.bring(place.fix)), "rollback": ("rollback",),
             "recover": ("recover",)}[verb]
    done = layer.graft(*words, "--wait", "30")
    check(done.returncode in (0, 3, 66), f"{verb}: {done.returncode} {done.stdout}{done.stderr}")
    got = layer.state().removeprefix("ii ")
    check(got in (OLD, NEW), f"after {verb}: {layer.state()!r}: {done.stdout}{done.stderr}")
    if version:
        same(got, version, f"after {verb}")
    whole(place, layer, got)
    tidy(layer)
    return got


def start_over(place, layer):
    """Bring the old version back by dpkg alone, and forget what graft knows."""
    layer.must("rm", "-rf", "/graft-test/state")
    if layer.state() != f"ii {OLD}":
        layer.dpkg(place.old)
        whole(place, layer, OLD)
    layer.forget_restarts()


def cut(place, layer, verb, point, how):
    """Cut a verb off at a point; what it was is brought there first."""
    start_over(place, layer)
    if verb == "rollback":
        same(layer.install(place.fix).returncode, 0, "install")
        done = layer.graft("rollback", fault=f"{point}:1:{how}")
    else:
        done = layer.install(place.fix, fault=f"{point}:1:{how}")
    want = (137, -9) if how == "kill" else range(1, 128)
    check(done.returncode in want, f"{point}: {done.returncode} {done.stdout}{done.stderr}")
    return done


@test
def a_kill_at_each_point_of_an_install_is_ended_by_the_next_run(place):
    with place.layer() as layer:
        for number, point in enumerate(points("install")):
            cut(place, layer, "install", point, "kill")
            # Without an intent nothing has happened; with one it is done.
            begun = layer.graft("recover").returncode == 0
            settle(place, layer, ("recover", "install")[number % 2])
            same(layer.restarts(), [], f"restarts after {point}")
            if not begun and number % 2 == 0:
                same(layer.state(), f"ii {OLD}", point)


@test
def a_failure_at_each_point_of_an_install_leaves_the_old_or_the_new_package(place):
    with place.layer() as layer:
        for point in points("install"):
            cut(place, layer, "install", point, "fail")
            settle(place, layer, "recover")


@test
def a_kill_at_each_point_of_a_rollback_is_ended_by_the_next_run(place):
    with place.layer() as layer:
        for number, point in enumerate(points("rollback")):
            cut(place, layer, "rollback", point, "kill")
            settle(place, layer, ("recover", "rollback")[number % 2])
            same(layer.restarts(), [], f"restarts after {point}")


@test
def what_somebody_else_upgraded_meanwhile_is_left_alone(place):
    other = deb(place, "1.0-3")
    with place.layer() as layer:
        for verb in "install", "rollback":
            cut(place, layer, verb, "disk-dpkg", "kill")
            layer.must("dpkg", "-i", layer.bring(other))
            layer.must("rm", "-f", "/usr/sbin/policy-rc.d" if verb == "install" else "/none")
            done = layer.graft("recover")
            check(done.returncode == 84 and "by somebody else" in done.stderr, done.stderr)
            same(layer.state(), "ii 1.0-3", verb)
            tidy(layer)
            same(layer.graft("recover").returncode, 3, "nothing is left of it")


def kill_at_random(place, layer, chance, verb, length):
    """Kill graft, or all that works there as a loss of power would."""
    words = ["GRAFT_STATE_DIR=/graft-test/state", "/graft-test/graft",
             *(("install", layer.bring(place.fix)) if verb == "install" else ("rollback",))]
    child = subprocess.Popen(layer.command(*words), stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    time.sleep(chance.random() * length)
    if chance.random() < 0.5:
        layer.run("pkill", "-9", "-x", "graft")
    else:
        layer.run("sh", "-c", "kill -9 -1")
    child.wait()


def random_kills(place, count, seed):
    """Returns how many hosts were neither; prints what became of all."""
    chance = random.Random(seed)
    counts = {OLD: 0, NEW: 0}
    with place.layer() as layer:
        start_over(place, layer)
        start = time.monotonic()
        same(layer.install(place.fix).returncode, 0, "install")
        length = 1.1 * (time.monotonic() - start)
        for number in range(count):
            verb = "rollback" if layer.state() == f"ii {NEW}" else "install"
            kill_at_random(place, layer, chance, verb, length)
            counts[settle(place, layer, chance.choice(("recover", "install", "rollback")))] += 1
            if number % 10 == 9:
                start_over(place, layer)
    return counts


@test
def kills_at_random_moments_leave_a_package_that_the_next_run_makes_whole(place):
    count = int(os.environ.get("GRAFT_TEST_KILLS", "4"))
    counts = random_kills(place, count, 1)
    same(sum(counts.values()), count, "kills")
    print(f"# {count} kills: {counts[OLD]} old, {counts[NEW]} new, 0 neither", flush=True)

# SPDX-License-Identifier: Apache-2.0
"""Several packages in one hotpatch, cut off at every fault point and at random moments: after
the next run they are all old or all new."""
import os
import random
import subprocess
import time

from family import ALL, DEV, DOCS, LIB, build, dpkg, family, states, wholly
from kills import points
from stage import NEW, OLD, check, same, test, tidy


def settle(place, layer, verb):
    """The next run; afterwards all are in one version, which is returned."""
    kin = family(place)
    words = {"install": ("install", layer.bring(kin.fix)), "rollback": ("rollback",),
             "recover": ("recover",)}[verb]
    done = layer.graft(*words, "--wait", "30")
    check(done.returncode in (0, 3, 66), f"{verb}: {done.returncode} {done.stdout}{done.stderr}")
    found = set(states(layer).values())
    check(len(found) == 1 and found <= {f"ii {OLD}", f"ii {NEW}"},
          f"after {verb}: {states(layer)}: {done.stdout}{done.stderr}")
    version = found.pop().removeprefix("ii ")
    wholly(place, layer, version)
    return version


def start_over(place, layer):
    """Bring the old versions back by dpkg alone, and forget what graft knows."""
    layer.must("rm", "-rf", "/graft-test/state")
    if set(states(layer).values()) != {f"ii {OLD}"}:
        dpkg_down(place, layer)
    layer.forget_restarts()


def dpkg_down(place, layer):
    dpkg(layer, family(place).some(OLD))


def cut(place, layer, verb, point, how):
    kin = family(place)
    start_over(place, layer)
    if verb == "rollback":
        same(layer.install(kin.fix).returncode, 0, "install")
        done = layer.graft("rollback", fault=f"{point}:1:{how}")
    else:
        done = layer.install(kin.fix, fault=f"{point}:1:{how}")
    want = (137, -9) if how == "kill" else range(1, 128)
    check(done.returncode in want, f"{point}: {done.returncode} {done.stdout}{done.stderr}")


@test
def a_kill_at_each_point_leaves_packages_that_the_next_run_makes_one_version(place):
    with place.layer(install=False) as layer:
        dpkg_down(place, layer)
        for verb in "install", "rollback":
            for number, point in enumerate(points(verb)):
                cut(place, layer, verb, point, "kill")
                settle(place, layer, ("recover", verb)[number % 2])
                same(layer.restarts(), [], f"restarts after {point}")


@test
def a_failure_at_each_point_leaves_packages_of_one_version(place):
    with place.layer(install=False) as layer:
        dpkg_down(place, layer)
        for point in points("install"):
            cut(place, layer, "install", point, "fail")
            settle(place, layer, "recover")


@test
def dpkg_killed_between_two_packages_is_ended_by_the_next_run(place):
    """By the package database: some are new, one is unpacked, others are old."""
    kin = family(place)
    with place.layer(install=False) as layer:
        dpkg_down(place, layer)
        for verb in "install", "rollback":
            cut(place, layer, verb, "disk-dpkg", "kill")
            to = NEW if verb == "install" else OLD
            layer.must("dpkg", "-i", layer.bring(kin.debs[DOCS, to]))
            layer.must("dpkg", "--unpack", layer.bring(kin.debs[LIB, to]))
            same(sorted(states(layer).values()),
                 sorted([f"ii {to}", f"iU {to}", f"ii {OLD if to == NEW else NEW}",
                         f"ii {OLD if to == NEW else NEW}"]), "in between")
            same(settle(place, layer, "recover"), to, "afterwards")


@test
def one_that_somebody_else_upgraded_meanwhile_ends_it(place):
    third = build(place, DOCS, "1.0-3")
    with place.layer(install=False) as layer:
        dpkg_down(place, layer)
        for verb in "install", "rollback":
            cut(place, layer, verb, "disk-dpkg", "kill")
            layer.must("dpkg", "-i", layer.bring(third))
            done = layer.graft("recover")
            check(done.returncode == 84 and f"{DOCS} was brought to another version" in done.stderr
                  and "by somebody else" in done.stderr, done.stderr)
            same(states(layer, (DOCS,)), {DOCS: "ii 1.0-3"}, verb)
            tidy(layer)
            same(layer.graft("recover").returncode, 3, "nothing is left of it")
        # What was removed meanwhile is left out, and the others go on.
        cut(place, layer, "install", "disk-dpkg", "kill")
        layer.must("dpkg", "--purge", DEV)
        same(layer.graft("recover").returncode, 0, "recover")
        rest = [name for name in ALL if name != DEV]
        same(states(layer, rest), dict.fromkeys(rest, f"ii {NEW}"), "the others")
        same(states(layer, (DEV,)), {DEV: ""}, "what was removed")
        tidy(layer)


@test
def kills_at_random_moments_leave_packages_that_the_next_run_makes_one_version(place):
    count = int(os.environ.get("GRAFT_TEST_KILLS", "4"))
    chance = random.Random(2)
    kin = family(place)
    counts = {OLD: 0, NEW: 0}
    with place.layer(install=False) as layer:
        dpkg_down(place, layer)
        start = time.monotonic()
        same(layer.install(kin.fix).returncode, 0, "install")
        length = 1.1 * (time.monotonic() - start)
        for _ in range(count):
            verb = "rollback" if states(layer)[LIB] == f"ii {NEW}" else "install"
            words = ("install", layer.bring(kin.fix)) if verb == "install" else ("rollback",)
            child = subprocess.Popen(layer.command("GRAFT_STATE_DIR=/graft-test/state",
                                                   "/graft-test/graft", *words),
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.random() * length)
            # Graft alone, or all that works there as a loss of power would.
            layer.run(*(("pkill", "-9", "-x", "graft") if chance.random() < 0.5
                        else ("sh", "-c", "kill -9 -1")))
            child.wait()
            counts[settle(place, layer, chance.choice(("recover", "install", "rollback")))] += 1
    same(sum(counts.values()), count, "kills")
    print(f"# {count} kills: {counts[OLD]} old, {counts[NEW]} new, 0 mixed", flush=True)

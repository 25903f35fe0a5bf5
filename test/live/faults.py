# SPDX-License-Identifier: Apache-2.0
"""Fail or die at every fault point of docs/fault-points.md, and ask the same of each:
the target works, nobody traces it, no thread is stopped, no set of jumps is half
live, and `graft recover` completes or undoes. The same while undoing fails too, while
recovery itself is cut off, and when the ledger is lost or cannot be written.

GRAFT_STORM=N goes over the first N passes of each point (without it: 2) and repeats
the whole N / 2 times (`make storm`).
"""
import contextlib
import os
import re
import shutil
import subprocess

from stage import ROOT, Skip, check, one_line, same, settled, test

STORM = int(os.environ.get("GRAFT_STORM", "2"))
THREADS = 4
# Left without an outcome, and not recovered by the tool that saw its guardian die.
OPEN = ",recover-begin:*:fail"
# A failure there is no failure of the verb: another thread is taken.
GOES_BY = {"call-frame"}
# Threads that were interrupted and not yet mended (docs/decisions/injection.md).
UNMENDED = {"target-interrupt"}


def table():
    """The rows of the table: point, verbs, whether it can only kill."""
    with open(os.path.join(ROOT, "docs/fault-points.md")) as file:
        rows = re.findall(r"^\| `([a-z-]+)` \| ([a-z, ]+)(; kill only)? \|", file.read(), re.M)
    check(len(rows) > 25, "the table of fault points cannot be read")
    return [(name, verbs.split(", "), bool(only)) for name, verbs, only in rows]


def works(place, victim, how):
    """After whatever happened, once recovered: all again, and nothing is left open."""
    states = settled(place, victim, THREADS, UNMENDED & set(re.findall(r"[a-z]+-[a-z]+", how)))
    eintr = victim.known_eintr
    place.run("apply", place.patch, "--pid", str(victim.pid))
    victim.expect(True, THREADS)
    place.revert(victim.pid)
    victim.expect(False, THREADS)
    same(place.states(victim.pid), ["reverted"], how)
    same(victim.known_eintr, eintr, "calls that were interrupted later")
    return states


def cut_off(place, victim, verb, how):
    """Run a verb with a fault. @return whether the fault was met."""
    if verb == "revert":
        place.apply(victim.pid)
    done = getattr(place, verb)(victim.pid, status=None, fault=how)
    check("Sanitizer" not in done.stderr, done.stderr)
    return done.returncode != 0 or bool(done.stderr)


def go_over(place, verb, kind):
    for name, verbs, only_kill in table():
        if verb not in verbs or (only_kill and kind == "fail"):
            continue
        for number in range(1, STORM + 1):
            how = f"{name}:{number}:{kind}"
            with place.victim(THREADS) as victim:
                met = cut_off(place, victim, verb, how)
                works(place, victim, how)
            goes_by = kind == "fail" and name in GOES_BY
            check(met or goes_by or number > 1, f"{verb} never passes {name}")
            if not met:
                break


def often(fn):
    for _ in range(max(1, STORM // 2)):
        fn()


@test
def a_kill_at_any_point_of_apply_is_recovered(place):
    often(lambda: go_over(place, "apply", "kill"))


@test
def a_failure_at_any_point_of_apply_is_undone(place):
    often(lambda: go_over(place, "apply", "fail"))


@test
def a_kill_at_any_point_of_revert_is_recovered(place):
    often(lambda: go_over(place, "revert", "kill"))


@test
def a_failure_at_any_point_of_revert_is_undone(place):
    often(lambda: go_over(place, "revert", "fail"))


@test
def what_fails_and_cannot_be_undone_either_is_recovered(place):
    first = {"apply": ("apply-map", "apply-write", "apply-ready", "call-made:2", "apply-jump:3",
                       "apply-switched", "apply-commit"),
             "revert": ("revert-jump:3", "revert-switched", "revert-stop")}
    more = ("undo-unmap:1:fail", "undo-unmap:*:fail", "undo-unmap:1:kill", "undo-unmap:2:kill",
            "undo-jump:1:fail", "undo-jump:*:fail", "undo-jump:2:kill", "state-write:2:fail",
            "state-write:2:kill")
    for verb, points in first.items():
        for point in points:
            for other in more:
                for last in ("", OPEN) if STORM > 2 or other.endswith("*:fail") else (OPEN,):
                    how = f"{point},{other}{last}"
                    with place.victim(THREADS) as victim:
                        check(cut_off(place, victim, verb, how), f"{how} was not met")
                        works(place, victim, how)


HALF = (("apply", "apply-jump:3:kill"), ("apply", "apply-map:1:kill"),
        ("apply", "apply-header:1:kill"), ("apply", "apply-stop:1:kill"),
        ("revert", "revert-jump:3:kill"), ("revert", "revert-stop:1:kill"))


@test
def a_recovery_that_is_cut_off_is_recovered(place):
    points = [n for n, verbs, _ in table() if {"recover", "undo", "apply", "revert"} & set(verbs)
              and not n.startswith(("ledger-beg", "call-", "apply-p", "apply-h", "apply-m"))]
    for verb, how in HALF if STORM > 2 else (HALF[0], HALF[1], HALF[4]):
        for point in points:
            for kind in "kill", "fail":
                with place.victim(THREADS) as victim:
                    check(cut_off(place, victim, verb, how + OPEN), f"{how} was not met")
                    place.recover(victim.pid, fault=f"{point}:1:{kind}")
                    works(place, victim, f"{how} {point}")


@test
def what_was_cut_off_is_recovered_without_the_ledger(place):
    for verb, how in HALF:
        with place.victim(THREADS) as victim:
            check(cut_off(place, victim, verb, how + OPEN), f"{how} was not met")
            shutil.rmtree(place.state)
            # Nothing leads to a blank page, and nothing tells that it is ours.
            met = 3 if "apply-header" in how else 0
            place.recover(victim.pid, "--wait", "30", status=met)
            works(place, victim, how)


@test
def a_long_header_that_was_never_written_is_taken_away(place):
    patch = place.path("long.graft")
    place.run("diff", place.path("old/libvictim.so"), place.path("new/libvictim.so"),
              "--title", "x" * 4000, "-o", patch, status=0)
    with place.victim(THREADS) as victim:
        before = victim.maps()
        place.run("apply", patch, "--pid", str(victim.pid), fault="apply-header:1:kill" + OPEN)
        new = [m for m in victim.maps() if m not in before and " r--p 00000000 00:00 0" in m]
        sizes = [int(m.split("-")[1].split()[0], 16) - int(m.split("-")[0], 16) for m in new]
        check(any(s >= 8192 for s in sizes), f"no long header is there: {new}")
        place.recover(victim.pid, status=0)
        same([m for m in victim.maps() if m in new], [], "what is left of it")
        settled(place, victim, THREADS)


@test
def a_corrupt_ledger_stops_recovery_until_it_is_moved_away(place):
    for verb, how in HALF:
        with place.victim(THREADS) as victim:
            check(cut_off(place, victim, verb, how + OPEN), f"{how} was not met")
            path = os.path.join(place.state, "ledger.db")
            for extra in "-wal", "-shm":
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path + extra)
            with open(path, "r+b") as file:
                file.write(os.urandom(8192))
            one_line(place.recover(victim.pid, status=74), "ledger", "move it away")
            one_line(place.apply(victim.pid, status=74), "ledger", "move it away")
            victim.untouched()
            os.rename(path, path + ".away")
            place.recover(victim.pid, "--wait", "30")
            works(place, victim, how)


@contextlib.contextmanager
def mounted(place, *options):
    """The state directory is a mount of its own."""
    shutil.rmtree(place.state, ignore_errors=True)
    os.mkdir(place.state)
    done = subprocess.run(["mount", "-t", "tmpfs", *options, "none", place.state],
                          capture_output=True, text=True)
    if done.returncode:
        raise Skip(f"mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place.state], check=True)


def remount(place, how):
    subprocess.run(["mount", "-o", f"remount,{how}", place.state], check=True)


@test
def a_ledger_that_cannot_be_written_changes_nothing_until_it_can(place):
    with mounted(place):
        with place.victim(THREADS) as victim:
            before = victim.maps()
            remount(place, "ro")
            one_line(place.apply(victim.pid, status=74), "ledger")
            same(victim.maps(), before, "the mappings")
            remount(place, "rw")
        for verb, how in HALF:
            with place.victim(THREADS) as victim:
                check(cut_off(place, victim, verb, how + OPEN), f"{how} was not met")
                remount(place, "ro")
                one_line(place.recover(victim.pid, status=74), "ledger")
                victim.untouched()
                remount(place, "rw")
                works(place, victim, how)


def fill(place):
    """Leave no byte free where the ledger is."""
    with open(os.path.join(place.state, "full"), "wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))


@test
def a_full_disk_changes_nothing_until_there_is_room(place):
    with mounted(place, "-o", "size=400k"):
        with place.victim(THREADS) as victim:
            place.apply(victim.pid)
            place.revert(victim.pid)
            before = victim.maps()
            fill(place)
            one_line(place.apply(victim.pid, status=74), "free some space")
            same(victim.maps(), before, "the mappings")
            os.unlink(os.path.join(place.state, "full"))
        for verb, how in HALF:
            with place.victim(THREADS) as victim:
                check(cut_off(place, victim, verb, how + OPEN), f"{how} was not met")
                fill(place)
                done = place.recover(victim.pid)
                check(done.returncode in (0, 3, 74), f"{done.returncode}: {done.stderr}")
                victim.untouched()
                os.unlink(os.path.join(place.state, "full"))
                works(place, victim, how)

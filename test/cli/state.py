# SPDX-License-Identifier: Apache-2.0
"""The state directory: missing, read-only, full, corrupt, lost; two at once."""
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time

from stage import GRAFT, LONG, check, children_of, one_line, same, status_of, test, until
from command import place_mounted


@test
def a_state_directory_that_is_missing_is_made_for_its_owner_alone(place):
    with place.victim() as victim:
        place.state = place.path("state/a/b")
        try:
            place.apply(victim.pid)
            same(os.stat(place.state).st_mode & 0o777, 0o700, "mode")
            same(os.stat(place.state + "/ledger.db").st_mode & 0o777, 0o600, "mode of the ledger")
            victim.expect(True)
        finally:
            place.state = place.path("state")


@test
def the_option_goes_before_the_environment(place):
    with place.victim() as victim:
        for argv in (["--state-dir", place.path("one")], ["--state-dir=" + place.path("two")]):
            place.run(*argv, "apply", place.patch, "--pid", str(victim.pid), status=0)
            check(os.path.exists(os.path.join(place.path("one"), "ledger.db")), "no ledger")
            place.run("revert", place.patch, "--pid", str(victim.pid), *argv, status=0)
        check(not os.path.exists(place.state), "the other one was used too")


def refused_before_harm(place, victim, *words, state=None, status=74):
    with place.unchanged(victim.pid):
        done = place.run("apply", place.patch, "--pid", str(victim.pid), state=state)
        same(done.returncode, status, f"status ({done.stderr})")
        one_line(done, *words)
    victim.expect(False)


@test
def a_state_directory_that_is_none_is_refused_before_harm(place):
    with place.victim() as victim:
        refused_before_harm(place, victim, "fix.graft", "state", state=place.patch)
        refused_before_harm(place, victim, "/proc/nowhere", state="/proc/nowhere")
        refused_before_harm(place, victim, "/dev/null", state="/dev/null/x")


@test
def a_state_directory_that_is_read_only_is_refused_before_harm(place):
    disk = place.path("ro")
    os.mkdir(disk)
    with place.victim() as victim, place_mounted(disk, "ro,size=64k"):
        refused_before_harm(place, victim, disk, state=disk)
        same(place.states(victim.pid, state=disk), [], "status works")
    with place.victim() as victim, place_mounted(disk, "size=4m"):
        place.apply(victim.pid, state=disk)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        done = place.run("revert", place.patch, "--pid", str(victim.pid), state=disk, status=74)
        one_line(done, disk)
        same(place.states(victim.pid, state=disk), ["applied"], "status works")
        victim.expect(True)
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        place.revert(victim.pid, state=disk)
        victim.expect(False)


@test
def a_state_directory_on_a_full_disk_is_refused_before_harm(place):
    disk = place.path("full")
    os.mkdir(disk)
    for room in (0, 4096, 16384, 40960):
        with place.victim() as victim, place_mounted(disk, "size=256k"):
            with open(os.path.join(disk, "fill"), "wb") as file:
                try:
                    while True:
                        os.write(file.fileno(), bytes(4096))
                except OSError:
                    pass
            os.truncate(os.path.join(disk, "fill"), 256 * 1024 - room)
            done = place.run("apply", place.patch, "--pid", str(victim.pid), state=disk)
            if done.returncode:
                check(done.returncode in (71, 74), f"{done.returncode}: {done.stderr}")
                one_line(done, disk)
            victim.expect(done.returncode == 0)
            same(status_of(victim.pid)["TracerPid"], "0", "tracer")
            os.unlink(os.path.join(disk, "fill"))
            place.run("recover", state=disk)
            victim.expect(place.states(victim.pid, state=disk) == ["applied"])


@test
def a_corrupt_ledger_is_refused_before_harm(place):
    with place.victim() as victim:
        place.apply(victim.pid)
        place.revert(victim.pid)
        path = os.path.join(place.state, "ledger.db")
        with open(path, "rb") as file:
            good = file.read()
        for name, data in (("text", b"hello" * 1000), ("cut", good[:len(good) // 2]),
                           ("header", b"x" * 100 + good[100:]),
                           ("pages", good[:4096] + b"\xff" * (len(good) - 4096))):
            for junk in ("-wal", "-shm", "-journal"):
                if os.path.exists(path + junk):
                    os.unlink(path + junk)
            with open(path, "wb") as file:
                file.write(data)
            done = place.run("apply", place.patch, "--pid", str(victim.pid))
            check(done.returncode == 74, f"{name}: {done.returncode}: {done.stderr}")
            one_line(done, "ledger")
            with open(path, "rb") as file:
                same(file.read(), data, "the corrupt ledger, which somebody may repair")
            victim.expect(False)
            same(place.states(victim.pid), ["reverted"], "status works")


@test
def a_ledger_of_a_newer_version_is_refused_before_harm(place):
    with place.victim() as victim:
        place.apply(victim.pid)
        place.revert(victim.pid)
        with sqlite3.connect(os.path.join(place.state, "ledger.db")) as db:
            db.execute("PRAGMA user_version = 9999")
        db.close()
        done = place.apply(victim.pid, status=74)
        one_line(done, "ledger", "9999", "newer")
        victim.expect(False)


@test
def a_ledger_that_lies_about_a_process_harms_nobody(place):
    """An intent with odd addresses and numbers, as after the disk was damaged."""
    with place.victim() as victim, place.victim() as other:
        place.apply(victim.pid)
        with sqlite3.connect(os.path.join(place.state, "ledger.db")) as db:
            row = db.execute("SELECT * FROM entry").fetchone()
            names = [d[0] for d in db.execute("SELECT * FROM entry").description]
            for change in ({"header_addr": 0}, {"header_addr": 0x1000}, {"header_addr": -8},
                           {"header_addr": 1 << 46}, {"pid": other.pid},
                           {"pid": 2147483647}, {"start_ticks": 5}, {"module": "\x1b[31m\n"},
                           {"function_count": 0}):
                made = {**dict(zip(names, row)), **change, "outcome": 0, "finish_us": 0}
                del made["id"]
                try:
                    db.execute(f"INSERT INTO entry ({','.join(made)}) VALUES "
                               f"({','.join('?' * len(made))})", list(made.values()))
                except sqlite3.IntegrityError:
                    pass
        db.close()
        done = place.run("recover", "--wait", "2")
        check(done.returncode in (0, 4, 65, 74), f"{done.returncode}: {done.stderr}")
        other.expect(False)
        victim.works()
        same(victim.works() == 17, place.states(victim.pid) == ["applied"], "what status says")


@test
def the_ledger_may_be_lost_between_apply_and_revert(place):
    with place.victim(3) as victim:
        place.apply(victim.pid)
        shutil.rmtree(place.state)
        same(place.states(victim.pid), ["applied"], "state")
        one_line(place.apply(victim.pid, status=3), "already")
        done = place.run("revert", place.id, "--all", status=0)
        check(str(victim.pid) in done.stdout, done.stdout)
        victim.expect(False, 3)
        place.apply(victim.pid)
        victim.expect(True, 3)


def two_at_once(place, victim, states):
    tools = [place.start("apply", place.patch, "--pid", str(victim.pid), "--wait", "10",
                         state=s) for s in states]
    done = [(t.communicate(timeout=5 * LONG), t.returncode) for t in tools]
    codes = sorted(c for _, c in done)
    check(codes.count(0) == 1, f"one does it: {done}")
    check(all(c in (0, 3, 4) for c in codes), f"the others say so: {done}")
    same(status_of(victim.pid)["TracerPid"], "0", "tracer")
    victim.expect(True, 4)
    same(place.states(victim.pid), ["applied"], "one hotpatch, once")


@test
def two_at_once_on_one_process_do_it_once(place):
    for _ in range(5):
        with place.victim(4) as victim:
            two_at_once(place, victim, [None] * 3)
            place.revert(victim.pid)
            victim.expect(False, 4)


@test
def two_with_different_state_directories_do_it_once(place):
    for _ in range(8):
        with place.victim(4) as victim:
            two_at_once(place, victim, [place.path("state"), place.path("state2")])
            place.revert(victim.pid)
            victim.expect(False, 4)
            same(place.states(victim.pid), ["reverted"], "state")


@test
def two_that_wait_for_the_same_thread_do_it_once(place):
    for states in ([None, None], [place.path("state"), place.path("state2")]):
        with place.victim(4) as victim:
            victim.block()
            tools = [place.start("apply", place.patch, "--pid", str(victim.pid), "--wait", "60",
                                 state=s) for s in states]
            until(lambda: any(children_of(tool.pid) for tool in tools), "none works on it")
            # So that the other one, most often, waits for the first.
            time.sleep(0.3)
            victim.tell("free")
            same(victim.line(), "unblocked 65", "OLD's answer")
            done = [(t.communicate(timeout=5 * LONG), t.returncode) for t in tools]
            codes = sorted(c for _, c in done)
            # With different locks they may get in each other's way, and say so.
            check(codes in ([0, 3], [0, 4]) or states[0] and codes == [4, 4], f"{done}")
            victim.expect(0 in codes, 4)
            if 0 not in codes:
                place.apply(victim.pid)
                victim.expect(True, 4)
            place.revert(victim.pid)
            victim.expect(False, 4)


@test
def apply_and_revert_at_once_end_in_one_of_the_two(place):
    with place.victim(4) as victim:
        for _ in range(15):
            tools = [place.start(v, place.patch, "--pid", str(victim.pid)) for v in
                     ("apply", "revert", "apply")]
            for tool in tools:
                _, err = tool.communicate(timeout=5 * LONG)
                check(tool.returncode in (0, 3, 4), f"{tool.returncode}: {err}")
            victim.expect(place.states(victim.pid) == ["applied"], 4)
        same(place.run("recover").returncode, 3, "nothing is left open")


def interrupted(place, number, blocked):
    dice = random.Random(number)
    with place.victim(4) as victim:
        if blocked:
            victim.block()
        for round_ in range(8):
            verb = "revert" if place.states(victim.pid) == ["applied"] else "apply"
            with subprocess.Popen([GRAFT, verb, place.patch, "--pid", str(victim.pid), "--wait",
                                   "30"], env=place.env(), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE) as tool:
                time.sleep(dice.random() * (0.3 if blocked else 0.03))
                tool.send_signal(number)
                tool.communicate(timeout=5 * LONG)
            same(status_of(victim.pid)["TracerPid"], "0", "tracer")
            victim.works()
        place.run("recover", "--wait", "30")
        same(place.run("recover").returncode, 3, "nothing is left open")
        if blocked:
            victim.tell("free")
            check(victim.line() == "unblocked 65", "OLD's answer")
        victim.expect(place.states(victim.pid) == ["applied"], 4)
        place.run("apply", place.patch, "--pid", str(victim.pid))
        victim.expect(True, 4)


@test
def an_interrupt_at_any_moment_leaves_a_victim_that_works(place):
    interrupted(place, signal.SIGINT, False)
    interrupted(place, signal.SIGINT, True)


@test
def a_termination_at_any_moment_leaves_a_victim_that_works(place):
    interrupted(place, signal.SIGTERM, False)
    interrupted(place, signal.SIGTERM, True)
    interrupted(place, signal.SIGHUP, True)


@test
def a_kill_at_any_moment_leaves_a_victim_that_works(place):
    interrupted(place, signal.SIGKILL, False)
    interrupted(place, signal.SIGKILL, True)


@test
def status_warns_of_a_ledger_that_is_none_and_tells_what_the_processes_say(place):
    os.mkdir(place.path("garbage"))
    place.write("garbage/ledger.db", b"no ledger" * 99)
    os.makedirs(place.path("folder/ledger.db"))
    os.mkdir(place.path("no-ledger"))
    with place.victim() as victim:
        place.apply(victim.pid)
        argv = ("status", "--pid", str(victim.pid), "--json")
        for bad, word in (("garbage", "ledger.db"), ("folder", "ledger.db"),
                          ("fix.graft", "no directory")):
            done = place.run(*argv, state=place.path(bad), status=0)
            one_line(done, "graft status: warning: ", bad, word)
            process, = json.loads(done.stdout)["processes"]
            same(process["hotpatches"][0]["state"], "applied", "state")
            check("applied" in place.run("status", state=place.path(bad), status=0).stdout, bad)
        for good in ("state", "no-ledger", "nowhere"):
            same(place.run(*argv, state=place.path(good), status=0).stderr, "", f"with {good}")

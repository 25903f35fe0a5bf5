# SPDX-License-Identifier: Apache-2.0
"""`graft apply --immediate`: a thread that sits for ever in the function that is replaced
ends its call in OLD, all others run NEW, where that is proven; else it is refused."""
import json
import os
import signal
import sqlite3
import subprocess

import faults
from stage import Victim, check, one_line, same, test, until
from victim import threads_in

READ = 0
OLD, NEW = 1000, 2000


class Immediate:
    """The library in its builds, the program, and a hotpatch for each of them."""

    def __init__(self, place):
        self.place = place
        for side, flags in (("old", []), ("new", ["-DNEW"]), ("unlike", ["-DNEW", "-DUNLIKE"]),
                            ("two", ["-DNEW", "-DMORE"]), ("newer", ["-DNEW", "-DMORE", "-DUNLIKE"])):
            os.makedirs(self.path(side), exist_ok=True)
            place.cc("immediatelib.c", f"immediate/{side}/libimmediate.so", "-shared", "-fPIC",
                     *flags)
            if side != "old":
                place.run("diff", self.path("old/libimmediate.so"),
                          self.path(f"{side}/libimmediate.so"), "-o", self.path(f"{side}.graft"),
                          status=0)
        place.cc("immediate.c", "immediate/program", self.path("old/libimmediate.so"),
                 f"-Wl,-rpath,{self.path('old')}", "-pthread")

    def path(self, name):
        return os.path.join(self.place.path("immediate"), name)

    def program(self):
        return Victim(self.path("program"))

    def apply(self, victim, *more, patch="new", **how):
        return self.place.run("apply", self.path(f"{patch}.graft"), "--pid", str(victim.pid),
                              *more, **how)

    def revert(self, victim, *more, **how):
        return self.place.run("revert", self.path("new.graft"), "--pid", str(victim.pid),
                              *more, **how)


def sit(victim):
    before = threads_in(victim.pid, READ)
    victim.tell("sit")
    until(lambda: threads_in(victim.pid, READ) > before, "the thread does not sit")


def asks(victim, want, text):
    victim.tell(f"call {want}")
    same(victim.line(), text, f"what a call of {want} answers")


def is_old(victim):
    asks(victim, 4, f"got {OLD + 4} sum 4")
    asks(victim, 20, f"got {OLD + 20} sum 20")


def is_new(victim):
    asks(victim, 4, f"got {NEW + 4} sum 4")
    asks(victim, 20, "got -1 sum 0")


def threads(victim):
    return sorted(int(t) for t in os.listdir(f"/proc/{victim.pid}/task"))


def said(place, victim, wanted):
    """`graft status` says whether --immediate was used."""
    who = ("status", "--pid", str(victim.pid))
    [process] = json.loads(place.run(*who, "--json", status=0).stdout)["processes"]
    same([h["immediate"] for h in process["hotpatches"]], [wanted], "what --json says")
    same("--immediate" in place.run(*who, status=0).stdout, wanted, "what the text says")


@test
def a_thread_that_sits_for_ever_goes_on_in_old_and_all_others_in_new(place):
    immediate = Immediate(place)
    with immediate.program() as victim:
        sit(victim)
        sit(victim)
        one_line(immediate.apply(victim, "--wait", "0.2", status=4), "R-13", "immediate_take",
                 "system call read on descriptor", "--immediate")
        is_old(victim)
        done = immediate.apply(victim, "--immediate", "--wait", "0", status=0)
        check("2 threads stay in the old function" in done.stdout, done.stdout)
        check("tries" not in done.stdout, f"it waited: {done.stdout}")
        is_new(victim)
        victim.untouched()
        with sqlite3.connect(os.path.join(place.state, "ledger.db")) as ledger:
            same(ledger.execute("SELECT note FROM entry ORDER BY id DESC").fetchone()[0],
                 "--immediate: 2 threads stayed in old code", "what the ledger says")
        said(place, victim, True)
        victim.tell("feed")
        same(victim.line(), f"sat {OLD + 4} sum 4", "who sat ends as OLD")
        is_new(victim)
        # The other one still sits there, and the bytes may come back.
        immediate.revert(victim, "--wait", "1", status=0)
        is_old(victim)
        victim.tell("feed")
        same(victim.line(), f"sat {OLD + 4} sum 4", "who sat over both ends as OLD")
        done = immediate.apply(victim, "--immediate", "--json", status=0)
        same(json.loads(done.stdout)["processes"][0]["stayed"], 0, "threads that stayed")
        is_new(victim)
        said(place, victim, True)
        # The process says so itself.
        for name in os.listdir(place.state):
            if name.startswith("ledger.db"):
                os.unlink(os.path.join(place.state, name))
        said(place, victim, True)
        immediate.revert(victim, status=0)
        immediate.apply(victim, status=0)
        said(place, victim, False)


@test
def revert_takes_no_immediate_and_waits_for_threads_in_new(place):
    immediate = Immediate(place)
    with immediate.program() as victim:
        immediate.apply(victim, "--immediate", status=0)
        sit(victim)
        immediate.revert(victim, "--immediate", status=2)
        one_line(immediate.revert(victim, "--wait", "0.2", status=4), "R-13")
        is_new(victim)
        victim.tell("feed")
        same(victim.line(), f"sat {NEW + 4} sum 4", "who sat ends as NEW")
        immediate.revert(victim, status=0)
        is_old(victim)


@test
def immediate_is_refused_where_nothing_is_proven(place):
    immediate = Immediate(place)
    with immediate.program() as victim:
        sit(victim)
        before = victim.maps()
        for patch, why in (("unlike", "something else is written"),
                           ("two", "more than one function")):
            one_line(immediate.apply(victim, "--immediate", patch=patch, status=4), "R-13",
                     "--immediate", why)
            done = immediate.apply(victim, "--wait", "0.1", patch=patch, status=4)
            check("--immediate" not in done.stderr, f"it is offered: {done.stderr}")
            shown = json.loads(place.run("show", immediate.path(f"{patch}.graft"), "--json",
                                         status=0).stdout)
            same(shown["immediate"], False, patch)
            check(why in shown["not_immediate"], shown["not_immediate"])
        same(victim.maps(), before, "what is mapped")
        is_old(victim)
        victim.tell("feed")
        same(victim.line(), f"sat {OLD + 4} sum 4", "who sat ends as OLD")


@test
def a_thread_in_the_code_of_an_older_hotpatch_is_in_the_way(place):
    immediate = Immediate(place)
    place.run("diff", immediate.path("old/libimmediate.so"), immediate.path("new/libimmediate.so"),
              "--title", "once more", "-o", immediate.path("again.graft"), status=0)
    with immediate.program() as victim:
        immediate.apply(victim, "--immediate", status=0)
        sit(victim)
        one_line(immediate.apply(victim, "--immediate", "--wait", "0.2", patch="again", status=4),
                 "R-13", "immediate_take")
        is_new(victim)
        victim.tell("feed")
        same(victim.line(), f"sat {NEW + 4} sum 4", "who sat ends as it was")
        immediate.apply(victim, "--immediate", patch="again", status=0)
        is_new(victim)


@test
def a_thread_in_the_bytes_that_the_jump_takes_is_waited_for(place):
    immediate = Immediate(place)
    place.cc("stepper.c", "stepper")
    with immediate.program() as victim:
        victim.tell("where")
        entry = victim.line()
        before = threads(victim)
        victim.tell("spin")
        until(lambda: len(threads(victim)) > len(before), "no thread spins")
        tid = [t for t in threads(victim) if t not in before][0]
        done = subprocess.run([place.path("stepper"), str(tid), entry], capture_output=True,
                              text=True, check=False)
        same(done.stdout, "there\n", f"the thread is stepped to the entry ({done.returncode})")
        one_line(immediate.apply(victim, "--immediate", "--wait", "0.2", status=4), "R-13",
                 str(tid), "immediate_take+0x")
        os.kill(victim.pid, signal.SIGCONT)
        immediate.apply(victim, "--immediate", "--wait", "30", status=0)
        is_new(victim)


@test
def an_immediate_that_is_cut_off_is_undone_or_done(place):
    immediate = Immediate(place)
    for name, verbs, only_kill in faults.table():
        if "apply" not in verbs:
            continue
        for kind in ("kill",) if only_kill else ("kill", "fail"):
            with immediate.program() as victim:
                sit(victim)
                immediate.apply(victim, "--immediate", "--wait", "0.5", fault=f"{name}:1:{kind}")
                place.recover(victim.pid, "--wait", "5")
                victim.untouched()
                same(place.recover(victim.pid).returncode, 3, f"{name} {kind}: what is left open")
                states = place.states(victim.pid)
                check(states in ([], ["applied"], ["reverted"]), f"{name} {kind}: {states}")
                (is_new if states == ["applied"] else is_old)(victim)
                immediate.apply(victim, "--immediate", "--wait", "0.5")
                is_new(victim)
                victim.tell("feed")
                same(victim.line(), f"sat {OLD + 4} sum 4", f"{name} {kind}: who sat")

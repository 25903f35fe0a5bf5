# SPDX-License-Identifier: Apache-2.0
"""A newer hotpatch that takes the place of an older one, and back: three builds of a
library (victims/chainlib.c), hotpatches from the first to both others.

A process is of one build, wholly: `expect` asks three functions of which one
changed in both, one in the second only and one in the third only, while threads
call two that must be of one build.
"""
import json
import os
import shutil
import subprocess

import faults
from stage import Victim, check, one_line, same, test

ANSWERS = {1: (101, 1, 1), 2: (202, 2, 1), 3: (303, 1, 3)}
THREADS = 4


class Chain:
    """Three builds and two hotpatches in a place."""

    def __init__(self, place, name="chain", flags=(), strip=False):
        self.place = place
        self.name = name
        self.patch = {}
        self.id = {}
        if not os.path.isdir(place.path(name)):
            self.make(flags, strip)
        for build in 2, 3:
            self.patch[build] = place.path(f"{name}/{build}.graft")
            self.id[build] = json.loads(place.run("show", self.patch[build],
                                                  "--json").stdout)["id"]

    def make(self, flags, strip):
        place = self.place
        for build in 1, 2, 3:
            os.makedirs(place.path(f"{self.name}/{build}"))
            lib = f"{self.name}/{build}/libchain.so"
            place.cc("chainlib.c", lib, "-shared", "-fPIC", f"-DBUILD={build}", *flags)
            if strip:
                subprocess.run(["strip", place.path(lib)], check=True)
        place.cc("chain.c", f"{self.name}/chain", place.path(f"{self.name}/1/libchain.so"),
                 f"-Wl,-rpath,{place.path(self.name)}/1", "-pthread")
        for build in 2, 3:
            place.run("diff", place.path(f"{self.name}/1/libchain.so"),
                      place.path(f"{self.name}/{build}/libchain.so"),
                      "-o", place.path(f"{self.name}/{build}.graft"), status=0)

    def victim(self, threads=THREADS):
        return Victim(self.place.path(f"{self.name}/chain"), str(threads))

    def apply(self, victim, build, *more, status=0, **how):
        return self.place.run("apply", self.patch[build], "--pid", str(victim.pid), *more,
                              status=status, **how)

    def revert(self, victim, build, *more, status=0, **how):
        return self.place.run("revert", self.id[build], "--pid", str(victim.pid), *more,
                              status=status, **how)

    def states(self, victim):
        """State by build, and the chain: build by the one before it."""
        done = self.place.run("status", "--pid", str(victim.pid), "--json", status=0)
        builds = {i: b for b, i in self.id.items()}
        states, before = {}, {}
        for process in json.loads(done.stdout)["processes"]:
            for h in process["hotpatches"]:
                states[builds[h["id"]]] = h["state"]
                before[builds[h["id"]]] = builds.get(h["before"])
        return states, before


def expect(victim, build):
    got = victim.ask()
    same((got["shared"], got["second"], got["third"]), ANSWERS[build], f"answers of {build}")
    same(got["bad"], 0, "calls in which two builds met")
    return got


def build_of(victim):
    """Which build runs; that it is one of them wholly is checked."""
    build = victim.ask()["shared"] // 100
    expect(victim, build)
    return build


@test
def a_newer_hotpatch_takes_the_place_of_an_older_one_in_one_stop(place):
    chain = Chain(place)
    with chain.victim(10) as victim:
        expect(victim, 1)
        chain.apply(victim, 2)
        expect(victim, 2)
        done = chain.apply(victim, 3, "--json")
        same(json.loads(done.stdout)["processes"][0]["tries"] >= 1, True, "stops")
        expect(victim, 3)
        same(chain.states(victim), ({2: "replaced", 3: "applied"}, {2: None, 3: 2}), "status")
        text = place.run("status", "--pid", str(victim.pid), status=0).stdout
        check(f"in the place of {chain.id[2][:12]}" in text, text)
        one_line(chain.apply(victim, 3, status=3), "already")
        victim.untouched()


@test
def a_revert_goes_back_to_the_one_before_and_then_to_the_build(place):
    chain = Chain(place)
    with chain.victim() as victim:
        chain.apply(victim, 2)
        chain.apply(victim, 3)
        one_line(chain.revert(victim, 2, status=3), "not in it", chain.id[3])
        expect(victim, 3)
        chain.revert(victim, 3)
        expect(victim, 2)
        same(chain.states(victim), ({2: "applied", 3: "reverted"}, {2: None, 3: 2}), "status")
        chain.revert(victim, 2)
        expect(victim, 1)
        same(chain.states(victim)[0], {2: "reverted", 3: "reverted"}, "status")


@test
def a_complete_revert_goes_back_to_the_build_at_once(place):
    chain = Chain(place)
    with chain.victim() as victim:
        chain.apply(victim, 2)
        chain.apply(victim, 3)
        chain.revert(victim, 3, "--completely")
        expect(victim, 1)
        same(chain.states(victim)[0], {2: "reverted", 3: "reverted"}, "status")
        chain.apply(victim, 3)
        expect(victim, 3)
        same(chain.states(victim)[1][3], None, "what is before it now")
        chain.revert(victim, 3)
        expect(victim, 1)


@test
def an_older_one_applied_again_comes_last_in_the_chain(place):
    chain = Chain(place)
    with chain.victim() as victim:
        chain.apply(victim, 2)
        for _ in range(2):
            chain.apply(victim, 3)
            same(chain.states(victim), ({2: "replaced", 3: "applied"}, {2: None, 3: 2}), "status")
            chain.apply(victim, 2)
            same(chain.states(victim), ({3: "replaced", 2: "applied"}, {3: None, 2: 3}), "status")
        chain.revert(victim, 2)
        expect(victim, 3)
        chain.revert(victim, 3)
        expect(victim, 1)


@test
def a_chain_is_known_without_the_ledger(place):
    chain = Chain(place)
    with chain.victim() as victim:
        chain.apply(victim, 2)
        chain.apply(victim, 3)
        shutil.rmtree(place.state)
        chain.revert(victim, 3)
        expect(victim, 2)


@test
def two_hundred_switches_there_and_back_take_no_more_memory_than_one(place):
    chain = Chain(place)
    with chain.victim(10) as victim:
        chain.apply(victim, 2)
        chain.apply(victim, 3)
        chain.revert(victim, 3)
        expect(victim, 2)
        mappings, memory = len(victim.maps()), victim.rss()
        for _ in range(200):
            chain.apply(victim, 3)
            chain.revert(victim, 3)
        expect(victim, 2)
        same(len(victim.maps()), mappings, "mappings")
        check(victim.rss() <= memory + 256, f"{victim.rss()} kB, {memory} before")
        victim.untouched()


@test
def a_thread_in_code_that_is_replaced_is_waited_for(place):
    chain = Chain(place)
    with chain.victim() as victim:
        chain.apply(victim, 2)
        victim.block()
        one_line(chain.apply(victim, 3, "--wait", "0.3", status=4), "R-13", "chain_block")
        expect(victim, 2)
        same(chain.states(victim)[0], {2: "applied"}, "what is left of the refusal")
        victim.tell("free")
        same(victim.line(), "unblocked 1065", "the answer of the second")
        chain.apply(victim, 3)
        victim.block()
        one_line(chain.revert(victim, 3, "--wait", "0.3", status=4), "R-13", "chain_block")
        expect(victim, 3)
        victim.tell("free")
        same(victim.line(), "unblocked 2065", "the answer of the third")


def cut_off(chain, victim, verb, how):
    """Run a verb on the chain with a fault. @return whether the fault was met."""
    chain.apply(victim, 2)
    if verb == "revert":
        chain.apply(victim, 3)
    done = getattr(chain, verb)(victim, 3, status=None, fault=how)
    check("Sanitizer" not in done.stderr, done.stderr)
    return done.returncode != 0 or bool(done.stderr)


def works(chain, victim, how):
    """Recovered, the process is wholly of one of the two builds, and goes on to both."""
    place = chain.place
    first = place.recover(victim.pid, "--wait", "5")
    victim.untouched()
    again = place.recover(victim.pid)
    same(again.returncode, 3, f"{how}: a second recover has nothing to do ({first}, {again})")
    build = build_of(victim)
    check(build in (2, 3), f"{how}: it is of build {build}")
    states = chain.states(victim)[0]
    same([b for b, s in states.items() if s == "applied"], [build], f"{how}: applied")
    check(set(states.values()) <= {"applied", "replaced", "reverted"}, f"{how}: {states}")
    chain.apply(victim, 3, status=None)
    expect(victim, 3)
    chain.revert(victim, 3)
    expect(victim, 2)
    chain.revert(victim, 2)
    expect(victim, 1)
    same(chain.states(victim)[0], {2: "reverted", 3: "reverted"}, how)


def go_over(chain, verb, kind, ledger=True):
    for name, verbs, only_kill in faults.table():
        if verb not in verbs or (only_kill and kind == "fail"):
            continue
        for number in range(1, faults.STORM + 1):
            how = f"{name}:{number}:{kind}" + ("" if ledger else faults.OPEN)
            with chain.victim() as victim:
                met = cut_off(chain, victim, verb, how)
                if not ledger:
                    shutil.rmtree(chain.place.state)
                works(chain, victim, how)
            if not met:
                break


@test
def a_kill_at_any_point_of_a_switch_leaves_all_of_one(place):
    chain = Chain(place)
    for verb in "apply", "revert":
        go_over(chain, verb, "kill")


@test
def a_failure_at_any_point_of_a_switch_leaves_all_of_one(place):
    chain = Chain(place)
    for verb in "apply", "revert":
        go_over(chain, verb, "fail")


HALF = (("apply", "apply-jump:1:kill"), ("apply", "apply-jump:2:kill"),
        ("apply", "apply-jump:4:kill"), ("apply", "apply-switched:1:kill"),
        ("apply", "apply-commit:1:kill"), ("revert", "revert-jump:1:kill"),
        ("revert", "revert-jump:2:kill"), ("revert", "revert-jump:4:kill"),
        ("revert", "revert-switched:1:kill"))


@test
def a_mixture_of_two_hotpatches_is_recovered_with_the_ledger_and_without(place):
    chain = Chain(place)
    for verb, how in HALF:
        for ledger in True, False:
            with chain.victim() as victim:
                check(cut_off(chain, victim, verb, how + faults.OPEN), f"{how} was not met")
                if not ledger:
                    shutil.rmtree(place.state)
                works(chain, victim, how)


@test
def an_older_one_that_comes_back_is_cut_off_and_recovered(place):
    chain = Chain(place)
    points = [f"{p}:{n}:{kind}" for p in ("before-write", "apply-jump") for n in (1, 2)
              for kind in ("kill", "fail")]
    for how in points:
        with chain.victim() as victim:
            chain.apply(victim, 2)
            chain.apply(victim, 3)
            check(chain.apply(victim, 2, status=None, fault=how + faults.OPEN).returncode,
                  f"{how} was not met")
            works(chain, victim, how)


@test
def variables_that_both_have_keep_their_values(place):
    chain = Chain(place, "counts", ["-DCOUNTS"])
    with chain.victim() as victim:
        chain.apply(victim, 2)
        counts = [expect(victim, 2)["count"] for _ in range(3)]
        for _ in range(2):
            chain.apply(victim, 3)
            counts += [expect(victim, 3)["count"] for _ in range(3)]
            chain.revert(victim, 3)
            counts += [expect(victim, 2)["count"] for _ in range(2)]
        chain.revert(victim, 2)
        same(expect(victim, 1)["count"], -1, "the count of the build")
        chain.apply(victim, 3)
        counts.append(expect(victim, 3)["count"])
        same(counts, [1001 * (n + 1) for n in range(len(counts))], "the counts")


@test
def a_variable_that_only_the_newer_one_has_begins_anew(place):
    chain = Chain(place, "more", ["-DCOUNTS", "-DMORE"])
    with chain.victim() as victim:
        chain.apply(victim, 2)
        same([expect(victim, 2)["count"] for _ in range(2)], [1001, 2002], "the counts")
        chain.apply(victim, 3)
        same(expect(victim, 3)["count"], (1000000 + 3) * 1000 + 3, "the count")
        chain.revert(victim, 3)
        same(expect(victim, 2)["count"], (1000000 + 4) * 1000 + 4, "the count")


@test
def variables_of_which_it_is_not_known_whether_both_have_them_are_refused(place):
    for name, flag in ("renamed", "-DRENAMED"), ("table", "-DTABLE"):
        chain = Chain(place, name, ["-DCOUNTS", flag])
        with chain.victim() as victim:
            chain.apply(victim, 2)
            count = expect(victim, 2)["count"]
            one_line(chain.apply(victim, 3, status=4), "R-12", "new variables", chain.id[2],
                     "revert")
            same(expect(victim, 2)["count"], 2 * count, "the count goes on")
            chain.revert(victim, 2)
            chain.apply(victim, 3)
            expect(victim, 3)


@test
def a_switch_of_variables_that_is_cut_off_keeps_their_values(place):
    chain = Chain(place, "counts", ["-DCOUNTS"])
    for verb, how in HALF:
        with chain.victim() as victim:
            chain.apply(victim, 2)
            before = expect(victim, 2)["count"]
            if verb == "revert":
                chain.apply(victim, 3)
            getattr(chain, verb)(victim, 3, status=None, fault=how + faults.OPEN)
            place.recover(victim.pid, "--wait", "5")
            same(victim.ask()["count"], before + 1001, f"{how}: the count goes on")


def pointers(chain, victim):
    """By build: how many pointers lead to code of it that is not in."""
    done = chain.place.run("status", "--pid", str(victim.pid), "--json", status=0)
    builds = {i: b for b, i in chain.id.items()}
    return {builds[h["id"]]: h["pointers"] for p in json.loads(done.stdout)["processes"]
            for h in p["hotpatches"]}


@test
def pointers_to_added_functions_are_told_after_a_revert(place):
    chain = Chain(place)
    with chain.victim() as victim:
        chain.apply(victim, 2)
        same(pointers(chain, victim), {2: None}, "what is in is not searched")
        chain.apply(victim, 3)
        same(pointers(chain, victim), {2: 0, 3: None}, "pointers, before there is one")
        chain.revert(victim, 3)
        victim.tell("pick")
        same(victim.line(), "picked 2", "the function that is kept")
        chain.revert(victim, 2)
        expect(victim, 1)
        same(pointers(chain, victim), {2: 1, 3: 0}, "pointers")
        text = place.run("status", "--pid", str(victim.pid), status=0).stdout
        check("1 pointer in its memory still leads" in text, text)
        victim.tell("call")
        same(victim.line(), "called 2", "what is called through it")
        victim.tell("pick")
        same(victim.line(), "picked 1", "the function of the build")
        same(pointers(chain, victim), {2: 0, 3: 0}, "pointers, when it is gone")

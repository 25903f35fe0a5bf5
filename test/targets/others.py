# SPDX-License-Identifier: Apache-2.0
"""Others who change or watch the code of a process."""
import contextlib
import json
import os
import re
import subprocess

from stage import Skip, check, one_line, same, test

TRACING = "/sys/kernel/tracing"


def offset_of(place, name):
    symbols = subprocess.run(["nm", "-D", place.old], capture_output=True, text=True,
                             check=True).stdout
    return int(re.search(rf"^(\S+) T {name}$", symbols, re.M).group(1), 16)


def address_of(place, victim, name):
    with open(f"/proc/{victim.pid}/maps") as file:
        base = min(int(line.split("-")[0], 16) for line in file if "libvictim" in line)
    return base + offset_of(place, name)


def write(victim, at, data):
    with open(f"/proc/{victim.pid}/mem", "r+b", buffering=0) as mem:
        mem.seek(at)
        mem.write(data)


def read(victim, at, count):
    with open(f"/proc/{victim.pid}/mem", "rb", buffering=0) as mem:
        mem.seek(at)
        return mem.read(count)


@test
def a_jump_of_another_engine_is_refused_and_stays(place):
    with place.victim() as victim:
        at = address_of(place, victim, "victim_parse")
        jump = b"\xe9\x00\x00\x00\x00"
        was = read(victim, at, len(jump))
        write(victim, at, jump)
        one_line(place.apply(victim.pid, status=4), "R-12", "victim_parse")
        same(read(victim, at, len(jump)), jump, "the jump")
        write(victim, at, was)
        place.apply(victim.pid)
        victim.expect(True)


@test
def a_jump_that_came_over_ours_is_refused_and_stays(place):
    with place.victim() as victim:
        place.apply(victim.pid)
        at = address_of(place, victim, "victim_climb")
        was = read(victim, at, 5)
        write(victim, at, b"\xe9\x10\x00\x00\x00")
        one_line(place.revert(victim.pid, status=4), "R-12", "libvictim", "victim_climb")
        same(read(victim, at, 5), b"\xe9\x10\x00\x00\x00", "the jump")
        write(victim, at, was)
        place.revert(victim.pid)
        victim.expect(False)


@contextlib.contextmanager
def tracing():
    """The kernel's tracing files, mounted by us if nobody has."""
    mounted = False
    if not os.path.exists(f"{TRACING}/uprobe_events"):
        if subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACING],
                          capture_output=True).returncode:
            raise Skip("tracefs cannot be mounted")
        mounted = True
    try:
        if not os.path.exists(f"{TRACING}/uprobe_events"):
            raise Skip("this kernel has no uprobes")
        yield
    finally:
        if mounted:
            subprocess.run(["umount", TRACING], capture_output=True)


def order(line):
    """Python's own append seeks, which this file does not let it do."""
    fd = os.open(f"{TRACING}/uprobe_events", os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, line.encode())
    finally:
        os.close(fd)


@contextlib.contextmanager
def probe(place, name):
    """A uprobe at the entry of a function of OLD, in each process that maps it."""
    group = f"graft{os.getpid()}"
    order(f"p:{group}/{name} {place.old}:{offset_of(place, name):#x}\n")
    enable = f"{TRACING}/events/{group}/{name}/enable"
    try:
        with open(enable, "w") as file:
            file.write("1")
        yield
    finally:
        with open(enable, "w") as file:
            file.write("0")
        order(f"-:{group}/{name}\n")


@test
def a_uprobe_that_was_set_before_is_refused(place):
    with tracing(), place.victim() as victim:
        with probe(place, "victim_block"):
            victim.expect(False)
            one_line(place.apply(victim.pid, status=4), "R-12", "victim_block", "breakpoint")
            victim.expect(False)
        place.apply(victim.pid)
        victim.expect(True)


def blocked_and_freed(victim, want):
    """The victim goes through the function that reads a byte."""
    victim.block()
    victim.tell("free")
    same(victim.line(), f"unblocked {want}", "what it made of the byte")


@test
def a_uprobe_that_is_set_afterwards_harms_nobody(place):
    with tracing(), place.victim(2) as victim:
        place.apply(victim.pid)
        at = address_of(place, victim, "victim_block")
        before = read(victim, at, 16)
        for _ in range(3):
            with probe(place, "victim_block"):
                same(read(victim, at, 1), b"\xcc", "the first byte while it is probed")
                blocked_and_freed(victim, 1065)
                victim.expect(True, 2)
            same(read(victim, at, 16), before, "the bytes at its entry")
            blocked_and_freed(victim, 1065)
        same(place.states(victim.pid), ["applied"], "state")
        with probe(place, "victim_block"):
            place.revert(victim.pid)
            blocked_and_freed(victim, 65)
        blocked_and_freed(victim, 65)
        victim.expect(False, 2)


def ruined(place, victim):
    """The jump at an entry of which the first instruction changed, after a uprobe."""
    place.apply(victim.pid)
    at = address_of(place, victim, "victim_climb")
    jump = read(victim, at, 5)
    same(jump[:1], b"\xe9", "the jump stands at the entry")
    with probe(place, "victim_climb"):
        same(read(victim, at, 5), b"\xcc" + jump[1:], "the entry while it is probed")
        one_line(place.revert(victim.pid, status=4), "R-12", "victim_climb", "uprobe")
    check(read(victim, at, 1) != jump[:1] and read(victim, at + 1, 4) == jump[1:],
          "the kernel writes the file's byte over it")
    same(place.states(victim.pid), ["damaged"], "state")
    return at, jump


@test
def a_jump_that_a_uprobe_ruined_is_mended_or_taken_out(place):
    with tracing(), place.victim(2) as victim:
        was = read(victim, address_of(place, victim, "victim_climb"), 5)
        at, jump = ruined(place, victim)
        place.run("recover", "--pid", str(victim.pid), status=0)
        same(read(victim, at, 5), jump, "the mended jump")
        same(place.states(victim.pid), ["applied"], "state")
        victim.expect(True, 2)
        place.run("recover", "--pid", str(victim.pid), status=3)
        place.revert(victim.pid)
        ruined(place, victim)
        place.revert(victim.pid)
        same(read(victim, at, 5), was, "the bytes of OLD")
        same(place.states(victim.pid), ["reverted"], "state")
        victim.expect(False, 2)


def climbing_in_old_code(place, victim):
    """A thread that sleeps in old code though the hotpatch is there: without its jump
    for a moment. Returns where the jump belongs, OLD's bytes and the jump."""
    at = address_of(place, victim, "victim_climb")
    was = read(victim, at, 5)
    place.apply(victim.pid)
    jump = read(victim, at, 5)
    write(victim, at, was)
    victim.climb()
    return at, was, jump


@test
def who_is_in_old_code_behind_a_ruined_jump_keeps_it_from_being_mended(place):
    with place.victim() as victim:
        # As one that a ruined jump led there, which then went on by chance.
        at, was, jump = climbing_in_old_code(place, victim)
        write(victim, at, was[:1] + jump[1:])
        same(place.states(victim.pid), ["damaged"], "state")
        one_line(place.revert(victim.pid, "--wait", "0.2", status=4), "R-13", "victim_climb")
        done = place.run("recover", "--pid", str(victim.pid), "--wait", "0.2")
        check(done.returncode != 0 and "R-13" in done.stderr, done)
        same(read(victim, at, 5), was[:1] + jump[1:], "the ruined jump")
        victim.tell("wake")
        same(victim.line(), "climbed 1000", "the thread ends as OLD")
        place.run("recover", "--pid", str(victim.pid), status=0)
        same(read(victim, at, 5), jump, "the mended jump")
        victim.tell("climb 1000 0")
        same(victim.line(), "climbed 2000", "it is NEW")


def threads_in_old_code(place, *words):
    done = json.loads(place.run("status", "--json", *words, status=0).stdout)
    return [thread["function"] for process in done["processes"]
            for hotpatch in process["hotpatches"] for thread in hotpatch["threads_in_old_code"]]


@test
def status_stops_only_who_is_named_to_look_for_threads_in_old_code(place):
    with place.victim() as victim:
        at, _, jump = climbing_in_old_code(place, victim)
        write(victim, at, jump)
        same(place.states(victim.pid), ["applied"], "state")
        same(threads_in_old_code(place), [], "what is seen without a stop")
        same(threads_in_old_code(place, "--pid", str(victim.pid)), ["victim_climb"], "in a stop")
        victim.tell("wake")
        same(victim.line(), "climbed 1000", "the thread ends as OLD")
        same(threads_in_old_code(place, "--pid", str(victim.pid)), [], "afterwards")


@test
def what_only_looks_like_a_ruined_jump_is_left(place):
    with place.victim() as victim:
        place.apply(victim.pid)
        at = address_of(place, victim, "victim_climb")
        jump = read(victim, at, 5)
        for other in (b"\x90" + jump[1:], jump[:1] + b"\1" + jump[2:]):
            write(victim, at, other)
            one_line(place.revert(victim.pid, status=4), "R-12", "victim_climb")
            same(place.states(victim.pid), ["damaged"], "state")
            place.run("recover", "--pid", str(victim.pid), status=3)
            same(read(victim, at, 5), other, "what somebody else wrote")
        write(victim, at, jump)
        place.revert(victim.pid)
        victim.expect(False)


@test
def a_debugger_that_is_attached_keeps_us_out_until_it_leaves(place):
    with place.victim(1) as victim:
        try:
            gdb = subprocess.Popen(["gdb", "-q", "-nx", "-p", str(victim.pid)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        except FileNotFoundError:
            raise Skip("gdb is not installed") from None
        with gdb:
            gdb.stdin.write("echo here\\n\n")
            gdb.stdin.flush()
            for line in gdb.stdout:
                if "here" in line:
                    break
            one_line(place.apply(victim.pid, "--wait", "0.2", status=4), str(victim.pid), "gdb")
            gdb.stdin.write("detach\nquit\n")
            gdb.stdin.flush()
            gdb.communicate()
        victim.expect(False, 1)
        place.apply(victim.pid)
        victim.expect(True, 1)

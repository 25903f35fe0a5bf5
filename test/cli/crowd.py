# SPDX-License-Identifier: Apache-2.0
"""Many processes, and processes in odd places."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time

from programs import answers, program
from stage import (GRAFT, LONG, SIGTIMEDWAIT, Victim, check, one_line, same, status_of, test,
                   threads_in, until)


@test
def two_hundred_processes_are_done_with_one_command(place):
    with contextlib.ExitStack() as stack:
        victims = [stack.enter_context(place.victim()) for _ in range(200)]
        done = json.loads(place.run("apply", place.patch, "--all", "--json", status=0,
                                    timeout=900).stdout)
        same({p["pid"] for p in done["processes"]} >= {v.pid for v in victims}, True, "all")
        for victim in victims:
            victim.expect(True)
        done = place.run("revert", place.patch, "--all", status=0, timeout=900)
        same(len(done.stdout.splitlines()), 200, "lines")
        for victim in victims:
            victim.expect(False)


@contextlib.contextmanager
def inside(victim):
    """A thread of the victim is inside a function to be replaced."""
    victim.block()
    yield
    victim.tell("free")
    check(victim.line().startswith("unblocked"), "the thread goes on")


@test
def all_or_none_takes_back_what_was_done_if_one_is_refused(place):
    with place.victim(1) as one, place.victim(1) as two, place.victim(1) as three:
        pids = [word for victim in (one, two, three) for word in ("--pid", str(victim.pid))]
        with inside(two):
            done = place.run("apply", place.patch, *pids, "--wait", "1.5", status=5)
            check(f"pid {one.pid}" in done.stdout and f"pid {two.pid}" in done.stderr, done)
            for victim, new in (one, True), (two, False), (three, True):
                victim.expect(new, 1)
            place.run("revert", place.patch, "--all", status=0)
            done = place.run("apply", place.patch, *pids, "--wait", "1.5", "--all-or-none",
                             status=4)
            check("R-13" in done.stderr and done.stdout == "", done)
            same(done.stderr.count(f"taken back, because process {two.pid}"), 2, "taken back")
            for victim in one, two, three:
                check(place.states(victim.pid) in ([], ["reverted"]), "state")
                victim.expect(False, 1)
        place.run("apply", place.patch, *pids, "--all-or-none", status=0)
        for victim in one, two, three:
            victim.expect(True, 1)
        # There is nothing to do in those that have it: that refuses nothing.
        place.revert(two.pid)
        place.run("apply", place.patch, *pids, "--all-or-none", status=0)
        two.expect(True, 1)


@test
def who_waits_for_its_threads_lets_nobody_wait(place):
    with contextlib.ExitStack() as stack:
        victims = [stack.enter_context(place.victim(1)) for _ in range(5)]
        # The first ones that are found, and one that stays inside for ever.
        passing, staying = victims[:2], victims[2]
        with inside(staying):
            for victim in passing:
                victim.block()
            for verb, new in ("apply", True), ("revert", False):
                start = time.monotonic()
                with place.start(verb, place.patch, "--all", "--wait", "6") as tool:
                    for victim in victims[3:]:
                        until(lambda: victim.works() == (17 if new else 11), f"{verb}: it waits")
                    if verb == "apply":
                        for victim in passing:
                            victim.tell("free")
                            same(victim.line(), "unblocked 65", "OLD's answer")
                    out, err = tool.communicate(timeout=5 * LONG)
                took = time.monotonic() - start
                same(tool.returncode, 5 if verb == "apply" else 0, f"{verb}: status ({out}{err})")
                for victim in passing + victims[3:]:
                    check(f"pid {victim.pid}" in out, out)
                    victim.expect(new, 1)
                if verb == "apply":
                    check(took >= 6, f"it had {took:.1f} s")
                    one_line_of(err, staying.pid, "R-13", "victim_block")
        staying.expect(False, 1)


@test
def who_came_first_has_its_time_when_all_were_looked_at(place):
    with contextlib.ExitStack() as stack:
        victims = [stack.enter_context(place.victim(1)) for _ in range(40)]
        for victim in victims:
            victim.block()
        pids = [word for victim in victims for word in ("--pid", str(victim.pid))]
        start = time.monotonic()
        place.run("apply", place.patch, *pids, "--wait", "0.02", status=4)
        look = time.monotonic() - start
        looked = len(place.ledger())
        with place.start("apply", place.patch, *pids, "--wait", f"{look * 0.9:.3f}") as tool:
            # All have been looked at then, which takes longer than each may wait.
            until(lambda: len(place.ledger()) >= looked + len(victims), "they are not looked at", 5 * LONG)
            victims[0].tell("free")
            out, err = tool.communicate(timeout=5 * LONG)
        same(tool.returncode, 5, f"status ({err})")
        check(f"pid {victims[0].pid}" in out, f"{out}{err}")
        for victim in victims[1:]:
            victim.tell("free")
        place.run("revert", place.patch, "--all", status=0)


def one_line_of(text, pid, *words):
    """Exactly one line is about a process, and it says all of these words."""
    lines = [line for line in text.splitlines() if f"pid {pid}" in line]
    same(len(lines), 1, f"lines of {pid} in {text}")
    check(all(word in lines[0] for word in words), lines[0])


@test
def canaries_come_first_and_the_rest_only_if_they_live(place):
    with contextlib.ExitStack() as stack:
        victims = [stack.enter_context(place.victim(1)) for _ in range(5)]
        with place.start("apply", place.patch, "--all", "--canary", "2", "--watch",
                         "600") as tool:
            until(lambda: sum(place.states(v.pid) == ["applied"] for v in victims) >= 2,
                  "no canary was switched")
            time.sleep(0.5)
            canaries = [v for v in victims if place.states(v.pid) == ["applied"]]
            same(len(canaries), 2, "canaries")
            canaries[0].process.kill()
            canaries[0].process.wait()
            out, err = tool.communicate(timeout=5 * LONG)
        same(tool.returncode, 4, f"status ({out}{err})")
        check(f"pid {canaries[0].pid}" in err and "canary ended by SIGKILL" in err, err)
        check(f"pid {canaries[1].pid}" in err and "taken back" in err, err)
        for victim in victims:
            if victim is not canaries[0]:
                victim.expect(False, 1)
        start = time.monotonic()
        done = place.run("apply", place.patch, "--all", "--canary", "1", "--watch", "1.5",
                         status=0)
        check(time.monotonic() - start >= 1.5, "they were not watched")
        same(len(done.stdout.splitlines()), 4, "lines")
        for victim in victims:
            if victim is not canaries[0]:
                victim.expect(True, 1)


def canary_of(place, victims):
    """Wait until one is switched."""
    until(lambda: any(place.states(v.pid) == ["applied"] for v in victims),
          "no canary was switched")
    return next(v for v in victims if place.states(v.pid) == ["applied"])


BECOMES = """
int main(void)
{
	char c;
	say("ready\\n", 0);
	while (read(0, &c, 1) == 1 && c != 'x')
		say("answer %ld\\n", victim_answer(5));
	execl("/bin/cat", "cat", NULL);
	return 1;
}
"""


@test
def a_canary_that_executes_another_program_has_ended(place):
    made = program(place, "becomes", BECOMES)
    with Victim(made) as one, Victim(made) as two:
        with place.start("apply", place.patch, "--all", "--canary", "1", "--watch",
                         "600") as tool:
            canary = canary_of(place, (one, two))
            canary.process.stdin.write(b"x")
            out, err = tool.communicate(timeout=5 * LONG)
        same(tool.returncode, 4, f"status ({out}{err})")
        one_line_of(err, canary.pid, "the canary executed another program")
        answers(two if canary is one else one, 11)


@test
def who_executes_another_program_before_its_turn_is_not_meant(place):
    """--all meant it when it looked; who is another program since has nothing to be told of."""
    made = program(place, "becomes-other", BECOMES)
    with Victim(made) as one, Victim(made) as two:
        with place.start("apply", place.patch, "--all", "--canary", "1", "--watch",
                         "5") as tool:
            canary = canary_of(place, (one, two))
            other = two if canary is one else one
            other.process.stdin.write(b"x")
            until(lambda: "cat" in status_of(other.pid)["Name"], "it is what it was")
            out, err = tool.communicate(timeout=5 * LONG)
        same(tool.returncode, 0, f"status ({out}{err})")
        check(str(other.pid) not in out + err, out + err)
        answers(canary, 17)


@test
def who_interrupts_the_watch_of_canaries_is_told_what_is_so(place):
    for number in signal.SIGINT, signal.SIGTERM:
        with contextlib.ExitStack() as stack:
            victims = [stack.enter_context(place.victim(1)) for _ in range(3)]
            with place.start("apply", place.patch, "--all", "--canary", "1", "--watch",
                             "600") as tool:
                canary = canary_of(place, victims)
                until(lambda: threads_in(tool.pid, SIGTIMEDWAIT, leader=True),
                      "nobody watches")
                tool.send_signal(number)
                out, err = tool.communicate(timeout=5 * LONG)
            same(tool.returncode, -number, f"status ({out}{err})")
            one_line_of(out, canary.pid, "applied")
            check("interrupted while 1 canary was watched: it stays switched" in err, err)
            check(f"graft revert {place.id} --all" in err, err)
            for victim in victims:
                victim.expect(victim is canary, 1)
            same(place.run("recover").returncode, 3, "nothing is left open")
            place.run("apply", place.patch, "--all", status=0)
            for victim in victims:
                victim.expect(True, 1)


@test
def who_still_waits_when_a_canary_ends_is_told_of(place):
    with place.victim(1) as waiting, place.victim(1) as canary, inside(waiting):
        pids = [word for v in (waiting, canary) for word in ("--pid", str(v.pid))]
        with place.start("apply", place.patch, *pids, "--canary", "1", "--watch", "600",
                         "--wait", "60") as tool:
            same(canary_of(place, (waiting, canary)), canary, "the canary")
            canary.process.kill()
            canary.process.wait()
            out, err = tool.communicate(timeout=5 * LONG)
        same(tool.returncode, 4, f"status ({out}{err})")
        one_line_of(err, waiting.pid, "it waited for its threads when a canary ended")
        one_line_of(err, canary.pid, "the canary ended")
        waiting.expect(False, 1)


@test
def who_waits_while_canaries_are_watched_has_its_time_afterwards(place):
    with contextlib.ExitStack() as stack:
        victims = [stack.enter_context(place.victim(1)) for _ in range(3)]
        victims[0].block()
        with place.start("apply", place.patch, "--all", "--canary", "1", "--watch", "7",
                         "--wait", "6") as tool:
            until(lambda: all(place.states(v.pid) == ["applied"] for v in victims[1:]),
                  "the others were not switched")
            victims[0].tell("free")
            same(victims[0].line(), "unblocked 65", "OLD's answer")
            out, err = tool.communicate(timeout=5 * LONG)
        same(tool.returncode, 0, f"status ({out}{err})")
        for victim in victims:
            victim.expect(True, 1)


@test
def a_process_that_appears_meanwhile_is_found_in_a_last_pass(place):
    with place.victim() as first:
        with place.start("apply", place.patch, "--all", "--canary", "1", "--watch",
                         "6") as tool:
            until(lambda: place.states(first.pid) == ["applied"], "the canary was not switched")
            with place.victim() as late:
                out, err = tool.communicate(timeout=5 * LONG)
                same(tool.returncode, 0, f"status ({out}{err})")
                check(f"pid {late.pid}" in out, out)
                late.expect(True)
        first.expect(True)


@test
def what_says_how_many_is_checked(place):
    for words in (("--canary", "0"), ("--canary", "x"), ("--canary", "-1"),
                  ("--watch", "3"), ("--canary", "1", "--watch", "x")):
        one_line(place.run("apply", place.patch, "--all", *words, status=2), "graft apply")


@test
def processes_that_come_and_go_do_not_disturb_all(place):
    with place.victim(2) as victim, subprocess.Popen(
            ["sh", "-c", f"while :; do {place.path('old/victim')} 0 </dev/null >/dev/null; done"],
            start_new_session=True) as crowd:
        try:
            for verb, new in (("apply", True), ("revert", False)) * 5:
                done = place.run(verb, place.patch, "--all")
                check(done.returncode in (0, 5), f"{done.returncode}: {done.stderr}")
                victim.expect(new, 2)
        finally:
            os.killpg(crowd.pid, 9)
    same(place.run("recover").returncode in (0, 3), True, "recover")


@test
def children_that_are_forked_while_it_is_switched_work(place):
    with place.victim(2) as victim:
        children = []
        try:
            for verb in ("apply", "revert") * 6:
                tool = place.start(verb, place.patch, "--pid", str(victim.pid))
                for _ in range(4):
                    victim.tell("breed")
                    children.append(int(victim.line().split()[1]))
                _, err = tool.communicate(timeout=5 * LONG)
                same(tool.returncode, 0, f"status ({err})")
            victim.expect(False, 2)
            for child in children:
                states = place.states(child)
                check(states in ([], ["applied"], ["reverted"]), f"{child}: {states}")
            done = place.run("revert", place.patch, "--all")
            check(done.returncode in (0, 3), f"{done.returncode}: {done.stderr}")
            for child in children:
                check(place.states(child) in ([], ["reverted"]), f"{child}")
        finally:
            for child in children:
                os.kill(child, 9)


@test
def a_library_that_was_replaced_on_disk_is_still_the_old_one_in_memory(place):
    """What a package's upgrade does: a new file at the old path."""
    for deleted in (False, True):
        folder = place.path("upgrade")
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        shutil.copy(place.old, folder + "/libvictim.so")
        place.cc("victim.c", "upgrade/victim", folder + "/libvictim.so", f"-Wl,-rpath,{folder}",
                 "-pthread")
        os.rename(folder + "/libvictim.so", folder + "/libvictim.so.1")
        with Victim(folder + "/victim", "2") as victim:
            os.unlink(folder + "/libvictim.so.1")
            if not deleted:
                shutil.copy(place.new, folder + "/libvictim.so.1")
            place.apply(victim.pid)
            victim.expect(True, 2)
            place.revert(victim.pid)
            victim.expect(False, 2)


@test
def another_root_and_other_namespaces_are_seen_through(place):
    root = place.path("root")
    libs = subprocess.run(["ldd", place.path("old/victim")], capture_output=True, text=True,
                          check=True).stdout
    for path in set(re.findall(r"(/\S+) \(", libs)) | {place.path("old/victim")}:
        os.makedirs(root + os.path.dirname(path), exist_ok=True)
        shutil.copy(os.path.realpath(path), root + path)
    for prefix in (("chroot", root), ("unshare", "--mount"), ("unshare", "--pid", "--fork"),
                   ("unshare", "--mount", "--net", "--uts", "--ipc")):
        with Victim(*prefix, place.path("old/victim"), "1") as victim:
            pid = victim.pid
            if "--fork" in prefix:
                with open(f"/proc/{pid}/task/{pid}/children") as file:
                    pid = int(file.read().split()[0])
            place.apply(pid)
            victim.expect(True, 1)
            place.revert(pid)
            victim.expect(False, 1)
            if "--fork" in prefix:
                os.kill(pid, 9)


@test
def a_limit_of_memory_refuses_before_harm(place):
    """No room for the shadow, or for the pages that the system call needs."""
    for room in (0, 4, 16, 64):
        with place.victim() as victim:
            with open(f"/proc/{victim.pid}/statm") as file:
                used = int(file.read().split()[0]) * 4096
            subprocess.run(["prlimit", f"--pid={victim.pid}", f"--as={used + room * 1024}"],
                           check=True)
            done = place.run("apply", place.patch, "--pid", str(victim.pid))
            check(done.returncode in (0, 4), f"{room} kB: {done.returncode}: {done.stderr}")
            if done.returncode:
                one_line(done, str(victim.pid))
            victim.expect(done.returncode == 0)
            place.run("recover")
            same(place.states(victim.pid), ["applied"] if not done.returncode else [], "state")


@test
def a_limit_of_graft_itself_harms_nobody(place):
    """Little memory, few descriptors, no file size: for the tool, not the victim."""
    with place.victim(2) as victim:
        for limit in ("--nofile=3", "--nofile=5", "--nofile=8", "--nofile=12", "--nofile=20",
                      "--fsize=0", "--fsize=5000", "--nproc=1", "--stack=65536",
                      *(f"--as={size << 20}" for size in (18, 20, 22, 24, 28, 40))):
            done = subprocess.run(["prlimit", limit, *command(place, victim.pid)],
                                  capture_output=True, text=True, env=place.env(), timeout=5 * LONG)
            got = victim.works()
            place.run("recover", "--wait", "5")
            states = place.states(victim.pid)
            same(victim.works() == 17, states == ["applied"],
                 f"{limit}: {got} {states} {done.returncode} {done.stderr}")
            check(done.returncode == 0 or done.stderr, f"{limit}: it says nothing")
            same(place.run("recover").returncode, 3, f"{limit}: nothing is left open")
            if states == ["applied"]:
                place.revert(victim.pid)
            victim.expect(False, 2)


def command(place, pid):
    return [GRAFT, "apply", place.patch, "--pid", str(pid)]


@test
def many_mappings_and_threads_are_no_obstacle(place):
    source = place.write("maps.c", b"""
#include <stdio.h>
#include <sys/mman.h>
int victim_answer(int x);
int main(void)
{
	for (long i = 0; i < 20000; i++) {
		char *at = mmap(NULL, 4096, i & 1 ? PROT_READ : PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at == MAP_FAILED)
			return 1;
	}
	printf("ready\\n");
	fflush(stdout);
	while (getchar() != EOF) {
		printf("answer %d\\n", victim_answer(5));
		fflush(stdout);
	}
	return 0;
}
""")
    subprocess.run(["gcc", "-O2", source, "-o", place.path("maps"), place.old,
                    f"-Wl,-rpath,{place.path('old')}"], check=True)
    with Victim(place.path("maps")) as victim:
        start = time.monotonic()
        place.apply(victim.pid)
        check(time.monotonic() - start < 30, "it takes long")
        victim.tell("")
        same(victim.line(), "answer 17", "the answer")
        place.revert(victim.pid)
        victim.tell("")
        same(victim.line(), "answer 11", "the answer")

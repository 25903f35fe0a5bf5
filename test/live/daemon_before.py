# SPDX-License-Identifier: Apache-2.0
"""graftd: who loads an old file is held until it is hotpatched, before it runs."""
import contextlib
import os
import shutil
import signal
import subprocess
import time

from agent import Daemon, becomes
from daemon_events import IS, LATE, SELDOM, WAS, Ones, build_root, upgrade
from stage import GRAFT, LONG, Skip, check, same, test, until

BEFORE = "before-main = yes"
# What the library gives to a constructor, and to main at once.
FIRST = """#include <stdio.h>
int one(int x);
static int first;
__attribute__((constructor)) static void early(void) { first = one(2); }
int main(int argc, char **argv) { printf("%d %d\\n", first, one(2)); return 0; }"""
# It starts many.
STORM = """#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
	int bad = 0, status;
	puts("ready");
	fflush(stdout);
	if (scanf("%*s") == EOF) return 1;
	for (int i = 0; i < 200; i++)
		if (fork() == 0) { execl(argv[1], argv[1], NULL); _exit(99); }
	while (wait(&status) > 0) bad += status != 0;
	printf("done %d\\n", bad);
	fflush(stdout);
	scanf("%*s");
}"""
WENT = f"{IS} {IS}"


def build(ones, name, source, folder=None):
    program = f"{ones.dir}/{name}"
    with_library = [f"-L{ones.dir}/{folder}", "-l:libone.so",
                    f"-Wl,-rpath,{ones.dir}/{folder}"] if folder else []
    subprocess.run(["gcc", "-O2", "-x", "c", "-", "-o", program, *with_library], input=source,
                   text=True, check=True)
    return program


@contextlib.contextmanager
def holding(place, name, *lines):
    """A daemon that holds who loads b's library, and a program that uses it at once."""
    ones = Ones(place, f"before-{name}", "a", "b", "c")
    with Daemon(place, SELDOM, BEFORE, *lines) as daemon:
        if not daemon.ask("status")["holder"]:
            raise Skip(f"the kernel does not ask: {daemon.said()}")
        upgrade(daemon, ones)
        with daemon.victim(ones.program("b")) as first:
            daemon.ask("sync")
            becomes(first, "2", IS)
        yield daemon, ones, build(ones, "first", FIRST, "b")


def start(daemon, program, **how):
    """Run a program in scope; returns what it says and how long it took, in seconds."""
    begin = time.monotonic()
    done = subprocess.run([program], preexec_fn=daemon.scope.enter, capture_output=True, text=True,
                          timeout=LONG, check=False, **how)
    took = time.monotonic() - begin
    same(done.returncode, 0, f"its status ({done.stderr})")
    return done.stdout.strip(), took


def process_of(daemon, name, parent=None):
    """The number of a process that the worker, or another parent, has; or 0."""
    def parents(pid):
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            comm, rest = file.read().split("(", 1)[1].rsplit(")", 1)
        return comm, int(rest.split()[1])
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, IndexError):
            if parents(pid) == (name, parent or daemon.process.pid):
                return int(pid)
    return 0


@test
def a_program_with_old_code_is_hotpatched_before_it_runs(place):
    with holding(place, "all") as (daemon, ones, program):
        got = [start(daemon, program)[0] for _ in range(20)]
        same(got, [WENT] * 20, f"what 20 starts say ({daemon.said()})")
        until(lambda: daemon.ask("status")["held_hotpatched"] >= 20, "they are not counted")
        state = daemon.ask("status")
        check(state["held_starts"] >= 20, f"{state}")
        same(state["failures"], 0, f"failures ({daemon.said()})")
        daemon.stop()


@test
def without_it_a_program_runs_old_code_first(place):
    ones = Ones(place, "before-without", "a", "b")
    with Daemon(place, SELDOM) as daemon:
        upgrade(daemon, ones)
        with daemon.victim(ones.program("b")) as first:
            daemon.ask("sync")
            becomes(first, "2", IS)
        same(start(daemon, build(ones, "first", FIRST, "b"))[0], f"{WAS} {WAS}", "what it says")
        same(daemon.ask("status")["holder"], 0, "a holder")


@test
def a_library_that_is_loaded_late_is_hotpatched_before_it_is_used(place):
    with holding(place, "late") as (daemon, ones, _):
        late = build(ones, "late", LATE)
        for _ in range(5):
            with daemon.victim(late) as victim:
                victim.tell(ones.library("b"))
                victim.tell("2")
                same(victim.line(), IS, "its first answer")
                victim.untouched()


@test
def a_container_with_a_copy_of_its_own_is_held_too(place):
    with holding(place, "root") as (daemon, ones, program):
        os.chmod(ones.dir, 0o755)
        root = build_root(ones, "b")
        shutil.copy(program, root + program)
        with daemon.victim_in(root, ones.program("b")) as first:
            daemon.ask("sync")
            becomes(first, "2", IS)
        done = subprocess.run(["chroot", root, program], preexec_fn=daemon.scope.enter,
                              capture_output=True, text=True, timeout=LONG, check=True)
        same(done.stdout.strip(), WENT, "what it says")


@test
def a_container_s_first_program_that_loads_it_is_held_if_another_ran_there_before(place):
    ones = Ones(place, "before-named", "a")
    program = build(ones, "first", FIRST, "a")
    root = build_root(ones, "a")
    os.chmod(ones.dir, 0o755)
    for path in program, ones.dir + "/late":
        if path != program:
            build(ones, "late", LATE)
        shutil.copy(path, root + path)
    with Daemon(place, SELDOM, BEFORE) as daemon:
        if not daemon.ask("status")["holder"]:
            raise Skip(f"the kernel does not ask: {daemon.said()}")
        upgrade(daemon, ones)
        # This one does not map the library: its name and what it holds are enough.
        with daemon.victim_in(root, ones.dir + "/late"):
            daemon.ask("sync")
            until(lambda: daemon.ask("status")["marks"], "nothing is marked")
            done = subprocess.run(["chroot", root, program], preexec_fn=daemon.scope.enter,
                                  capture_output=True, text=True, timeout=LONG, check=True)
            same(done.stdout.strip(), WENT, "what it says")


@test
def who_is_out_of_scope_or_only_reads_the_file_is_not_held(place):
    with holding(place, "out") as (daemon, ones, program):
        before = daemon.ask("status")["held_starts"]
        for _ in range(10):
            done = subprocess.run([program], capture_output=True, text=True, timeout=LONG, check=True)
            same(done.stdout.strip(), f"{WAS} {WAS}", "what one out of scope says")
        for _ in range(10):
            subprocess.run(["cat", ones.library("b")], preexec_fn=daemon.scope.enter,
                           capture_output=True, timeout=LONG, check=True)
        same(daemon.ask("status")["held_starts"], before, "who was held")
        same(start(daemon, program)[0], WENT, "what one in scope says")


@test
def a_file_that_another_user_owns_is_not_held(place):
    ones = Ones(place, "before-owner", "a", "b")
    os.chown(ones.library("b"), 4711, 4711)
    with Daemon(place, SELDOM, BEFORE) as daemon:
        if not daemon.ask("status")["holder"]:
            raise Skip(f"the kernel does not ask: {daemon.said()}")
        upgrade(daemon, ones)
        with daemon.victim(ones.program("b")) as first:
            daemon.ask("sync")
            becomes(first, "2", IS)
            program = build(ones, "first", FIRST, "b")
            same(start(daemon, program)[0], f"{WAS} {WAS}", "what it says")
        same(daemon.ask("status")["held_starts"], 0, "who was held")


@test
def a_file_that_its_owner_holds_up_keeps_nobody_else_waiting(place):
    with holding(place, "lease") as (daemon, ones, program):
        other = build(ones, "other", FIRST, "c")
        with daemon.victim(ones.program("c")) as first:
            daemon.ask("sync")
            becomes(first, "2", IS)
        same(start(daemon, other)[0], WENT, "what the other says")
        holder = process_of(daemon, "graftd-holder")
        script = f"""import fcntl, os, signal, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open({ones.library("b")!r}, os.O_RDWR)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("leased", flush=True)
time.sleep(60)"""
        with subprocess.Popen(["python3", "-c", script], stdout=subprocess.PIPE, text=True) as lease:
            try:
                same(lease.stdout.readline(), "leased\n", "who takes the lease")
                with subprocess.Popen([program], preexec_fn=daemon.scope.enter,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as stuck:
                    same([start(daemon, other)[0] for _ in range(5)], [WENT] * 5, "the others")
                    lease.kill()
                    stuck.wait(LONG)
            finally:
                lease.kill()
        same(process_of(daemon, "graftd-holder"), holder, "the holder")
        same(start(daemon, program)[0], WENT, "what it says without the lease")


@test
def an_old_file_that_is_executed_is_not_held(place):
    with holding(place, "exec") as (daemon, ones, _):
        os.chmod(ones.library("b"), 0o755)
        # A library runs as a program only into its end; what counts is that it gets there.
        for _ in range(5):
            begin = time.monotonic()
            done = subprocess.run([ones.library("b")], preexec_fn=daemon.scope.enter,
                                  capture_output=True, timeout=LONG, check=False)
            check(done.returncode < 0, f"{done}")
            check(time.monotonic() - begin < 5, "it took too long")
        same(daemon.ask("status")["failures"], 0, daemon.said())


@test
def a_holder_that_is_killed_or_stopped_at_any_moment_lets_all_go_on(place):
    with holding(place, "killed") as (daemon, _, program):
        for i in range(20):
            holder = until(lambda: process_of(daemon, "graftd-holder"), "there is no holder")
            with subprocess.Popen([program], preexec_fn=daemon.scope.enter, text=True,
                                  stdout=subprocess.PIPE) as process:
                time.sleep(0.002 * i)
                if i % 4 == 1:
                    daemon.process.kill()
                else:
                    os.kill(holder, signal.SIGSTOP if i % 4 == 3 else signal.SIGKILL)
                said, _ = process.communicate(timeout=LONG)
            same(process.returncode, 0, "its status")
            check(said.strip() in (WENT, f"{WAS} {WAS}", f"{WAS} {IS}"), said)
            # It is started anew, each time later: not all of that is waited for here.
            if i % 4 == 1:
                daemon.process.wait()
            else:
                daemon.stop()
            daemon.start()
            daemon.ask("sync")
        same(daemon.ask("status")["holder"], 1, "a holder")


@test
def ushers_that_are_killed_or_stopped_let_all_go_on(place):
    with holding(place, "ushers") as (daemon, _, program):
        holder, hit = process_of(daemon, "graftd-holder"), 0
        for i in range(40):
            with subprocess.Popen([program], preexec_fn=daemon.scope.enter, text=True,
                                  stdout=subprocess.PIPE) as process:
                end = time.monotonic() + 0.05 + 0.0005 * i
                while process.poll() is None and time.monotonic() < end:
                    usher = process_of(daemon, "graftd-usher", holder)
                    if usher:
                        time.sleep(0.0002 * i)
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(usher, signal.SIGSTOP if i % 4 == 3 else signal.SIGKILL)
                            hit += 1
                        break
                said, _ = process.communicate(timeout=LONG)
            same(process.returncode, 0, "its status")
            check(said.strip() in (WENT, f"{WAS} {WAS}", f"{WAS} {IS}"), said)
        check(hit > 10, f"only {hit} ushers were met")
        same(process_of(daemon, "graftd-holder"), holder, "the holder")


@test
def a_holder_that_is_gone_comes_again_and_holds(place):
    with holding(place, "again") as (daemon, _, program):
        for _ in range(2):
            os.kill(process_of(daemon, "graftd-holder"), signal.SIGKILL)
            daemon.has("holder", 0)
            daemon.has("holder", 1)
            check("the holder has ended" in daemon.said(), daemon.said())
            # One that opens the file is enough, and some time until it was seen.
            until(lambda: start(daemon, program)[0] == WENT, "nobody is held")
            same([start(daemon, program)[0] for _ in range(3)], [WENT] * 3, "what the next ones say")


@test
def a_worker_that_is_stopped_keeps_nobody_waiting(place):
    with holding(place, "stopped") as (daemon, _, program):
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            got = [start(daemon, program) for _ in range(12)]
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        same([said for said, _ in got], [f"{WAS} {WAS}"] * 12, "what they say")
        # After some that slept in vain nobody is held any more.
        check(sorted(took for _, took in got)[5] < 0.15, f"{got}")
        until(lambda: start(daemon, program)[0] == WENT, "nobody is held any more")


@test
def a_graft_that_hangs_keeps_nobody_waiting_for_long(place):
    with holding(place, "hangs") as (daemon, ones, program):
        tool = f"{ones.dir}/graft"
        with open(tool, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n[ $1 = apply ] && exec sleep 9\nexec {GRAFT} \"$@\"\n")
        os.chmod(tool, 0o755)
        daemon.stop()
        daemon.process = daemon.launch("--tool", tool)
        daemon.wait_for("READY=1")
        until(lambda: daemon.ask("status")["kept"] == 1, "it knows none")
        with daemon.victim(ones.program("b")):
            until(lambda: daemon.ask("sync") and daemon.ask("status")["marks"], "nothing is marked")
            got = [start(daemon, program) for _ in range(3)]
        same([said for said, _ in got], [f"{WAS} {WAS}"] * 3, "what they say")
        check(max(took for _, took in got) < 2, f"{got}")
        check(daemon.ask("status")["held_starts"] > 0, "nobody was held")
        daemon.process.kill()


@test
def a_storm_of_starts_comes_through(place):
    with holding(place, "storm") as (daemon, ones, program):
        with daemon.victim(build(ones, "storm", STORM), program) as storm:
            begin = time.monotonic()
            storm.tell("go")
            said = []
            while not said or not said[-1].startswith("done"):
                said.append(storm.line())
            took = time.monotonic() - begin
            same(said[-1], "done 0", "how many failed")
            same(sorted(set(said[:-1]) - {WENT, f"{WAS} {WAS}", f"{WAS} {IS}"}), [], "what they say")
            same(len(said), 201, "how many said something")
        print(f"# 200 starts at once in {took:.2f} s, {said.count(WENT)} hotpatched before they ran")
        until(lambda: daemon.ask("status")["held_hotpatched"] > 0, "nobody was hotpatched")
        same(daemon.ask("status")["failures"], 0, f"failures ({daemon.said()})")
        # One user who starts much is let be for a while, and then held again.
        until(lambda: start(daemon, program)[0] == WENT, "nobody is held any more")


@test
def who_is_killed_while_it_is_held_harms_nobody(place):
    with holding(place, "dies") as (daemon, _, program):
        holder = process_of(daemon, "graftd-holder")
        for i in range(60):
            with subprocess.Popen([program], preexec_fn=daemon.scope.enter,
                                  stdout=subprocess.DEVNULL) as process:
                time.sleep(0.0005 * i)
                process.kill()
        same(process_of(daemon, "graftd-holder"), holder, "the holder")
        until(lambda: start(daemon, program)[0] == WENT, "nobody is held any more")
        same(daemon.ask("status")["failures"], 0, daemon.said())


@test
def who_is_paused_holds_nobody(place):
    with holding(place, "paused") as (daemon, _, program):
        daemon.ask("pause")
        before = daemon.ask("status")["held_starts"]
        same(start(daemon, program)[0], f"{WAS} {WAS}", "what it says")
        same(daemon.ask("status")["held_starts"], before, "who was held")
        daemon.ask("resume")
        until(lambda: start(daemon, program)[0] == WENT, "nobody is held any more")

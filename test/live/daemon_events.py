# SPDX-License-Identifier: Apache-2.0
"""graftd: what it finds by events, and what it does when somebody crashes."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

from agent import GRAFTD, USER, Daemon, becomes
from stage import GRAFT, LONG, ROOT, Skip, Victim, check, on_host, one_line, same, test, until
from syncing import ONE_NEW, ONE_OLD, TWO_OLD, compile_library, items

# So seldom that only events can be what finds something.
SELDOM = "interval = 86400"
PROGRAM = """#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int one(int x);
int main(void) {
	int x;
	puts("ready");
	fflush(stdout);
	while (scanf("%d", &x) == 1) {
		if (x == 99) printf("%d\\n", fork() ? 99 : (int)getpid());
		else printf("%d\\n", one(x));
		fflush(stdout);
	}
}"""
LATE = """#include <dlfcn.h>
#include <stdio.h>
int main(void) {
	char path[4096];
	int x;
	puts("ready");
	fflush(stdout);
	if (scanf("%4095s", path) != 1) return 1;
	int (*one)(int) = (int (*)(int))dlsym(dlopen(path, RTLD_NOW), "one");
	while (scanf("%d", &x) == 1) { printf("%d\\n", one(x)); fflush(stdout); }
}"""
# Maps files as code, as many as are named.
MAPS = """#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv) {
	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY);
		if (mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED) return 1;
		close(fd);
	}
	puts("ready");
	fflush(stdout);
	scanf("%*s");
}"""
CRASHES = "int one(int x) { if (x > 9) __builtin_trap(); return x * 3 + 2; }"
# What it answers to 2.
WAS, IS = "7", "8"


class Ones:
    """Folders, each with a library of its own and a program that uses it."""

    def __init__(self, place, name, *folders):
        self.place, self.dir = place, place.path(f"ones-{name}")
        for folder in folders:
            os.makedirs(f"{self.dir}/{folder}")
            compile_library(place, f"{self.dir}/{folder}/libone.so", ONE_OLD)
            subprocess.run(["gcc", "-O2", "-x", "c", "-", "-o", f"{self.dir}/{folder}/program",
                            f"-L{self.dir}/{folder}", "-l:libone.so",
                            f"-Wl,-rpath,{self.dir}/{folder}"], input=PROGRAM, text=True, check=True)

    def program(self, folder):
        return f"{self.dir}/{folder}/program"

    def library(self, folder):
        return f"{self.dir}/{folder}/libone.so"

    def put(self, folder, source):
        compile_library(self.place, f"{self.dir}/x", source)
        os.rename(f"{self.dir}/x", self.library(folder))


def answer(process, question="2"):
    process.tell(question)
    return process.line()


def kept(place, count=1):
    """Ids of the hotpatches that are kept."""
    names = [name[:-6] for name in os.listdir(f"{place.state}/hotpatches")]
    same(len(names), count, "hotpatches that are kept")
    return names


def upgrade(daemon, ones, source=ONE_NEW):
    """Have the daemon hotpatch somebody, so that it keeps the hotpatch."""
    with daemon.victim(ones.program("a")) as victim:
        ones.put("a", source)
        daemon.ask("sync")
        becomes(victim, "2", IS)
        # It knows what it is for.
        until(lambda: daemon.ask("status")["kept"] == 1 and daemon.ask("status")["hotpatched"] == 1,
              f"it is not kept: {daemon.said()}")


@test
def a_process_that_starts_from_an_old_file_is_hotpatched_within_a_second(place):
    ones = Ones(place, "new", "a", "b")
    with Daemon(place, SELDOM) as daemon:
        upgrade(daemon, ones)
        # Once it was seen who has it; from then on the kernel tells.
        with daemon.victim(ones.program("b")) as first:
            daemon.ask("sync")
            becomes(first, "2", IS)
        times = []
        for _ in range(20):
            with daemon.victim(ones.program("b")) as victim:
                times.append(becomes(victim, "2", IS))
                victim.untouched()
        check(sorted(times)[14] < 1, f"seconds until it was hotpatched: {sorted(times)}")
        state = daemon.ask("status")
        check(state["event_looks"] > 0 and state["marks"] > 0, f"{state}")
        same((state["overruns"], state["failures"]), (0, 0), "its state")


@test
def a_library_that_is_opened_late_is_hotpatched_at_once(place):
    ones = Ones(place, "late", "a", "b")
    program = f"{ones.dir}/late"
    subprocess.run(["gcc", "-O2", "-x", "c", "-", "-o", program], input=LATE, text=True, check=True)
    with Daemon(place, SELDOM) as daemon:
        upgrade(daemon, ones)
        with daemon.victim(ones.program("b")) as holder, daemon.victim(program) as late:
            daemon.ask("sync")
            becomes(holder, "2", IS)
            time.sleep(1.2)  # so that what was executed is not looked at any more
            late.tell(ones.library("b"))
            becomes(late, "2", IS, seconds=20)
            late.untouched()


def build_root(ones, folder):
    """A root of its own, with a copy of the old library in its place."""
    root = f"{ones.dir}/root"
    os.makedirs(f"{root}{ones.dir}/{folder}")
    libs = subprocess.run(["ldd", ones.program(folder)], capture_output=True, text=True).stdout
    paths = [a or b for a, b in re.findall(r" (/\S+) \(|^\s(/lib64\S+) \(", libs, re.M)]
    for path in [*paths, ones.program(folder)]:
        os.makedirs(root + os.path.dirname(path), exist_ok=True)
        shutil.copy(os.path.realpath(path), root + path)
    return root


@test
def a_container_with_a_copy_of_its_own_is_hotpatched_by_content(place):
    ones = Ones(place, "root", "a", "b")
    root = build_root(ones, "b")
    with Daemon(place, "interval = 1") as daemon:
        upgrade(daemon, ones)
        os.chmod(ones.dir, 0o755)
        # What comes there later than the hotpatch is old all the same.
        shutil.copy(ones.library("b"), f"{root}/x")
        os.rename(f"{root}/x", root + ones.library("b"))
        with daemon.victim_in(root, ones.program("b")) as victim:
            becomes(victim, "2", IS)
            victim.untouched()
        # A file of the same build-id that holds something else is another.
        with open(root + ones.library("b"), "ab") as file:
            file.write(b"\0")
        with daemon.victim_in(root, ones.program("b")) as victim:
            looks = daemon.ask("status")["looks"]
            until(lambda: daemon.ask("status")["looks"] > looks + 1, "it does not look")
            same(answer(victim), WAS, "the answer")
        same(daemon.ask("status")["failures"], 0, f"failures: {daemon.said()}")


@test
def what_others_put_in_the_place_of_their_copy_is_for_their_processes_alone(place):
    ones = Ones(place, "others", "a", "b", "c", "d", "e")
    shutil.chown(f"{ones.dir}/a", 65534)
    # As it is where an access control list gives somebody else the right to write.
    os.chmod(f"{ones.dir}/c", 0o775)
    with Daemon(place, "interval = 1") as daemon, daemon.victim(ones.program("b")) as other:
        with daemon.victim(ones.program("a")) as victim, daemon.victim(ones.program("c")) as shared, \
                daemon.victim(ones.program("d")) as led:
            ones.put("a", ONE_NEW)
            becomes(victim, "2", IS)
            ones.put("c", ONE_NEW)
            becomes(shared, "2", IS)
            # A folder that has become a link may lead to what is root's, and elsewhere before.
            ones.put("e", ONE_NEW)
            shutil.copy(ones.program("d"), ones.program("e"))
            shutil.rmtree(f"{ones.dir}/d")
            os.symlink(f"{ones.dir}/e", f"{ones.dir}/d")
            becomes(led, "2", IS)
            looks = daemon.ask("status")["looks"]
            until(lambda: daemon.ask("status")["looks"] > looks + 2, "it does not look")
            # The same file, in its place, of root's: it is for nobody else to say what is new.
            same(answer(other), WAS, "root's process")
        # Root says the same of his own: from then on it is for all.
        shutil.chown(f"{ones.dir}/a", 0)
        compile_library(place, f"{ones.dir}/x", ONE_OLD)
        os.rename(f"{ones.dir}/x", ones.library("a"))
        with daemon.victim(ones.program("a")) as victim:
            same(answer(victim), WAS, "the old library again")
            ones.put("a", ONE_NEW)
            becomes(victim, "2", IS)
            becomes(other, "2", IS)
        other.untouched()


@test
def a_file_that_somebody_went_back_to_stands(place):
    ones = Ones(place, "back", "a")
    with Daemon(place, "interval = 1") as daemon:
        upgrade(daemon, ones)
        ones.put("a", ONE_OLD)
        with daemon.victim(ones.program("a")) as victim:
            looks = daemon.ask("status")["looks"]
            until(lambda: daemon.ask("status")["looks"] > looks + 1, "it does not look")
            same(answer(victim), WAS, "the answer")


@test
def who_crashes_after_it_was_hotpatched_puts_the_hotpatch_into_quarantine(place):
    ones = Ones(place, "crash", "a")
    with Daemon(place, "interval = 1") as daemon, daemon.victim(ones.program("a")) as one, \
            daemon.victim(ones.program("a")) as other:
        ones.put("a", CRASHES)
        for victim in one, other:
            becomes(victim, "2", IS)
        (patch,) = kept(place)
        one.tell("10")
        until(lambda: one.process.poll() is not None, "it does not crash")
        becomes(other, "2", WAS)
        daemon.has("quarantined", 1)
        daemon.has("hotpatched", 0)
        state = daemon.ask("status")
        same([(h["id"], h["pid"], h["signal"], h["comm"]) for h in state["quarantine"]],
             [(patch, one.pid, signal.SIGILL, "program")], "what is in quarantine")
        same((state["crashes"], state["reverted"]), (1, 1), "what it counts")
        check(f"{one.pid} (program) died of signal 4" in daemon.said(), daemon.said())
        # It stays so, whatever happens.
        for way in "stop", "kill":
            if way == "stop":
                daemon.stop()
            else:
                daemon.process.kill()
                daemon.process.wait()
            daemon.start()
            looks = daemon.ask("status")["looks"]
            until(lambda: daemon.ask("status")["looks"] > looks + 1, "it does not look")
            same(daemon.ask("status")["quarantined"], 1, "in quarantine after a restart")
            same(answer(other), WAS, "the answer after a restart")
        got = items(place, other.pid, status=4)
        check(f"graft daemon release {patch}" in got[0]["why"], got[0]["why"])
        text = place.run("daemon", "status", "--socket", daemon.socket, status=0).stdout
        check(f"{patch}" in text and "died of signal 4" in text, text)
        daemon.ask("release", patch)
        becomes(other, "2", IS)
        daemon.has("quarantined", 0)
        other.untouched()


@test
def who_ends_otherwise_or_later_is_no_crash(place):
    ones = Ones(place, "ends", "a")
    with Daemon(place, "interval = 1", "watch = 4") as daemon, contextlib.ExitStack() as all_of_them:
        victims = [all_of_them.enter_context(daemon.victim(ones.program("a"))) for _ in range(4)]
        ones.put("a", ONE_NEW)
        for victim in victims:
            becomes(victim, "2", IS)
        check(daemon.ask("status")["watched"] > 0, "nobody is watched")
        victims[0].tell("x")  # no number: it ends
        os.kill(victims[1].pid, signal.SIGKILL)
        os.kill(victims[2].pid, signal.SIGTERM)
        for victim in victims[:3]:
            victim.process.wait(LONG)
        daemon.has("watched", 0)
        os.kill(victims[3].pid, signal.SIGSEGV)
        victims[3].process.wait(LONG)
        daemon.has("processes", 0)
        same(daemon.ask("status")["crashes"], 0, "crashes")


@test
def what_is_taken_out_by_hand_stays_out(place):
    ones = Ones(place, "hand", "a")
    with Daemon(place, "interval = 1") as daemon, daemon.victim(ones.program("a")) as one, \
            daemon.victim(ones.program("a")) as other:
        ones.put("a", ONE_NEW)
        for victim in one, other:
            becomes(victim, "2", IS)
        (patch,) = kept(place)
        daemon.has("hotpatched", 2)
        place.run("revert", patch, "--pid", str(one.pid), status=0)
        daemon.has("withheld", 1)
        looks = daemon.ask("status")["looks"]
        until(lambda: daemon.ask("status")["looks"] > looks + 1, "it does not look")
        same((answer(one), answer(other)), (WAS, IS), "the answers")
        daemon.ask("release", patch)
        becomes(one, "2", IS)
        daemon.has("withheld", 0)


@test
def another_graftd_takes_the_place_of_one_without_touching_anybody(place):
    ones = Ones(place, "takes", "a")
    with Daemon(place, "interval = 1") as daemon, daemon.victim(ones.program("a")) as victim:
        ones.put("a", ONE_NEW)
        becomes(victim, "2", IS)
        maps = victim.maps()
        copy = f"{ones.dir}/graftd"
        shutil.copy(GRAFTD, copy)
        daemon.stop()
        same(answer(victim), IS, "the answer while there is none")
        daemon.process = daemon.launch(program=copy)
        daemon.wait_for("READY=1")
        daemon.has("hotpatched", 1)
        # The crash of who was hotpatched under the one before is seen by this one.
        daemon.has("watched", 1)
        same((daemon.ask("status")["applied"], victim.maps()), (0, maps), "what it did")
        os.kill(victim.pid, signal.SIGSEGV)
        daemon.has("quarantined", 1)


def has_connector(daemon):
    if not daemon.ask("status")["connector"]:
        raise Skip("the kernel does not tell of processes here")


@on_host
@test
def the_kernel_tells_of_a_process_that_starts_from_a_file_nobody_has_seen(place):
    ones = Ones(place, "unseen", "a", *"bcdef")
    with Daemon(place, SELDOM) as daemon:
        has_connector(daemon)
        upgrade(daemon, ones)
        times = []
        for folder in "bcdef":
            with daemon.victim(ones.program(folder)) as victim:
                times.append(becomes(victim, "2", IS))
                victim.untouched()
        check(sorted(times)[2] < 1.5, f"seconds until it was hotpatched: {sorted(times)}")


@on_host
@test
def a_child_that_crashes_counts_as_who_forked_it(place):
    ones = Ones(place, "child", "a")
    with Daemon(place, SELDOM) as daemon, daemon.victim(ones.program("a")) as victim:
        has_connector(daemon)
        ones.put("a", ONE_NEW)
        daemon.ask("sync")
        becomes(victim, "2", IS)
        victim.tell("99")
        child = next(int(line) for line in (victim.line(), victim.line()) if line != "99")
        os.kill(child, signal.SIGSEGV)
        daemon.has("quarantined", 1)
        becomes(victim, "2", WAS)


@test
def what_one_user_has_hashed_is_bounded_and_others_get_theirs(place):
    ones = Ones(place, "hashed", "a", "b")
    program, count = f"{ones.dir}/maps", 520
    subprocess.run(["gcc", "-O2", "-x", "c", "-", "-o", program], input=MAPS, text=True, check=True)
    with open(ones.library("a"), "rb") as file:
        old = file.read()
    copies = [f"{ones.dir}/copy{i}" for i in range(count)]
    for i, path in enumerate(copies):
        with open(path, "wb") as file:
            file.write(old + i.to_bytes(4, "little"))
    os.chmod(ones.dir, 0o755)
    with Daemon(place, SELDOM) as daemon:
        if not daemon.scope.group:
            raise Skip("no control group can be made here: all in scope are one user")
        upgrade(daemon, ones)

        def enter():
            daemon.scope.enter()
            os.setgroups([])
            os.setresgid(USER, USER, USER)
            os.setresuid(USER, USER, USER)
        with Victim(program, *copies, preexec_fn=enter) as busy, \
                daemon.victim(ones.program("b")) as other:
            daemon.ask("sync")
            # Other users' files are hashed all the same.
            becomes(other, "2", IS)
            daemon.has("unhashed", count - 500)
            busy.untouched()


@test
def the_hook_of_apt_has_the_daemon_look_at_once(place):
    ones = Ones(place, "hook", "a")
    with open(f"{ROOT}/apt/graft-sync.conf", encoding="utf-8") as file:
        hook = re.search(r'^DPkg::Post-Invoke \{ "(.*)"; \};$', file.read(), re.M).group(1)
    with Daemon(place, SELDOM) as daemon, daemon.victim(ones.program("a")) as victim:
        os.mkdir(f"{ones.dir}/bin")
        # What the hook syncs itself is left out, so that only the daemon is there to do it.
        with open(f"{ones.dir}/bin/graft", "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\n[ "$1" = sync ] || exec {GRAFT} "$@" --socket {daemon.socket}\n')
        os.chmod(f"{ones.dir}/bin/graft", 0o755)
        ones.put("a", ONE_NEW)
        path = f"{ones.dir}/bin:{os.environ['PATH']}"
        done = subprocess.run(["sh", "-c", hook], env={"PATH": path}, capture_output=True, text=True,
                              check=True)
        same((done.stdout, done.stderr), ("", ""), "what the hook says")
        becomes(victim, "2", IS)
        daemon.stop()
        done = subprocess.run(["sh", "-c", hook], env={"PATH": path}, capture_output=True, text=True,
                              check=True)
        same((done.stdout, done.stderr), ("", ""), "what it says where no daemon runs")


@test
def who_has_a_lease_on_an_old_file_does_not_keep_the_daemon_waiting(place):
    ones = Ones(place, "leased", "a", "b")
    script = f"""import fcntl, os, signal, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open({ones.library("b")!r}, os.O_RDWR)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("leased", flush=True)
time.sleep(60)"""
    with Daemon(place, SELDOM) as daemon:
        upgrade(daemon, ones)
        with daemon.victim(ones.program("b")) as victim:
            daemon.ask("sync")
            becomes(victim, "2", IS)
        until(lambda: daemon.ask("status")["marks"] == 1, "it is not marked")
        # The worker takes what the kernel told of the open when the lease is there.
        daemon.process.send_signal(signal.SIGSTOP)
        with subprocess.Popen(["python3", "-c", script], stdout=subprocess.PIPE, text=True) as lease:
            try:
                same(lease.stdout.readline(), "leased\n", "who takes the lease")
                daemon.process.send_signal(signal.SIGCONT)
                start, looks = time.monotonic(), daemon.ask("status")["looks"]
                daemon.ask("sync")
                until(lambda: daemon.ask("status")["looks"] > looks, "it does not look")
                check(time.monotonic() - start < 20, "it waits for the lease")
            finally:
                lease.kill()

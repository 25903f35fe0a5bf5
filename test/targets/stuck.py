# SPDX-License-Identifier: Apache-2.0
"""Threads that the kernel does not let stop, for a while or for ever."""
import contextlib
import ctypes
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time

from programs import answers, program, there_and_back
from stage import (LONG, Skip, Victim, check, errors_in, one_line, same, state_of, status_of,
                   test, until)
from surroundings import GROUPS, group, is_frozen, put

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 1 << 14, 1 << 18


class Dead:
    """A file system in user space that mounts, and never answers again (fuse(4)).

    Whoever starts with `enter` sees it at `path`, in a mount namespace of its own."""

    INIT = 26

    def __init__(self, path):
        os.makedirs(path, exist_ok=True)
        self.path = path
        try:
            self.fd = os.open("/dev/fuse", os.O_RDWR)
        except OSError as why:
            raise Skip(f"no FUSE here: {why}") from None
        self.asked = 0
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def enter(self):
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0".encode()
        for call in (lambda: LIBC.unshare(CLONE_NEWNS),
                     lambda: LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None),
                     lambda: LIBC.mount(b"dead", self.path.encode(), b"fuse", 0, options)):
            if call() != 0:
                os._exit(77)

    def serve(self):
        """Take all requests; answer the first only."""
        while self.fd is not None:
            try:
                if not select.select([self.fd], [], [], 0.1)[0]:
                    continue
                request = os.read(self.fd, 1 << 17)
            except OSError:
                # Nobody has mounted it yet, or nobody has any more.
                time.sleep(0.05)
                continue
            _, code, unique = struct.unpack_from("<IIQ", request)
            if code != self.INIT:
                self.asked += 1
                continue
            out = struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, 0, 0, 0, 4096, 1, 0, 0, 0)
            os.write(self.fd, struct.pack("<IiQ", 16 + len(out), 0, unique) + out)

    def close(self):
        """Whoever waits for it gets an error."""
        fd, self.fd = self.fd, None
        if fd is not None:
            self.thread.join()
            os.close(fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


WAITS = r"""
static volatile long opened;
static void *run(void *path)
{
	int fd = open(path, O_RDONLY);
	opened = fd < 0 ? errno : -1;
	return NULL;
}
static void *work(void *arg)
{
	for (;;) {
		int got = victim_answer(5);
		if (got != 11 && got != 17)
			_exit(9);
		usleep(1000);
	}
}
int main(int argc, char **argv)
{
	pthread_t t;
	for (int i = 0; i < 4; i++)
		pthread_create(&t, NULL, work, NULL);
	pthread_create(&t, NULL, run, argv[1]);
	say("ready\n", 0);
	for (char c; read(0, &c, 1) == 1;) {
		if (c == 'e') {
			while (!opened)
				usleep(1000);
			say("opened %ld\n", opened);
		} else if (c == '\n') {
			say("answer %ld\n", victim_answer(5));
		}
	}
}
"""


def nobody_stands(pid):
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/status") as file:
            text = file.read()
        check("\nTracerPid:\t0\n" in text, f"thread {tid} is traced")
        check("tracing stop" not in text and "(stopped)" not in text, f"{tid} stands: {text[:200]}")


@test
def a_thread_that_waits_for_a_dead_file_system_is_named_and_refused_in_time(place):
    made = program(place, "waits", WAITS)
    dead = Dead(place.path("dead"))
    # The file system goes first: who waits for it does not even die before.
    with Victim(made, dead.path + "/file", preexec_fn=dead.enter) as victim, dead:
        until(lambda: dead.asked, "nobody asks the file system", 10)
        for _ in range(2):
            start = time.monotonic()
            done = place.apply(victim.pid, "--wait", "0.3", status=4)
            took = time.monotonic() - start
            check(took < 15, f"it took {took:.1f} s")
            one_line(done, f"pid {victim.pid}", "did not stop in time", "system call open")
            check("help: R-13: The kernel holds the thread" in done.stderr, done.stderr)
            nobody_stands(victim.pid)
            answers(victim, 11)
        same(place.states(victim.pid), [], "state")
        same(place.run("recover", "--pid", str(victim.pid)).returncode, 3, "what is open")
        # The file system is given up: the call ends, with its error, and all is well.
        dead.close()
        victim.process.stdin.write(b"e")
        check(victim.line() in ("opened 103", "opened 107"), "what open(2) said")
        there_and_back(place, victim)


@contextlib.contextmanager
def quiet(place):
    """A file system in a file that can be frozen: who writes waits in state D, and no signal
    ends that. Thawed on every way out."""
    image, path = place.path("image"), place.path("quiet")
    os.makedirs(path)
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    for command in (["mkfs.ext4", "-q", image], ["mount", "-o", "loop", image, path]):
        if not shutil.which(command[0]):
            raise Skip(f"no {command[0]} here")
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Skip(f"{command[0]}: {done.stderr.strip()}")
    try:
        subprocess.run(["fsfreeze", "--freeze", path], check=True)
        yield path
    finally:
        subprocess.run(["fsfreeze", "--unfreeze", path], capture_output=True)
        subprocess.run(["umount", "-l", path], check=True)


@test
def a_thread_in_state_d_over_a_frozen_file_system_is_named_and_refused_in_time(place):
    made = program(place, "writes", WAITS.replace("open(path, O_RDONLY)",
                                                  "open(path, O_WRONLY | O_CREAT, 0600)"))

    def stuck(pid):
        return [tid for tid in os.listdir(f"/proc/{pid}/task") if state_of(tid) == "D"]

    # Thawed before it is to end: before that it cannot.
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(quiet(place))
        victim = stack.enter_context(Victim(made, path + "/file"))
        stack.callback(subprocess.run, ["fsfreeze", "--unfreeze", path], capture_output=True)
        tid, = until(lambda: stuck(victim.pid), "no thread is in state D")
        for _ in range(2):
            start = time.monotonic()
            done = place.apply(victim.pid, "--wait", "0.3", status=4)
            took = time.monotonic() - start
            check(took < 15, f"it took {took:.1f} s")
            one_line(done, f"pid {victim.pid}", f"thread {tid} ", "did not stop in time", "system call open")
            check("help: R-13: The kernel holds the thread" in done.stderr, done.stderr)
            nobody_stands(victim.pid)
            same(stuck(victim.pid), [tid], "who is in state D")
            answers(victim, 11)
        same(place.states(victim.pid), [], "state")
        same(place.run("recover", "--pid", str(victim.pid)).returncode, 3, "what is open")
        subprocess.run(["fsfreeze", "--unfreeze", path], check=True)
        victim.process.stdin.write(b"e")
        same(victim.line(), "opened -1", "what open(2) said")
        there_and_back(place, victim)


def frozen(place, path, marks):
    """Freeze and thaw while it is switched, at any moment."""
    made = program(place, "busy", WAITS.replace("pthread_create(&t, NULL, run, argv[1]);", ""))
    dice = random.Random(11)
    old = os.path.exists(f"{path}/freezer.state")
    with Victim(made) as victim:
        put(path, ("cgroup.procs",), victim.pid)
        try:
            for number in range(6):
                verb = "revert" if place.states(victim.pid) == ["applied"] else "apply"
                with place.start(verb, place.patch, "--pid", str(victim.pid), "--wait",
                                 "0.5") as tool:
                    time.sleep(dice.random() * 0.04)
                    put(path, marks, "FROZEN" if old else 1)
                    if number % 2:
                        time.sleep(dice.random() * 0.2)
                        put(path, marks, "THAWED" if old else 0)
                    _, err = tool.communicate(timeout=LONG)
                if number % 2 == 0:
                    # The kernel takes its time; what is refused is left as it is.
                    until(lambda: is_frozen(path), "the group is not frozen")
                put(path, marks, "THAWED" if old else 0)
                # Frozen in the middle of a call of ours, it is left to be ended: and says so.
                check(tool.returncode in (0, 4) or "`graft recover` ends it" in err,
                      f"{verb}: {tool.returncode}: {err}")
                check(tool.returncode == 0 or len(errors_in(err)) == 1, err)
                place.run("recover", "--pid", str(victim.pid), "--wait", "30")
                nobody_stands(victim.pid)
                answers(victim, 17 if place.states(victim.pid) == ["applied"] else 11)
        finally:
            put(path, marks, "THAWED" if old else 0)


@test
def a_process_that_is_frozen_while_it_is_switched_is_whole_afterwards(place):
    marks = ("freezer.state", "cgroup.freeze")
    with group("freezer", marks) as path:
        frozen(place, path, marks)


@test
def a_process_that_is_frozen_by_the_unified_hierarchy_is_whole_afterwards(place):
    base = f"{GROUPS}/unified"
    path = f"{base}/graft-{os.getpid()}"
    if not os.path.exists(f"{base}/cgroup.procs"):
        raise Skip("no unified hierarchy beside others")
    with contextlib.ExitStack() as stack:
        try:
            os.mkdir(path)
        except OSError as why:
            raise Skip(f"no control group can be made: {why}") from None
        stack.callback(lambda: until(lambda: gone(path), "the group stays"))
        if not os.path.exists(f"{path}/cgroup.freeze"):
            raise Skip("this kernel freezes no group of it")
        frozen(place, path, ("cgroup.freeze",))


def gone(path):
    with contextlib.suppress(OSError):
        os.rmdir(path)
    return not os.path.exists(path)

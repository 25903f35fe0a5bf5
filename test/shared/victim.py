# SPDX-License-Identifier: Apache-2.0
"""What all suites share that start victims: the names of things, how a test is
written, and a process that obeys."""
import os
import re
import select
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GRAFT = os.path.abspath(os.environ.get("GRAFT", os.path.join(ROOT, "build/graft")))
SOURCES = os.path.join(ROOT, "test/live/victims")
OLD, NEW = 11, 17  # what victim_answer(5) is
TESTS = []
# Longest wait, in seconds, for what must come: a busy machine is slow, not wrong.
LONG = 60
# Numbers of system calls in which a thread waits to be told.
READ, SIGTIMEDWAIT, NANOSLEEP = 0, 128, 230


class Skip(Exception):
    """A test that cannot run here, and why."""


def test(fn):
    TESTS.append(fn)
    return fn


def on_host(one):
    """A test that needs what only the host has; it must not see what others do there."""
    one.on_host = True
    return one


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def same(got, want, text):
    check(got == want, f"{text}: got {got!r}, want {want!r}")


def until(condition, text, seconds=LONG):
    """Wait for a state, however long it takes to come; returns what it is."""
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        check(time.monotonic() < end, text)
        time.sleep(0.005)


def errors_in(text):
    """What went wrong, line by line, without what would help."""
    return [line for line in text.splitlines() if not re.match(r"graft [\w-]+: help: \S", line)]


def build_id(path):
    """The build-id of a file, in hexadecimal digits."""
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True,
                           check=True).stdout
    return re.search(r"Build ID: ([0-9a-f]+)", notes).group(1)


def state_of(pid):
    """The letter that proc(5) has for what a process does; nothing if there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rsplit(b")", 1)[1].split()[0].decode()
    except OSError:
        return ""


def children_of(pid):
    """Those that a process, by any of its threads, is the parent of."""
    found = []
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/children") as file:
                found += [int(word) for word in file.read().split()]
    except OSError:
        pass
    return found


def works_on(tool):
    """Wait until a tool got so far that it has a guardian, which touches the process."""
    until(lambda: children_of(tool.pid) or tool.poll() is not None, "the tool does not begin")
    check(tool.poll() is None, "the tool ended")


def threads_in(pid, call, leader=False):
    """How many threads wait in a system call: the first one, or all others."""
    found = 0
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{tid}/syscall") as file:
                found += file.read().split()[0] == str(call) and (int(tid) == pid) == leader
        except OSError:  # it has ended
            continue
    return found


class Victim:
    """A process that obeys its input and says what became of it."""

    def __init__(self, *argv, **how):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, bufsize=0, **how)
        self.pid = self.process.pid
        self.rest = b""
        same(self.line(), "ready", "the victim starts")

    def line(self, seconds=LONG):
        end = time.monotonic() + seconds
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            check(left > 0 and select.select([self.process.stdout], [], [], left)[0],
                  f"the victim {self.pid} says nothing")
            more = os.read(self.process.stdout.fileno(), 4096)
            check(more, f"the victim {self.pid} died: {self.process.poll()}")
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def tell(self, text):
        self.process.stdin.write(text.encode() + b"\n")

    def block(self):
        """One of its threads goes into victim_block(), and stays."""
        before = threads_in(self.pid, READ)
        self.tell("block")
        until(lambda: threads_in(self.pid, READ) > before, "the thread does not block")

    def climb(self):
        """One of its threads is at the end of a recursion, until it is told to wake up."""
        self.tell("climb 1000 1000000")
        until(lambda: threads_in(self.pid, NANOSLEEP), "the thread does not climb")

    def ask(self):
        """All numbers of its answer, by name."""
        self.tell("ask")
        words = self.line().split()
        return {k: int(v) for k, v in zip(words[::2], words[1::2])}

    def expect(self, new, threads=0):
        got = self.ask()
        same(got["answer"], NEW if new else OLD, "the answer")
        same(got["new" if new else "old"], threads, "threads that answer so")
        same(got["bad"], 0, "answers that are neither")
        return got

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

# SPDX-License-Identifier: Apache-2.0
"""What all suites share that start victims: the names of things, how a test is
written, and a process that obeys."""
import os
import select
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GRAFT = os.path.abspath(os.environ.get("GRAFT", os.path.join(ROOT, "build/graft")))
SOURCES = os.path.join(ROOT, "test/live/victims")
OLD, NEW = 11, 17  # what victim_answer(5) is
TESTS = []


class Skip(Exception):
    """A test that cannot run here, and why."""


def test(fn):
    TESTS.append(fn)
    return fn


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def same(got, want, text):
    check(got == want, f"{text}: got {got!r}, want {want!r}")


class Victim:
    """A process that obeys its input and says what became of it."""

    def __init__(self, *argv, **how):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, bufsize=0, **how)
        self.pid = self.process.pid
        self.rest = b""
        same(self.line(), "ready", "the victim starts")

    def line(self, seconds=20):
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

# SPDX-License-Identifier: Apache-2.0
"""What the live tests share: victims, and a place with both builds."""
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "shared"))
import victim  # noqa: E402
from victim import (GRAFT, LONG, NEW, OLD, ROOT, SOURCES, TESTS, Skip, build_id, errors_in,  # noqa: E402,F401
                    check, on_host, same, test, until, works_on)


class Victim(victim.Victim):
    """A victim that is looked at from outside too."""

    # How many interrupted calls a test has put up with.
    known_eintr = 0

    def expect(self, new, threads=0):
        got = super().expect(new, threads)
        same(got["eintr"], self.known_eintr, "calls that were interrupted without a signal")
        same(got["parse"], 123 if new else 3, "the function with a new import")

    def maps(self):
        with open(f"/proc/{self.pid}/maps") as file:
            return file.read().splitlines()

    def rss(self):
        with open(f"/proc/{self.pid}/status") as file:
            return int(re.search(r"VmRSS:\s*(\d+)", file.read()).group(1))

    def let_go(self):
        """Wait until nobody traces it: a guardian outlives its tool by some moments."""
        def traced():
            with contextlib.suppress(OSError):
                for tid in os.listdir(f"/proc/{self.pid}/task"):
                    with open(f"/proc/{self.pid}/task/{tid}/status") as file:
                        if not re.search(r"TracerPid:\s*0\n", file.read()):
                            return True
            return False
        until(lambda: not traced(), "it is still traced")

    def untouched(self):
        """Nobody traces it and no thread is stopped."""
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{tid}/status") as file:
                text = file.read()
            same(re.search(r"TracerPid:\s*(\d+)", text).group(1), "0", "tracer")
            check(not re.search(r"State:\s*[tT]", text), f"thread {tid} is stopped")


class Place:
    """A directory with both builds, the hotpatch and a state directory."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="graft-live-")
        self.state = os.path.join(self.dir, "state")
        for side, flags in (("old", []), ("new", ["-DNEW"])):
            os.mkdir(self.path(side))
            self.cc("lib.c", f"{side}/libvictim.so", "-shared", "-fPIC", *flags)
        for name in ("victim.c", "seccomp.c", "fibre.c"):
            for side in ("old", "new"):
                self.cc(name, f"{side}/{name[:-2]}", self.path(f"{side}/libvictim.so"),
                        f"-Wl,-rpath,{self.path(side)}", "-pthread")
        self.cc("tracer.c", "tracer")
        self.cc("twice.c", "twice", "-D_GNU_SOURCE")
        self.cc("pair.c", "pair")
        self.patch = self.path("fix.graft")
        done = subprocess.run([GRAFT, "diff", self.path("old/libvictim.so"),
                               self.path("new/libvictim.so"), "-o", self.patch],
                              capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(self.dir)
            sys.exit(f"Bail out! graft diff: {done.stdout}{done.stderr}")
        self.id = json.loads(self.run("show", self.patch, "--json").stdout)["id"]

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def cc(self, source, to, *flags):
        # Exceptions pass through the library: the unwinder must be told of it.
        flags += ("-fexceptions",) if source == "lib.c" else ()
        subprocess.run(["gcc", "-O2", "-Wl,--build-id", "-o", self.path(to),
                        os.path.join(SOURCES, source), *flags], check=True)

    def run(self, *argv, status=None, fault=None, prefix=()):
        env = dict(os.environ, GRAFT_STATE_DIR=self.state)
        env.pop("GRAFT_FAULT", None)
        if fault:
            env["GRAFT_FAULT"] = fault
        done = subprocess.run([*prefix, GRAFT, *argv], capture_output=True, text=True,
                              env=env, timeout=5 * LONG)
        if status is not None:
            same(done.returncode, status,
                 f"status of {' '.join(argv)} ({done.stdout}{done.stderr})")
        return done

    def start(self, *argv, **how):
        env = dict(os.environ, GRAFT_STATE_DIR=self.state)
        return subprocess.Popen([GRAFT, *argv], env=env, **{"stdout": subprocess.DEVNULL, **how})

    def apply(self, pid, *more, status=0, **how):
        return self.run("apply", self.patch, "--pid", str(pid), *more, status=status, **how)

    def revert(self, pid, *more, status=0, **how):
        return self.run("revert", self.patch, "--pid", str(pid), *more, status=status, **how)

    def recover(self, pid, *more, **how):
        return self.run("recover", "--pid", str(pid), *more, **how)

    def states(self, pid):
        done = self.run("status", "--pid", str(pid), "--json", status=0)
        return [h["state"] for p in json.loads(done.stdout)["processes"]
                for h in p["hotpatches"]]

    def victim(self, threads=0, side="old"):
        return Victim(self.path(f"{side}/victim"), str(threads))


def one_line(done, *words):
    """A refusal is one line that names what it is about, and what would help."""
    lines = errors_in(done.stderr)
    # A rule about a process comes with what would help, in a line of its own or in the same.
    if re.search(r"pid \d+ .*R-\d\d:", done.stderr) and "revert that one first" not in done.stderr:
        same(len(done.stderr.splitlines()), 2, f"what would help: {done.stderr!r}")
    same(len(lines), 1, f"lines of {done.stderr!r}")
    for word in words:
        check(word in lines[0], f"{word!r} is not in {lines[0]!r}")


def settled(place, victim, threads, eintr=False):
    """After whatever was cut off: recover, and all agree on what is there.

    With eintr, calls may have been interrupted until now, one in each thread."""
    first = place.recover(victim.pid, "--wait", "30")
    victim.untouched()
    again = place.recover(victim.pid)
    same(again.returncode, 3, f"a second recover has nothing to do ({first}, {again})")
    states = place.states(victim.pid)
    check(states in ([], ["applied"], ["reverted"]), states)
    if eintr:
        victim.known_eintr = victim.ask()["eintr"]
        check(victim.known_eintr <= threads + 1, f"{victim.known_eintr} calls were interrupted")
    victim.expect(states == ["applied"], threads)
    return states

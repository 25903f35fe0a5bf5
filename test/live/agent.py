# SPDX-License-Identifier: Apache-2.0
"""What the tests of graftd share: a daemon with a scope of the test's own, and processes
that are in it."""
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

from stage import GRAFT, LONG, Skip, Victim, check, same, until

GRAFTD = os.path.join(os.path.dirname(GRAFT), "graftd")
# Who has no processes: the scope where no control group can be made.
USER = 61234


class Scope:
    """A control group that nobody else is in; where none can be made, a user."""

    def __init__(self):
        self.group = None
        for line in open("/proc/mounts", encoding="utf-8"):
            _, where, kind = line.split()[:3]
            if kind != "cgroup2":
                continue
            group = tempfile.mktemp(prefix="graft-test-", dir=where)
            try:
                os.mkdir(group)
                with open(f"{group}/cgroup.procs", "r+", encoding="ascii"):
                    self.group, self.path = group, self.path_in(group)
            except OSError:
                continue
            break

    @staticmethod
    def path_in(group):
        """What /proc/PID/cgroup calls it."""
        with subprocess.Popen(["sleep", "9"]) as process:
            try:
                with open(f"{group}/cgroup.procs", "w", encoding="ascii") as file:
                    file.write(str(process.pid))
                with open(f"/proc/{process.pid}/cgroup", encoding="utf-8") as file:
                    return next(line.strip()[3:] for line in file if line.startswith("0::"))
            finally:
                process.kill()

    def lines(self):
        return (f"include-cgroup = {self.path}\n" if self.group else f"include-user = {USER}\n")

    def enter(self):
        """Called in a child, before it becomes another program."""
        if self.group:
            with open(f"{self.group}/cgroup.procs", "w", encoding="ascii") as file:
                file.write("0")
        else:
            os.setgroups([])
            os.setresgid(USER, USER, USER)
            os.setresuid(USER, USER, USER)

    def remove(self):
        if self.group:
            until(lambda: not open(f"{self.group}/cgroup.procs", encoding="ascii").read(),
                  "somebody is left in the scope")
            os.rmdir(self.group)


class Daemon:
    """graftd, in the state directory of a test, for processes of its scope."""

    def __init__(self, place, *lines, start=True, watchdog=None):
        os.chmod(place.dir, 0o755)
        self.place, self.watchdog, self.process = place, watchdog, None
        self.scope = Scope()
        self.dir = tempfile.mkdtemp(prefix="d", dir=place.dir)
        os.chmod(self.dir, 0o755)
        self.socket = f"{self.dir}/s"
        self.log = f"{self.dir}/log"
        self.config = f"{self.dir}/graftd.conf"
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(self.scope.lines() + f"socket = {self.socket}\n" + "\n".join(lines) + "\n")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(f"{self.dir}/n")
        os.chmod(f"{self.dir}/n", 0o666)
        if start:
            self.start()

    def launch(self, *more, program=GRAFTD, **how):
        env = {key: value for key, value in os.environ.items()
               if key not in ("GRAFT_FAULT", "JOURNAL_STREAM")}
        env["NOTIFY_SOCKET"] = f"{self.dir}/n"
        if self.watchdog:
            env["WATCHDOG_USEC"] = str(self.watchdog)
        with open(self.log, "a", encoding="utf-8") as log:
            return subprocess.Popen([program, "--config", self.config, "--state-dir",
                                     self.place.state, "--tool", GRAFT, *more],
                                    env=env, stderr=log, **how)

    def start(self):
        self.process = self.launch()
        self.wait_for("READY=1")

    def wait_for(self, text):
        """Wait until the service manager would have been told something."""
        self.notify.settimeout(LONG)
        try:
            while text not in self.notify.recv(4096).decode().splitlines():
                pass
        except socket.timeout:
            raise AssertionError(f"graftd never says {text}: {self.said()}") from None

    def said(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def front(self):
        """The other process of the two."""
        def find():
            for pid in os.listdir("/proc"):
                try:
                    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                        name, rest = file.read().split("(", 1)[1].rsplit(")", 1)
                except (OSError, IndexError):
                    continue
                if name == "graftd-front" and int(rest.split()[1]) == self.process.pid:
                    return int(pid)
            return 0
        return until(find, "there is no front")

    def ask(self, *argv, status=0):
        done = self.place.run("daemon", *argv, "--socket", self.socket, "--json", status=status)
        return json.loads(done.stdout) if done.stdout else {}

    def has(self, name, value):
        """Wait until it says so of itself."""
        try:
            until(lambda: self.ask("status")[name] == value, f"{name} does not become {value}")
        except AssertionError as why:
            raise AssertionError(f"{why}: {self.ask('status')} {self.said()}") from None

    def victim(self, *argv, **how):
        return Victim(*argv, preexec_fn=self.scope.enter, **how)

    def victim_in(self, root, *argv):
        """In another root, which only root may enter."""
        if self.scope.group:
            return self.victim("chroot", root, *argv)
        return Victim("chroot", f"--userspec={USER}:{USER}", root, *argv)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        same(self.process.wait(LONG), 0, f"its exit status ({self.said()})")
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.notify.close()
        self.scope.remove()


def becomes(victim, question, answer, seconds=LONG):
    """Ask a process until it answers as it shall; returns how long that took."""
    start = time.monotonic()

    def asks():
        victim.tell(question)
        return victim.line() == answer
    until(asks, f"process {victim.pid} does not answer {answer}", seconds)
    return time.monotonic() - start

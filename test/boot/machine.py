# SPDX-License-Identifier: Apache-2.0
"""A machine of the test's own: systemd boots in a layer over this host's root, with processes,
mounts, control groups and a network that nobody else sees. It can be restarted."""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "shared"))
from victim import LONG, Skip, check, same, until  # noqa: E402

INIT = "/lib/systemd/systemd"
# What a machine has of the kernel is its own, or cannot be written to. The first program
# lacks what would reach beyond it: CAP_SYS_MODULE, CAP_SYS_TIME, CAP_SYS_RAWIO.
ENTER = r"""
set -e
dir=$1 root=$1/root
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/upper,workdir=$dir/work" "$root"
mount -t proc proc "$root/proc"
for path in sys sysrq-trigger; do
	[ -e "$root/proc/$path" ] || continue
	mount --bind "$root/proc/$path" "$root/proc/$path"
	mount -o remount,bind,ro "$root/proc/$path"
done
mount --bind "$dir/boot-id" "$root/proc/sys/kernel/random/boot_id"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for name in null zero full random urandom tty; do
	touch "$root/dev/$name"
	mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
rm -f "$root/usr/sbin/policy-rc.d"
cd "$root"
pivot_root . mnt
umount -l /mnt
exec env -i container=graft setpriv --bounding-set -sys_module,-sys_time,-sys_rawio \
	--inh-caps -all /lib/systemd/systemd --system
"""


def cgroup_root():
    """Where control groups of the second version are mounted, and can be made."""
    with open("/proc/mounts", encoding="utf-8") as file:
        for line in file:
            _, where, kind = line.split()[:3]
            if kind == "cgroup2" and os.access(where, os.W_OK):
                return where
    raise Skip("no control groups of version 2 to make some in")


class Machine:
    """A machine; its disk is kept when it restarts."""

    def __init__(self, folder):
        for name in ("/usr/bin/systemctl", INIT, "/usr/bin/dbus-daemon", "/usr/bin/setpriv"):
            if not os.access(name, os.X_OK):
                raise Skip(f"no {name}")
        self.dir = tempfile.mkdtemp(prefix="machine-", dir=folder)
        self.group = tempfile.mkdtemp(prefix="graft-boot-", dir=cgroup_root())
        for name in ("upper", "work", "root"):
            os.mkdir(f"{self.dir}/{name}")
        os.chmod(f"{self.dir}/upper", 0o755)
        self.holder = None
        self.furnish()
        self.boots = 0
        try:
            self.start()
        except Exception:
            self.close()
            raise

    def furnish(self):
        """It has no services of this host, and an identity of its own."""
        etc = f"{self.dir}/upper/etc"
        os.makedirs(f"{etc}/systemd")
        os.mkdir(f"{etc}/systemd/system")
        os.setxattr(f"{etc}/systemd/system", "trusted.overlay.opaque", b"y")
        # Nor those that the old way of starting would bring.
        os.mkdir(f"{etc}/systemd/system-generators")
        for name in ("systemd-sysv-generator", "systemd-fstab-generator"):
            os.symlink("/dev/null", f"{etc}/systemd/system-generators/{name}")
        os.mkdir(f"{etc}/cron.d")
        os.setxattr(f"{etc}/cron.d", "trusted.overlay.opaque", b"y")
        with open(f"{etc}/machine-id", "w", encoding="ascii"):
            pass
        os.makedirs(f"{self.dir}/upper/var/log/journal")

    def start(self):
        """Boot, and wait until all has started."""
        # As a kernel that has booted: by it graft tells that there was a restart.
        with open(f"{self.dir}/boot-id", "w", encoding="ascii") as file:
            file.write(f"{uuid.uuid4()}\n")
        log = open(f"{self.dir}/log", "a+", encoding="utf-8", errors="replace")

        def enter():
            with open(f"{self.group}/cgroup.procs", "w", encoding="ascii") as file:
                file.write("0")
        with log:
            self.holder = subprocess.Popen(
                # However the test ends, the machine does.
                ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--uts",
                 "--ipc", "--net", "--cgroup", "--fork", "--kill-child", "sh", "-c", ENTER, "sh", self.dir],
                preexec_fn=enter, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.boots += 1
        until(lambda: self.first() or self.holder.poll() is not None, "no first process")
        if not self.is_up():
            check(self.holder.poll() is not None, f"systemd hangs as it starts: {self.said()}")
            raise Skip(f"systemd does not start: {self.said()}")

    def said(self):
        with open(f"{self.dir}/log", encoding="utf-8", errors="replace") as file:
            return " / ".join(file.read().splitlines()[-5:])

    def first(self):
        """The first process, once it is systemd."""
        with contextlib.suppress(OSError, IndexError):
            with open(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children") as file:
                pid = file.read().split()[0]
            if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "systemd":
                self.init, self.root = pid, f"/proc/{pid}/root"
                return True
        return False

    def is_up(self):
        end = time.monotonic() + LONG
        while time.monotonic() < end and self.holder.poll() is None:
            done = self.run("systemctl", "is-system-running", "--wait")
            if done.stdout.strip() in ("running", "degraded"):
                return True
            time.sleep(0.05)
        return False

    def command(self, *argv):
        return ["nsenter", "-t", self.init, "-m", "-p", "-u", "-i", "-n", "-C", "-r", "-w",
                "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive", *argv]

    def enter(self):
        """Called in a child: who works in the machine is of its control groups."""
        with contextlib.suppress(OSError):
            with open(f"{self.group}/init.scope/cgroup.procs", "w", encoding="ascii") as file:
                file.write("0")

    def run(self, *argv, **more):
        """Run a command in it; returns what came of it."""
        return subprocess.run(self.command(*argv), capture_output=True, text=True, check=False,
                              errors="replace", timeout=LONG * 3, preexec_fn=self.enter,
                              stdin=subprocess.DEVNULL, **more)

    def must(self, *argv, status=0):
        done = self.run(*argv)
        same(done.returncode, status, f"{' '.join(argv)}: {done.stdout}{done.stderr}")
        return done.stdout

    def show(self, unit, name):
        """A property of a unit."""
        return self.must("systemctl", "show", "--value", "-p", name, unit).strip()

    def put(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
        with open(self.root + path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.root + path, mode)

    def bring(self, path):
        """Copy a file in; its path there."""
        os.makedirs(f"{self.root}/var/lib/test", exist_ok=True)
        to = f"/var/lib/test/{os.path.basename(path)}"
        shutil.copy(path, self.root + to)
        return to

    def goes_down(self):
        """Wait until it has gone down; returns the signal by which the kernel tells how:
        SIGHUP, it is to start again; SIGINT, it is not."""
        status = self.holder.wait(LONG)
        return -status if status < 0 else status

    def restarts(self):
        """Wait until it has gone down by itself to start again, and start it."""
        how = self.goes_down()
        check(how in (signal.SIGHUP, 128 + signal.SIGHUP), f"it did not ask to start again: {how}")
        self.start()

    def close(self):
        if self.holder:
            self.holder.kill()
            self.holder.communicate()
        # Their end takes a moment, and the groups can only go then.
        def gone():
            for folder, _, _ in os.walk(self.group, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
            return not os.path.isdir(self.group)
        until(gone, "somebody is left of the machine")
        shutil.rmtree(self.dir, ignore_errors=True)

# SPDX-License-Identifier: Apache-2.0
"""What the tests of the disk share: two versions of a package, and layers over this host's
root in which a real dpkg works and nothing of the host changes."""
import contextlib
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "shared"))
import tap  # noqa: E402,F401
from victim import GRAFT, LONG, TESTS, Skip, check, same, test, until  # noqa: E402,F401

NAME = "graft-daemon"
LIB = f"/usr/lib/{NAME}"
DOC = f"/usr/share/doc/{NAME}"
OLD, NEW = "1.0-1", "1.0-2"
ONE = {OLD: "int one(int x) { return x * 3 + 1; }",
       NEW: "int one(int x) { return x > 9 ? 0 : x * 3 + 2; }"}
PROGRAM = """#include <stdio.h>
int one(int x);
int main(void) {
	int x;
	while (scanf("%d", &x) == 1) { printf("%d\\n", one(x)); fflush(stdout); }
}"""
# Text that gzip makes something of.
WORDS = " ".join(f"word{i * i % 997}" for i in range(3000))
CHANGES = """{name} ({version}) unstable; urgency=high

  * {what}

 -- A <a@example.org>  Fri, 20 Nov 2026 12:00:00 +0000

"""
INIT = f"#!/bin/sh\necho \"$1\" >>/restarted\n# {NAME}\n"
# As debhelper has them: both ask policy-rc.d first.
POSTINST = f"""#!/bin/sh
set -e
if [ "$1" = configure ]; then
	invoke-rc.d {NAME} restart || [ $? = 101 ]
	if command -v setcap >/dev/null; then setcap cap_net_raw+ep {LIB}/capable; fi
fi
"""


def cc(source, to, *flags):
    subprocess.run(["gcc", "-O2", "-Wl,--build-id", "-x", "c", "-", "-x", "none", "-o", to,
                    *flags], input=source, text=True, check=True)


def put(root, path, content, mode=0o644):
    os.makedirs(os.path.dirname(root + path), exist_ok=True)
    with open(root + path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    os.chmod(root + path, mode)
    os.utime(root + path, (1600000000, 1600000000))


def fill(root, version, work):
    """The files of a version."""
    new = version == NEW
    os.makedirs(root + LIB)
    cc(ONE.get(version, ONE[NEW]), f"{root}{LIB}/libone.so", "-shared", "-fPIC")
    cc(ONE.get(version, ONE[NEW]), f"{work}/libone.so", "-shared", "-fPIC")
    os.makedirs(f"{root}/usr/sbin")
    cc(PROGRAM, f"{root}/usr/sbin/{NAME}", f"-L{work}", "-l:libone.so", f"-Wl,-rpath,{LIB}")
    os.symlink("libone.so", f"{root}{LIB}/libone.so.0")
    put(root, f"{LIB}/tool", "#!/bin/sh\n" + WORDS, 0o755)
    os.link(f"{root}{LIB}/tool", f"{root}{LIB}/tool-again")
    put(root, f"{LIB}/own", f"of root, {version}\n", 0o4755)
    put(root, f"{LIB}/games", "of games\n", 0o2750)
    shutil.chown(f"{root}{LIB}/games", "root", "games")
    os.chmod(f"{root}{LIB}/games", 0o2750)
    put(root, f"{LIB}/capable", f"{version}\n", 0o755)
    put(root, f"{LIB}/empty", "")
    put(root, f"{LIB}/{'appears' if new else 'goes'}", f"{version}\n")
    put(root, f"{LIB}/large.dat", WORDS * 20 + version)
    os.makedirs(f"{root}/var/lib/{NAME}")
    os.chmod(f"{root}/var/lib/{NAME}", 0o1770)
    put(root, f"/etc/{NAME}.conf", f"changed = {version}\n")
    put(root, f"/etc/{NAME}/same.conf", "same\n")
    put(root, f"/etc/init.d/{NAME}", INIT, 0o755)
    put(root, f"{DOC}/copyright", "free\n")
    put(root, f"{DOC}/read [me] *", f"{version}\n")
    text = CHANGES.format(name=NAME, version=version, what=f"in {version} {WORDS}")
    if new:
        text += CHANGES.format(name=NAME, version=OLD, what=f"in {OLD} {WORDS}")
    put(root, f"{DOC}/changelog.Debian.gz", pack(text))
    put(root, f"/usr/share/man/man8/{NAME}.8.gz", pack(".TH DAEMON 8\n" + WORDS))


def pack(text):
    """As dh_compress does."""
    return subprocess.run(["gzip", "-9n"], input=text.encode(), stdout=subprocess.PIPE,
                          check=True).stdout


def pack_deb(root, name, without=("DEBIAN",)):
    """Pack a folder, which goes away, with the sums of what does not begin so; returns the path."""
    sums = ""
    for folder, _, names in sorted(os.walk(root)):
        for one in sorted(names):
            path = os.path.join(folder, one)
            inside = os.path.relpath(path, root)
            if not os.path.islink(path) and not inside.startswith(without):
                with open(path, "rb") as file:
                    sums += f"{hashlib.md5(file.read()).hexdigest()}  {inside}\n"
    put(root, "/DEBIAN/md5sums", sums)
    to = f"{name}_{os.path.basename(root)}.deb"
    subprocess.run(["dpkg-deb", "-Zxz", "--build", root, to], check=True, capture_output=True)
    shutil.rmtree(root)
    return to


def deb(place, version, change=None, name=NAME, extra="", scripts=None):
    """Build a package, as dpkg-deb does it; returns its path."""
    root = tempfile.mkdtemp(dir=place.dir)
    os.chmod(root, 0o755)
    work = tempfile.mkdtemp(dir=place.dir)
    fill(root, version, work)
    if change:
        change(root)
    conffiles = [f"/etc/{NAME}.conf", f"/etc/{NAME}/same.conf", f"/etc/init.d/{NAME}"]
    put(root, "/DEBIAN/control",
        f"Package: {name}\nVersion: {version}\nArchitecture: amd64\n"
        f"Maintainer: A <a@example.org>\n{extra}Description: a daemon\n with more to say\n")
    put(root, "/DEBIAN/conffiles", "".join(f"{path}\n" for path in conffiles))
    for script, text in (scripts or {"postinst": POSTINST}).items():
        put(root, f"/DEBIAN/{script}", text, 0o755)
    return pack_deb(root, f"{place.dir}/{name}_{version}", without=("DEBIAN", "etc"))


class Layer:
    """A layer over the root of this host, with processes of its own."""

    def __init__(self, place, size, below="/", upper=None):
        self.dir = tempfile.mkdtemp(dir=place.dir)
        for name in ("layer", "root"):
            os.mkdir(f"{self.dir}/{name}")
        enter = ('mount --make-rprivate /; '
                 '[ -z "$2" ] || mount -t tmpfs -o "size=$2" tmpfs "$1/layer" || exit 77; '
                 '[ -z "$4" ] || mount --bind "$4" "$1/layer" || exit 77; '
                 'mkdir -p "$1/layer/upper" "$1/layer/work"; '
                 'mount -t overlay overlay -o "lowerdir=$3,upperdir=$1/layer/upper,'
                 'workdir=$1/layer/work" "$1/root" || exit 77; '
                 'mount -t proc proc "$1/root/proc" || exit 77; '
                 'mount --bind /dev "$1/root/dev" || exit 77; '
                 'exec chroot "$1/root" sh -c "echo ready; while :; do sleep 1000; done"')
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", enter, "sh",
             self.dir, size, below, upper or ""], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline().strip() != "ready":
            raise Skip("no layer over the root can be mounted: "
                       + self.holder.stderr.read().strip())
        with open(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children") as file:
            self.init = file.read().split()[0]
        self.root = f"/proc/{self.init}/root"
        shutil.rmtree(f"{self.root}/graft-test", ignore_errors=True)
        os.makedirs(f"{self.root}/graft-test")
        shutil.copy(GRAFT, f"{self.root}/graft-test/graft")
        with contextlib.suppress(FileNotFoundError):
            os.remove(f"{self.root}/usr/sbin/policy-rc.d")

    def command(self, *argv):
        return ["nsenter", "-t", self.init, "-m", "-p", "-r", "-w/", "env", "-i",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", *argv]

    def run(self, *argv, **more):
        return subprocess.run(self.command(*argv), capture_output=True, text=True, check=False,
                              timeout=LONG * 5, **more)

    def must(self, *argv):
        done = self.run(*argv)
        same(done.returncode, 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}")
        return done.stdout

    def bring(self, path):
        """Copy a file in; its path there."""
        to = f"/graft-test/{os.path.basename(path)}"
        if not os.path.exists(self.root + to):
            shutil.copy(path, self.root + to)
        return to

    def graft(self, *argv, fault=None):
        extra = [f"GRAFT_FAULT={fault}"] if fault else []
        return self.run("GRAFT_STATE_DIR=/graft-test/state", *extra, "/graft-test/graft", *argv)

    def install(self, path, *argv, fault=None):
        return self.graft("install", self.bring(path), *argv, fault=fault)

    def dpkg(self, path):
        self.must("DEBIAN_FRONTEND=noninteractive", "dpkg", "--force-confdef", "--force-confold",
                  "-i", self.bring(path))

    def state(self):
        """What dpkg says of the package."""
        done = self.run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Version}", NAME)
        return done.stdout

    def files(self):
        """Each path of the package: what it is, whose, and what is in it."""
        found = {}
        for path in self.must("dpkg", "-L", NAME).splitlines():
            at = self.root + path
            if path == "/." or not os.path.lexists(at):
                continue
            st = os.lstat(at)
            content = None
            if os.path.islink(at):
                content = os.readlink(at)
            elif os.path.isfile(at):
                with open(at, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            mine = NAME in path and not os.path.isdir(at)
            capability = None
            if mine and not os.path.islink(at):
                with contextlib.suppress(OSError):
                    capability = os.getxattr(at, "security.capability").hex()
            found[path] = (oct(st.st_mode), st.st_uid, st.st_gid, content, capability,
                           st.st_nlink if mine else None, int(st.st_mtime) if mine else None)
        return found

    def stanza(self):
        """What dpkg's database has of the package: status, conffiles, list, scripts."""
        found = {"status": self.must("dpkg", "-s", NAME)}
        info = f"{self.root}/var/lib/dpkg/info"
        for name in sorted(os.listdir(info)):
            if name.startswith(f"{NAME}."):
                with open(f"{info}/{name}", "rb") as file:
                    found[name] = file.read()
        return found

    def restarts(self):
        with contextlib.suppress(FileNotFoundError):
            with open(f"{self.root}/restarted") as file:
                return file.read().split()
        return []

    def forget_restarts(self):
        with contextlib.suppress(FileNotFoundError):
            os.remove(f"{self.root}/restarted")

    def read(self, path):
        with open(self.root + path, errors="replace") as file:
            return file.read()

    def close(self):
        self.holder.kill()
        self.holder.communicate()


class Daemon:
    """The daemon of the package, or another program that answers, at work in a layer."""

    def __init__(self, layer, path=f"/usr/sbin/{NAME}"):
        self.process = subprocess.Popen(layer.command(path), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask()

    def ask(self):
        self.process.stdin.write("2\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.kill()
        self.process.communicate()


class Place:
    """Both versions, and the hotpatch from one to the other."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="graft-disk-")
        self.state = os.path.join(self.dir, "state")
        # In our own namespace: it goes with us, and a layer may lie over another one.
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2g,mode=755", "tmpfs",
                               self.dir], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"Bail out! {done.stderr.strip()}")
        self.old = deb(self, OLD)
        self.new = deb(self, NEW)
        self.fix = self.diff(self.old, self.new)
        self.layers = []
        self.expected = {}

    def diff(self, old, new, *more):
        to = os.path.join(self.dir, f"{len(os.listdir(self.dir))}.graft")
        done = subprocess.run([GRAFT, "diff", old, new, "-o", to, *more], capture_output=True,
                              text=True, check=False)
        same(done.returncode in (0, 4), True, f"graft diff: {done.stdout}{done.stderr}")
        return to

    def show(self, fix):
        """What `graft show` says of a hotpatch."""
        return said(subprocess.run([GRAFT, "show", "--json", fix], capture_output=True, text=True,
                                   check=False))

    @contextlib.contextmanager
    def layer(self, install=True, size=""):
        layer = Layer(self, size, f"{self.base()}:/" if install else "/")
        try:
            yield layer
        finally:
            layer.close()

    def base(self):
        """A layer in which the old version is installed, made once."""
        folder = os.path.join(self.dir, "base")
        if not os.path.isdir(folder):
            os.mkdir(folder)
            layer = Layer(self, "", upper=folder)
            try:
                layer.dpkg(self.old)
                layer.forget_restarts()
            finally:
                layer.close()
            shutil.rmtree(f"{folder}/upper/graft-test")
        return f"{folder}/upper"

    def after(self, version):
        """What dpkg itself makes of a version, upgraded from the old one."""
        if version not in self.expected:
            with self.layer() as layer:
                if version == NEW:
                    layer.dpkg(self.new)
                self.expected[version] = (layer.files(), layer.stanza())
        return self.expected[version]

    def remove(self):
        subprocess.run(["umount", "-l", self.dir], check=False, capture_output=True)
        shutil.rmtree(self.dir, ignore_errors=True)


def said(done, status=0):
    """The JSON that a command printed."""
    same(done.returncode, status, f"exit status: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def tidy(layer):
    """Nothing is left of what was at work."""
    left = [name for name in os.listdir(f"{layer.root}/usr/sbin") if "policy-rc.d" in name]
    same(left, [], "policies left behind")
    store = f"{layer.root}/graft-test/state/install"
    for name in os.listdir(store) if os.path.isdir(store) else ():
        if name == "lock":
            continue
        with open(f"{store}/{name}/record", encoding="utf-8") as file:
            check("step installed" in file.read(), f"{name} is not at rest")
        check(not os.path.exists(f"{store}/{name}/new.deb"), "new.deb is left")


def whole(place, layer, version):
    """The package is what dpkg itself makes of that version, in each respect."""
    files, stanza = place.after(version)
    same(layer.state(), f"ii {version}", "dpkg's state")
    found = layer.files()
    for path in sorted(set(files) | set(found)):
        same(found.get(path), files.get(path), path)
    kept = layer.stanza()
    for name in sorted(set(stanza) | set(kept)):
        same(kept.get(name), stanza.get(name), name)
    same(layer.must("dpkg", "--verify", NAME), "", "dpkg --verify")
    tidy(layer)

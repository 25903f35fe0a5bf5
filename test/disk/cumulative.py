# SPDX-License-Identifier: Apache-2.0
"""`graft update` and `graft restart`: packages by a real apt-get out of an archive of the test's own, a
restart that is only played (a command of the test's, another boot id), and kills everywhere.

Nothing here can restart anything: the state directory is not the host's, the root is a layer, and
programs that would do so are others there, which leave a mark that each test looks for."""
import datetime
import functools
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import time

from stage import (GRAFT, LIB, NAME, NEW, OLD, Daemon, Skip, cc, check, deb, put, same, test, until)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OTHER = "graft-other"
MARK = "/graft-test/restarted-for-real"
CONF = "/graft-test/restart.conf"
PASSPHRASE = "for a test"


def small(place, name, version, extra=""):
    """A package with one file."""
    root = tempfile.mkdtemp(dir=place.dir)
    os.chmod(root, 0o755)
    put(root, f"/usr/share/{name}/file", version)
    put(root, "/DEBIAN/control", f"Package: {name}\nVersion: {version}\nArchitecture: amd64\n"
        f"Maintainer: A <a@example.org>\n{extra}Description: x\n")
    to = os.path.join(place.dir, f"{name}_{version}_amd64.deb")
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", root, to], check=True, capture_output=True)
    shutil.rmtree(root)
    return to


def archive(layer, *debs):
    """Make these packages all that apt knows of."""
    folder = f"{layer.root}/graft-test/apt"
    os.makedirs(folder, exist_ok=True)
    text = ""
    for path in debs:
        name = os.path.basename(path)
        shutil.copy(path, f"{folder}/{name}")
        with open(path, "rb") as file:
            data = file.read()
        fields = subprocess.run(["dpkg-deb", "-f", path], check=True, capture_output=True, text=True).stdout
        text += (f"{fields.rstrip()}\nFilename: ./{name}\nSize: {len(data)}\n"
                 f"SHA256: {hashlib.sha256(data).hexdigest()}\n\n")
    with open(f"{folder}/Packages", "w", encoding="utf-8") as file:
        file.write(text)
    shutil.rmtree(f"{layer.root}/etc/apt/sources.list.d", ignore_errors=True)
    put(layer.root, "/etc/apt/sources.list", "deb [trusted=yes] file:/graft-test/apt ./\n")


class Releases:
    """A repository of releases, with keys of its own."""

    def __init__(self, place):
        if not shutil.which("openssl"):
            raise Skip("no openssl here")
        self.dir = tempfile.mkdtemp(dir=place.dir)
        self.phrase = f"{self.dir}/phrase"
        with open(self.phrase, "w", encoding="utf-8", opener=functools.partial(os.open, mode=0o600)) as file:
            file.write(PASSPHRASE + "\n")
        for name in "root", "targets", "online":
            plain = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], check=True, capture_output=True).stdout
            if name != "online":
                plain = subprocess.run(["openssl", "pkcs8", "-topk8", "-passout", f"pass:{PASSPHRASE}"], input=plain,
                                       check=True, capture_output=True).stdout
            with open(self.key(name), "wb", opener=functools.partial(os.open, mode=0o600)) as file:
                file.write(plain)
        self.run("repo", "init", self.repo, *(w for r in ("root", "targets") for w in ("--key", f"{r}={self.key(r)}")),
                 *(w for r in ("snapshot", "timestamp") for w in ("--key", f"{r}={self.key('online')}")))

    repo = property(lambda self: f"{self.dir}/repo")

    def key(self, name):
        return f"{self.dir}/{name}.pem"

    def run(self, *words):
        done = subprocess.run([GRAFT, *words, "--passphrase-file", self.phrase], capture_output=True, text=True, check=False)
        same(done.returncode, 0, f"{words}: {done.stdout}{done.stderr}")

    def make(self, *files, **more):
        says = {"id": "GP-2026-0001", "line": "baseline", "date": "2026-10-13", "level": "2026-10",
                "classification": "security", "severity": "important", "title": "Fixes", **more}
        spec = f"{self.dir}/spec"
        with open(spec, "w", encoding="utf-8") as file:
            file.write("".join(f"{k.replace('_', '-')} = {v}\n" for k, v in says.items() if v))
        self.run("release", "make", self.repo, spec, *files, "--key", self.key("targets"))
        return self

    def publish(self):
        self.run("repo", "publish", self.repo, "--key", self.key("online"))
        return self


class Host:
    """A layer that is a device of a repository."""

    def __init__(self, layer, releases, window="", conf="edition = server\n", policy="space = 0\n", packages="archive"):
        self.layer = layer
        shutil.rmtree(f"{layer.root}/graft-test/repo", ignore_errors=True)
        shutil.copytree(f"{releases.repo}/public", f"{layer.root}/graft-test/repo")
        put(layer.root, "/graft-test/graftd.conf", "repository = file:///graft-test/repo\n"
            f"trusted-root = /graft-test/repo/metadata/1.root.json\npackages = {packages}\n")
        put(layer.root, "/graft-test/policy.conf", policy)
        put(layer.root, "/graft-test/restart", "#!/bin/sh\necho \"$@\" >>/graft-test/asked\n", 0o755)
        for name in "shutdown", "reboot", "systemctl", "halt", "poweroff":
            put(layer.root, f"/usr/local/sbin/{name}", f"#!/bin/sh\necho {name} \"$@\" >>{MARK}\n", 0o755)
        self.window(window)
        self.conf(conf)
        put(layer.root, "/graft-test/boot-id", "")
        self.boot()

    def conf(self, text):
        os.makedirs(f"{self.layer.root}/graft-test/state", exist_ok=True)
        put(self.layer.root, "/graft-test/state/device.conf", text)

    def window(self, text):
        put(self.layer.root, CONF, "command = /graft-test/restart %w %m\ncancel-command = /graft-test/restart no\n"
            "warning = 0\n" + text)

    def boot(self):
        """Be another boot: processes that are new, and an id that is."""
        with open(f"{self.layer.root}/graft-test/boot-id", "w", encoding="ascii") as file:
            file.write("-".join("%0*x" % (n, random.getrandbits(4 * n)) for n in (8, 4, 4, 4, 12)) + "\n")
        self.layer.run("umount", "/proc/sys/kernel/random/boot_id")
        self.layer.must("mount", "--bind", "/graft-test/boot-id", "/proc/sys/kernel/random/boot_id")

    def graft(self, *words, status=0, fault=None):
        done = self.layer.graft(*words, fault=fault)
        if status is not None:
            same(done.returncode, status, f"graft {words}: {done.stdout}{done.stderr}")
        check(not os.path.exists(self.layer.root + MARK), "something would have restarted this machine")
        return json.loads(done.stdout) if "--json" in words and done.stdout else done.stdout + done.stderr

    def update(self, *words, **more):
        return self.graft("update", "--config", "/graft-test/graftd.conf", "--policy", "/graft-test/policy.conf", *words,
                          **more)

    def restart(self, *words, **more):
        return self.graft("restart", *words, "--config", CONF, **more)

    def asked(self):
        try:
            return self.layer.read("/graft-test/asked").splitlines()
        except FileNotFoundError:
            return []

    def levels(self):
        text = self.layer.read("/graft-test/state/device.conf")
        return [(re.findall(rf"^{k} = (.*)$", text, re.M) or [None])[0] for k in ("baseline", "level")]

    def record(self):
        path = f"{self.layer.root}/graft-test/state/restart/record"
        return os.path.exists(path)


def hours(begin, end):
    """A window of today's, so many hours from now; in UTC."""
    now = datetime.datetime.now(datetime.timezone.utc)
    times = [(now + datetime.timedelta(hours=h)).strftime("%H:%M") for h in (begin, end)]
    return f"hours = {times[0]}-{times[1]}\n"


@functools.cache
def releases(place):
    """A baseline with the new version of the package."""
    return Releases(place).make(place.new).publish()


@test
def a_baseline_comes_by_apt_restarts_in_its_window_and_is_confirmed(place):
    with place.layer() as layer:
        archive(layer, place.old, place.new)
        host = Host(layer, releases(place), hours(-1, 2))
        before = layer.state()
        said = host.update("--dry-run", "--json", status=None)
        # apt's lists are not touched by a dry run, so that it may not know the version yet.
        layer.must("apt-get", "update")
        said = host.update("--dry-run", "--json")
        same((said["device"]["decision"], said["upgraded"], said["added"], said["waits"]),
             ("baseline", [f"{NAME} {NEW}"], [], False), "decided")
        same((layer.state(), host.record()), (before, False), "a dry run")
        said = host.update("--json")
        same((said["upgraded"], said["waits"], said["raised"]), ([f"{NAME} {NEW}"], True, False), said)
        same((layer.state(), host.levels()), (f"ii {NEW}", [None, None]), "before the restart")
        same(host.update("--json")["waits"], True, "a second one waits, too")
        state = host.restart("status", "--json")
        same((state["step"], state["releases"], state["level"], state["forced"]),
             ("waiting", ["GP-2026-0001"], "2026-10", False), "status")
        check(abs(state["restart_at"] - time.time()) < 60, state)
        same(host.restart("go", "--json")["done"], "restarting", "go")
        same(len(host.asked()), 1, "asked")
        check(host.asked()[0].startswith("0 This host is restarted for the update GP-2026-0001"), host.asked())
        # It is asked for once, and nothing is said to be there before it is.
        same((host.restart("go", status=3), len(host.asked())), (host.restart("status"), 1), "again")
        same(host.levels(), [None, None], "before the restart")
        host.boot()
        same(host.restart("status", "--json")["restarted"], True, "restarted")
        same(host.restart("go", "--json")["done"], "confirmed", "confirmed")
        same((host.levels(), host.record()), (["2026-10", "2026-10"], False), "afterwards")
        host.restart("go", status=3)
        same(host.update("--json", status=3)["device"]["decision"], "up to date", "then")


@test
def no_restart_is_made_outside_of_its_window_before_the_deadline(place):
    with place.layer() as layer:
        archive(layer, place.old, place.new)
        host = Host(layer, releases(place), hours(3, 5))
        host.update()
        for text, forced in ((hours(3, 5), False), (hours(3, 5) + "deadline = 1\ngrace = 1\n", True), ("", None)):
            host.window(text)
            state = host.restart("status", "--json")
            if forced is None:
                same(state["restart_at"], None, "without hours")
            else:
                same(state["forced"], forced, text)
                wait = 3600 if forced else 3 * 3600
                check(wait - 120 < state["restart_at"] - time.time() < wait + 60, (text, state))
            host.restart("go", status=3)
            same(host.asked(), [], text)
        # What was published long ago, and no grace: now, whatever the hours are.
        host.window(hours(3, 5) + "deadline = 1\ngrace = 0\n")
        same(host.restart("status", "--json")["forced"], True, "the deadline")
        host.restart("go")
        same(len(host.asked()), 1, "asked")
        # Other days of the week are no window.
        host.restart("cancel")
        same(host.asked()[1:], ["no"], "taken back")
        host.window(hours(-1, 2) + "grace = 720\nweekdays = " + (
            datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3)).strftime("%A").lower() + "\n")
        host.restart("plan")
        host.restart("go", status=3)
        check(host.restart("status", "--json")["restart_at"] > time.time() + 36 * 3600, "the weekday")


@test
def who_cancels_is_obeyed_and_a_restart_by_hand_counts(place):
    with place.layer() as layer:
        archive(layer, place.old, place.new)
        host = Host(layer, releases(place), hours(-1, 2))
        host.update()
        host.restart("cancel")
        host.restart("go", status=3)
        check("it was cancelled" in host.restart("status"), "status")
        same(host.asked(), [], "asked")
        # Nor is a device restarted that is held.
        host.restart("plan")
        host.conf("edition = server\nheld = yes\n")
        host.restart("go", status=3)
        same((host.asked(), host.restart("status", "--json")["restart_at"]), ([], None), "held")
        host.conf("edition = server\n")
        host.restart("now")
        same(len(host.asked()), 1, "by hand")
        # Whoever restarts it: it was.
        host.boot()
        host.restart("go")
        same(host.levels(), ["2026-10", "2026-10"], "levels")
        check("nothing waits" in host.restart("status", status=3), "status")
        host.restart("now", status=3)


@test
def the_hosts_own_command_is_out_of_reach_here(place):
    with place.layer() as layer:
        archive(layer, place.old, place.new)
        host = Host(layer, releases(place))
        host.update()
        put(layer.root, CONF, "warning = 0\n" + hours(-1, 2))
        for action in "now", "go":
            check("the host is not restarted from here" in host.restart(action, status=84), action)
        same(host.restart("status", "--json")["step"], "waiting", "step")
        # With the usual state directory it is the root that is another one.
        done = layer.run("sh", "-c", "rm -rf /var/lib/graft && cp -a /graft-test/state /var/lib/graft && "
                         f"/graft-test/graft restart now --config {CONF}")
        same(done.returncode, 84, done.stdout + done.stderr)
        check("this is not the root of the host" in done.stderr or "namespace" in done.stderr
              or "container" in done.stderr, done.stderr)
        check(not os.path.exists(layer.root + MARK), "it was run")


@test
def what_apt_would_do_beyond_the_release_is_refused(place):
    others = {v: small(place, OTHER, v) for v in ("1", "2")}
    cases = [
        ("remove graft-other", f"Conflicts: {OTHER}\n", 84),
        ("upgrade graft-other", f"Depends: {OTHER} (>= 2)\n", 84),
        ("graft-nowhere but it is not installable", "Depends: graft-nowhere\n", 84),
        ("a new dependency", "Depends: graft-fresh\n", 0),
    ]
    fresh = small(place, "graft-fresh", "1")
    for what, extra, status in cases:
        new = deb(place, NEW, extra=extra)
        own = Releases(place).make(new).publish()
        with place.layer() as layer:
            archive(layer, place.old, new, fresh, *others.values())
            layer.dpkg(others["1"])
            host = Host(layer, own)
            before = layer.must("dpkg-query", "-W")
            said = host.update("--json", status=status)
            if status:
                check(what in said["error"]["message"], f"{what}: {said}")
                same((layer.must("dpkg-query", "-W"), host.record()), (before, False), what)
            else:
                same((said["upgraded"], said["added"]), ([f"{NAME} {NEW}"], ["graft-fresh 1"]), what)
                same(layer.state(), f"ii {NEW}", what)


@test
def a_version_that_apt_has_not_changes_nothing(place):
    with place.layer() as layer:
        archive(layer, place.old)
        host = Host(layer, releases(place))
        said = host.update("--json", status=84)
        check("was not found" in said["error"]["message"], said)
        same((layer.state(), host.record(), host.levels()), (f"ii {OLD}", False, [None, None]), "afterwards")
        # A newer one in the archive is not what was named.
        archive(layer, place.old, deb(place, "1.0-3"))
        host.update(status=84)
        same(layer.state(), f"ii {OLD}", "a newer one")
        # Who put it on hold meant it.
        archive(layer, place.old, place.new)
        layer.must("apt-mark", "hold", NAME)
        check("eld packages were changed" in host.update(status=84), "a hold")
        same((layer.state(), host.record()), (f"hi {OLD}", False), "a hold")
        layer.must("apt-mark", "unhold", NAME)
        # Where the package is not, nothing is to be done for it, and no restart.
        layer.must("dpkg", "--purge", NAME)
        same(host.update("--json")["raised"], True, "not here")
        same((host.levels(), host.record()), (["2026-10", "2026-10"], False), "not here")


@test
def what_is_not_on_disk_after_the_restart_is_not_said_to_be(place):
    with place.layer() as layer:
        archive(layer, place.old, place.new)
        host = Host(layer, releases(place), hours(-1, 2))
        host.update()
        # Somebody takes the package back.
        layer.must("dpkg", "--force-downgrade", "-i", layer.bring(place.old))
        host.boot()
        check(f"{NAME} is here in version {OLD}" in host.restart("go", status=84), "the version")
        same((host.levels(), host.record()), ([None, None], False), "levels")
        host.update()
        # The version is right, the file is not.
        cc("int one(int x) { return x; }", f"{layer.root}{LIB}/libone.so", "-shared", "-fPIC")
        host.boot()
        said = host.restart("go", status=84)
        check(f"{LIB}/libone.so is the build " in said and "--reinstall" in said, said)
        same(host.levels(), [None, None], "levels")
        # It is not restarted for in vain either.
        check("--reinstall" in host.update(status=84), "update")
        layer.must("apt-get", "install", "-y", "--reinstall", f"{NAME}={NEW}")
        host.update()
        host.boot()
        host.restart("go")
        same(host.levels(), ["2026-10", "2026-10"], "levels")


POINTS = ["update-begin", "update-begun", "update-apt", "update-apt-done", "update-record"]


def until_done(host, limit=6):
    """Run again and again, and restart where that is asked for; returns what the levels are."""
    for _ in range(limit):
        host.update(status=None)
        host.restart("go", status=None)
        if host.asked():
            os.remove(f"{host.layer.root}/graft-test/asked")
            host.boot()
            host.restart("go", status=None)
        if host.levels()[1] == "2026-10" and not host.record():
            break
    return host.levels()


@test
def a_kill_at_each_point_is_gone_on_from(place):
    with place.layer() as layer:
        archive(layer, place.old, place.new)
        host = Host(layer, releases(place), hours(-1, 2))
        layer.must("apt-get", "update")
        for number, (point, verb) in enumerate([(p, "update") for p in POINTS] + [("update-record", "second"), (
                "restart-asked", "restart"), ("restart-raised", "confirm"), ("update-forget", "confirm")]):
            layer.must("rm", "-rf", "/graft-test/state", "/graft-test/asked")
            layer.must("dpkg", "--force-downgrade", "-i", layer.bring(place.old))
            host.conf("edition = server\n")
            host.boot()
            if verb in ("restart", "confirm"):
                host.update()
            if verb == "confirm":
                host.boot()
            fault = f"{point}:{2 if verb == 'second' else 1}:kill"
            run = host.update if verb in ("update", "second") else functools.partial(host.restart, "go")
            done = run(status=None, fault=fault)
            check(host.levels() == [None, None] or verb == "confirm", f"{point}: {host.levels()} {done}")
            if point == "restart-asked":
                # It may have been run: it is not run again at once, but when it did not come.
                host.restart("go", status=3)
                same(host.asked(), [], "asked again")
                layer.must("sed", "-i", "s/^asked = .*/asked = 1/", "/graft-test/state/restart/record")
            # A host that goes down right there comes up again as well.
            if number % 2:
                host.boot()
            same(until_done(host), ["2026-10", "2026-10"], f"after {point} of {verb}")
            same(layer.state(), f"ii {NEW}", point)


@test
def kills_of_all_that_works_at_random_moments_are_gone_on_from(place):
    chance = random.Random(7)
    with place.layer() as layer:
        archive(layer, place.old, place.new)
        host = Host(layer, releases(place), hours(-1, 2))
        layer.must("apt-get", "update")
        for _ in range(int(os.environ.get("GRAFT_TEST_KILLS", "4"))):
            layer.must("rm", "-rf", "/graft-test/state", "/graft-test/asked")
            layer.must("dpkg", "--force-downgrade", "-i", layer.bring(place.old))
            host.conf("edition = server\n")
            child = subprocess.Popen(layer.command(
                "GRAFT_STATE_DIR=/graft-test/state", "/graft-test/graft", "update", "--config", "/graft-test/graftd.conf",
                "--policy", "/graft-test/policy.conf"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.random() * 3)
            # As a loss of power would.
            layer.run("sh", "-c", "kill -9 -1")
            child.wait()
            host.boot()
            same(until_done(host), ["2026-10", "2026-10"], "levels")
            same(layer.state(), f"ii {NEW}", "the package")
            same(layer.must("dpkg", "--audit"), "", "dpkg --audit")


@test
def graftd_restarts_and_confirms_by_itself(place):
    with place.layer() as layer:
        archive(layer, place.old, place.new)
        host = Host(layer, releases(place), hours(-1, 2))
        shutil.copy(os.path.join(os.path.dirname(GRAFT), "graftd"), f"{layer.root}/graft-test/graftd")
        put(layer.root, "/etc/graft/restart.conf", layer.read(CONF))
        put(layer.root, "/etc/graft/policy.conf", "space = 0\n")
        put(layer.root, "/graft-test/graftd.conf", layer.read("/graft-test/graftd.conf") + "update = yes\n"
            "update-interval = 1\nupdate-jitter = 0\ninclude-user = 61234\nsocket = /graft-test/socket\n")

        def daemon():
            return subprocess.Popen(layer.command(
                "/graft-test/graftd", "--config", "/graft-test/graftd.conf", "--state-dir", "/graft-test/state", "--tool",
                "/graft-test/graft"), stderr=open(f"{place.dir}/log", "a", encoding="utf-8"))

        def said():
            with open(f"{place.dir}/log", encoding="utf-8") as file:
                return file.read()

        process = daemon()
        try:
            until(host.asked, f"it does not restart: {said()}")
            same((host.levels(), layer.state()), ([None, None], f"ii {NEW}"), "before the restart")
            until(lambda: "restart: restarting" in said(), said())
        finally:
            process.kill()
            process.wait()
            layer.run("pkill", "-9", "graftd")
        host.boot()
        process = daemon()
        try:
            until(lambda: host.levels() == ["2026-10", "2026-10"], f"it does not confirm: {said()}")
        finally:
            process.kill()
            process.wait()
            layer.run("pkill", "-9", "graftd")
        same((len(host.asked()), os.path.exists(layer.root + MARK)), (1, False), "asked")


@test
def a_hotpatch_of_the_catalogue_reaches_disk_and_memory(place):
    own = Releases(place)
    own.make(place.old)
    own.make(place.new, id="GP-2026-0002", line="cumulative", date="2026-11-10", level="2026-11")
    own.make(place.fix, id="GP-2026-0003", line="hotpatch", date="2026-11-10", level="2026-11",
             requires_baseline="GP-2026-0001", cumulative="GP-2026-0002").publish()
    with place.layer() as layer:
        archive(layer, place.old, place.new)
        host = Host(layer, own, hours(-1, 2), conf="baseline = 2026-10\nlevel = 2026-10\n")
        daemon = Daemon(layer)
        same(daemon.ask(), "7", "OLD's answer")
        said = host.update("--json")
        same(([f["result"] for f in said["files"]], said["raised"]), (["installed"], True), said)
        same((daemon.ask(), layer.state()), ("8", f"ii {NEW}"), "NEW")
        same((host.levels(), layer.restarts(), host.asked()), (["2026-10", "2026-11"], [], []), "no restart")
        daemon.close()
        # Who cannot have it gets the same with a restart, and leaves the track by that.
        layer.must("dpkg", "--force-downgrade", "-i", layer.bring(place.old))
        host.conf("edition = home\nbaseline = 2026-10\nlevel = 2026-10\n")
        said = host.update("--json")
        same((said["device"]["decision"], [r["id"] for r in said["releases"]], said["waits"]),
             ("cumulative", ["GP-2026-0002"], True), said)
        host.boot()
        host.restart("go")
        same((host.levels(), layer.state()), ([None, "2026-11"], f"ii {NEW}"), "afterwards")

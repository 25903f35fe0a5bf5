# SPDX-License-Identifier: Apache-2.0
"""`graft update`: a device finds out which release it should have, gets it from its repository or
a mirror, and has it installed; and what servers can do about that."""
import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import time

from carrying import Server, read
from releasing import built, make, release, two_months
from stage import ENV, LIMIT, Repository, Skip, check, each, same, test
from victim import children_of, until
from writer import GRAFT, Writer

VICTIM = """#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) {
	void *lib = dlopen(argv[argc - 1], RTLD_NOW);
	int (*answer)(int) = (int (*)(int))dlsym(lib, "answer");
	int x;
	while (scanf("%d", &x) == 1) { printf("%d\\n", answer(x)); fflush(stdout); }
}"""


class Device:
    """A device: a state directory, and what its administrator said."""

    def __init__(self, w, baseline="2026-10", level="2026-10", name="state", policy="space = 0\n"):
        self.w, self.state = w, w.path(name)
        os.makedirs(self.state)
        self.policy = w.write(f"{name}.policy", policy)
        self.root = w.write("root.json", read(w, "public/metadata/1.root.json"))
        self.is_at(baseline, level)

    def is_at(self, baseline, level, more=""):
        with open(f"{self.state}/device.conf", "w", encoding="utf-8") as file:
            file.write(f"# By hand.\nedition = server\n{more}" + (f"baseline = {baseline}\n" if baseline else "")
                       + (f"level = {level}\n" if level else ""))

    def conf(self):
        with open(f"{self.state}/device.conf", encoding="utf-8") as file:
            return file.read()

    def command(self, *words, urls=None, config="", after=0):
        urls = urls if urls is not None else [f"file://{self.w.dir}/public"]
        text = "".join(f"repository = {url}\n" for url in urls) + f"trusted-root = {self.root}\n" + config
        path = self.w.write("graftd.conf", text)
        head = ["faketime", "-f", f"+{after}d"] if after else []
        return [*head, GRAFT, "--state-dir", self.state, "update", "--config", path, "--policy", self.policy,
                "--timeout", "2", *words]

    def update(self, *words, status=0, **more):
        done = subprocess.run(self.command(*words, **more), env=ENV, capture_output=True, text=True, timeout=LIMIT,
                              check=False, stdin=subprocess.DEVNULL)
        same(done.returncode, status, f"graft update {words}: {done.stdout}{done.stderr}")
        self.said = done.stderr
        return json.loads(done.stdout) if "--json" in words else done.stdout + done.stderr

    def stored(self):
        """All that lies in the state directory, by name; a temporary file may go while it is read."""
        found = {}
        for folder, _, names in os.walk(self.state):
            for one in names:
                path = os.path.join(folder, one)
                with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
                    found[os.path.relpath(path, self.state)] = file.read()
        return found


def begin(place):
    w = Writer(place).init("--bins", "4")
    last = two_months(w)
    make(w, "fix13.graft", "memory13.graft", **last)
    w.publish()
    return w


@test
def a_device_gets_the_one_hotpatch_that_it_should_have(place):
    w = begin(place)
    device = Device(w)
    with Server(os.path.join(w.dir, "public")) as server:
        before = device.conf()
        said = device.update("--dry-run", "--json", urls=[server.url])
        same((said["device"]["decision"], said["device"]["target"]), ("hotpatch", "2026-12"), "decided")
        same([r["id"] for r in said["releases"]], ["GP-2026-0005"], "releases")
        same([(f["path"], f["result"]) for f in said["files"]], [("pool/GP-2026-0005/fix13.graft", "wanted")], "files")
        check(not any("pool" in path for path, _ in server.asked), "a dry run fetched a file")
        same(device.conf(), before, "device.conf after a dry run")
        # The package is not on this host: nothing of the release is for it.
        said = device.update("--json", urls=[server.url + "/"])
        same([(f["path"], f["result"]) for f in said["files"]], [("pool/GP-2026-0005/fix13.graft", "not-here")], "files")
        same(said["bytes"], len(built()["fix13.graft"]), "bytes")
        same(device.conf(), "# By hand.\nedition = server\nbaseline = 2026-10\nlevel = 2026-12\n", "device.conf")
        check(not any("pool" in name for name in device.stored()), "the file was kept")
        server.asked.clear()
        same(device.update("--json", urls=[server.url], status=3)["device"]["decision"], "up to date", "then")
        same(server.targets(), [], "what it knows was fetched again")


@test
def each_decision_is_said_with_owner_and_remedy(place):
    w = begin(place)
    device = Device(w)
    device.is_at("2026-10", "2026-10", "held = yes\n")
    said = device.update("--json", status=4)["device"]
    same([(r["reason"], r["owner"], r["remedy"]) for r in said["reasons"]],
         [("held", "administrator", "release the hold")], "reasons")
    same(said["decision"], "not ready", "held")
    check("release the hold" in device.update(status=4), "text")
    device.is_at("", "2026-10")
    said = device.update("--dry-run", "--json")
    same((said["device"]["decision"], [r["id"] for r in said["releases"]]), ("baseline", ["GP-2026-0001"]), "unknown")
    device.policy = w.write("p", "space = 0\neditions = enterprise\n")
    said = device.update("--dry-run", "--json")
    same((said["device"]["decision"], [r["id"] for r in said["releases"]]), ("cumulative", ["GP-2026-0004"]), "edition")
    device.policy = w.write("p", "space = 0\nlatest = 2026-11\n")
    device.is_at("2026-10", "2026-10")
    said = device.update("--dry-run", "--json")
    same([r["id"] for r in said["releases"]], ["GP-2026-0003"], "no later than the policy says")
    device.policy = w.write("p", "sapce = 0\n")
    check("did you mean 'space'" in device.update(status=65), "a typo")
    device.policy = w.write("p", "space = 0\n")
    check("without a user's name" in device.update("--from", "https://me:secret@example.org/", status=2), "a password")
    check("no repository is known" in device.update(urls=[], status=66), "no repository")


def victim(w):
    """A process that runs the library of the first build."""
    for name in ("libx1_1.1_amd64.deb",):
        w.write(name, built()[name])
        subprocess.run(["dpkg-deb", "-x", w.path(name), w.path("root")], check=True)
    subprocess.run(["gcc", "-x", "c", "-", "-o", w.path("victim")], input=VICTIM, text=True, check=True)
    return subprocess.Popen([w.path("victim"), w.path("root/usr/lib/x86_64-linux-gnu/libx.so.1")],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(process):
    process.stdin.write("4\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


@test
def a_hotpatch_for_memory_alone_reaches_a_process(place):
    if os.geteuid():
        raise Skip("not root")
    w = Writer(place).init()
    last = two_months(w)
    make(w, "memory13.graft", **last)
    w.publish()
    device = Device(w)
    process = victim(w)
    try:
        same(ask(process), "18", "OLD's answer")
        said = device.update("--json")
        same([f["result"] for f in said["files"]], ["installed"], said)
        same((ask(process), said["raised"]), ("66", True), "NEW's answer")
        # Whoever takes it out by hand is not overruled.
        kept = os.listdir(f"{device.state}/hotpatches")
        same(len(kept), 1, "what is kept for who starts later")
        ident = kept[0].removesuffix(".graft")
        subprocess.run([GRAFT, "--state-dir", device.state, "revert", ident, "--pid", str(process.pid)], check=True,
                       env=ENV, capture_output=True)
        device.is_at("2026-10", "2026-10")
        said = device.update("--json", status=4)
        check(said["files"][0]["result"] == "refused" and "was taken out" in said["files"][0]["why"], said)
        same((ask(process), said["raised"]), ("18", False), "it stays out")
        check("level = 2026-10\n" in device.conf(), device.conf())
    finally:
        process.kill()
        process.communicate()


@test
def what_is_cut_off_is_gone_on_with(place):
    w = begin(place)
    device = Device(w)
    whole = len(built()["fix13.graft"])
    with Server(os.path.join(w.dir, "public")) as server:
        cuts = []

        def cut(handler, path, start):
            if "pool" not in path or cuts:
                return False
            cuts.append(start)
            with open(os.path.join(w.dir, "public", path), "rb") as file:
                data = file.read()
            handler.send_response(200)
            handler.give(data[:whole // 2], whole)
            return True

        server.odd = cut
        device.update(urls=[server.url])
        same([start for path, start in server.targets() if "pool" in path], [0, whole // 2], "ranges")
    # The same over a kill.
    device = Device(w, name="other")
    with Server(os.path.join(w.dir, "public")) as server:
        def hang(handler, path, start):
            if "pool" not in path or start:
                return False
            with open(os.path.join(w.dir, "public", path), "rb") as file:
                data = file.read()
            handler.send_response(200)
            handler.send_header("Content-Length", str(whole))
            handler.end_headers()
            handler.wfile.write(data[:whole // 2])
            handler.wfile.flush()
            time.sleep(LIMIT)
            return True

        server.odd = hang
        child = subprocess.Popen(device.command(urls=[server.url]), env=ENV, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        end = time.monotonic() + LIMIT
        # Other files that are stored may be as long by chance.
        while not any("partial/" in name and len(data) == whole // 2 for name, data in device.stored().items()):
            check(time.monotonic() < end, f"nothing was kept: {device.stored().keys()}")
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        child.wait()
        server.asked.clear()
        same(device.update("--json", urls=[server.url])["bytes"], whole - whole // 2, "bytes of the second run")
        same(server.targets()[-1][1], whole // 2, "where it went on")


def busy(handler, path, start):
    handler.send_response(503)
    handler.send_header("Retry-After", "7200")
    handler.give(b"")
    return True


def silent(handler, path, start):
    time.sleep(8)
    handler.close_connection = True
    return True


def nobody(handler, path, start):
    handler.send_response(200)
    handler.give(b"<html>Please log in</html>")
    return True


def endless(handler, path, start):
    handler.send_response(200)
    handler.end_headers()
    for _ in range(2000):
        handler.wfile.write(b" " * 65536)
    handler.close_connection = True
    return True


@each([("wants to be left alone", busy, 92), ("does not answer", silent, 92), ("is a portal", nobody, 65),
       ("has no end", endless, 65)])
def a_server_that_fails_changes_nothing_and_the_next_is_asked(place, odd, status):
    w = begin(place)
    device = Device(w)
    conf = device.conf()
    with Server(os.path.join(w.dir, "public")) as server:
        server.odd = odd
        start = time.monotonic()
        device.update(urls=[server.url], status=status)
        check(time.monotonic() - start < 45, "it was waited for")
        same(device.conf(), conf, "device.conf")
        kept = {n.replace("1.root", "root") for n in device.stored()}
        check(all("releases/public" not in n for n in kept), kept)
        device.update("--json", urls=[server.url, f"file://{w.dir}/public"])
        check(f"{server.url} is left: " in device.said, device.said)
        check("level = 2026-12" in device.conf(), "the second one was not asked")


@test
def who_serves_old_metadata_or_other_bytes_is_found_out(place):
    w = Writer(place).init()
    last = two_months(w)
    w.publish()
    shutil.copytree(os.path.join(w.dir, "public"), w.path("old"))
    make(w, "fix13.graft", **last)
    w.publish()
    device = Device(w)
    device.update("--dry-run")
    check("old" in device.update("--dry-run", urls=[f"file://{w.path('old')}"], status=91), "a rollback")
    # An old one that expired: the release that it has is not taken.
    check("expired" in Device(w, name="new").update(urls=[f"file://{w.path('old')}"], status=90, after=3), "a freeze")
    # The file itself is another one, of the same length.
    shutil.copytree(os.path.join(w.dir, "public"), w.path("bad"))
    folder = w.path("bad/targets/pool/GP-2026-0005")
    for name in os.listdir(folder):
        with open(f"{folder}/{name}", "r+b") as file:
            file.seek(200)
            byte = file.read(1)
            file.seek(200)
            file.write(bytes([byte[0] ^ 1]))
    conf = device.conf()
    device.update(urls=[f"file://{w.path('bad')}"], status=65)
    same(device.conf(), conf, "device.conf")
    check(not any("pool" in n or "partial/" in n for n in device.stored()), "what is wrong was kept")
    device.update(urls=[f"file://{w.path('bad')}", f"file://{w.dir}/public"])


@functools.cache
def releases():
    """The releases of two months as text, by their ids."""
    place = type("Place", (), {})()
    w = Writer(place).init()
    last = two_months(w)
    make(w, "fix13.graft", **last)
    found = {i: release(w, "show", w.dir, i, "--json") for i in (f"GP-2026-000{n}" for n in range(1, 6))}
    shutil.rmtree(w.folder)
    return found


def by_hand(place, *ids):
    """A repository that other programs write, which check nothing; and a device."""
    repo, _ = place.begin()
    for one in ids:
        repo.add_target("targets", f"releases/{one}.json", releases()[one].encode())
    w = type("Files", (), {})()
    w.folder = place.state
    w.path = functools.partial(os.path.join, place.state)
    w.write = functools.partial(Writer.write, w)
    w.dir = w.path("repo")
    w.write("repo/public/metadata/1.root.json", repo.metadata("root", 1))
    return repo, Device(w), [place.server.url("")]


@test
def a_role_says_only_what_it_was_delegated(place):
    repo, device, urls = by_hand(place, "GP-2026-0001", "GP-2026-0002", "GP-2026-0003")
    repo.delegate("targets", "team", paths=["releases/GP-2026-01*"])
    repo.publish("team", "targets", "snapshot", "timestamp")
    same([r["id"] for r in device.update("--dry-run", "--json", urls=urls)["releases"]], ["GP-2026-0003"], "before")
    # Its key is in other hands, and signs a release that would take the place of the others.
    for one in ("GP-2026-0004", "GP-2026-0005"):
        repo.add_target("team", f"releases/{one}.json", releases()[one].encode())
    repo.publish("team", "snapshot", "timestamp")
    same([r["id"] for r in device.update("--dry-run", "--json", urls=urls)["releases"]], ["GP-2026-0003"],
         "what a role says beyond its paths counts")
    # Who may, is heard.
    for one in ("GP-2026-0004", "GP-2026-0005"):
        repo.add_target("targets", f"releases/{one}.json", releases()[one].encode())
    repo.publish("targets", "snapshot", "timestamp")
    same([r["id"] for r in device.update("--dry-run", "--json", urls=urls)["releases"]], ["GP-2026-0005"], "after")


@test
def a_catalogue_that_breaks_a_rule_is_not_acted_upon(place):
    repo, device, urls = by_hand(place, *releases())
    broken = releases()["GP-2026-0005"].replace('"supersedes":["GP-2026-0003"]', '"supersedes":[]')
    check(broken != releases()["GP-2026-0005"], "nothing was changed")
    repo.add_target("targets", "releases/GP-2026-0005.json", broken.encode())
    repo.publish("targets", "snapshot", "timestamp")
    conf = device.conf()
    check("C-07" in device.update(urls=urls, status=84), "the rule")
    # One that calls itself otherwise; one that is none.
    repo.add_target("targets", "releases/GP-2026-0005.json", releases()["GP-2026-0004"].encode())
    repo.publish("targets", "snapshot", "timestamp")
    check("it says that it is GP-2026-0004" in device.update(urls=urls, status=65), "the id")
    repo.add_target("targets", "releases/GP-2026-0005.json", b"{}")
    repo.publish("targets", "snapshot", "timestamp")
    device.update(urls=urls, status=65)
    same(device.conf(), conf, "device.conf")


@test
def a_file_is_the_one_that_the_release_names(place):
    repo, device, urls = by_hand(place, *releases())
    # Whoever signs targets lists another file under the name.
    repo.add_target("targets", "pool/GP-2026-0005/fix13.graft", built()["fix12.graft"])
    repo.publish("targets", "snapshot", "timestamp")
    conf = device.conf()
    check("another file than the release names" in device.update(urls=urls, status=65), "another file")
    same(device.conf(), conf, "device.conf")
    check(not any("pool" in name for name in device.stored()), "it was kept")
    repo.add_target("targets", "pool/GP-2026-0005/fix13.graft", built()["fix13.graft"])
    repo.publish("targets", "snapshot", "timestamp")
    device.update(urls=urls)
    check("level = 2026-12" in device.conf(), device.conf())


@test
def another_root_is_not_taken_silently(place):
    repo, device, urls = by_hand(place, *releases())
    repo.publish("targets", "snapshot", "timestamp")
    device.update("--dry-run", urls=urls)
    own = device.root
    device.root = device.w.write("other.json", Repository().metadata("root", 1))
    said = device.update("--dry-run", urls=urls, status=84)
    check("is not the root that was trusted first" in said and "remove " in said, said)
    # What it trusts needs no root; that of today is no other one.
    device.root = device.w.path("none")
    device.update("--dry-run", urls=urls)
    repo.publish("root", "timestamp")
    device.root = own
    device.update("--dry-run", urls=urls)
    device.root = device.w.write("today.json", repo.metadata("root"))
    device.update("--dry-run", urls=urls)
    # Who trusts none takes nothing.
    shutil.rmtree(f"{device.state}/releases")
    device.root = device.w.path("none")
    check("the root of the repository that is to be trusted" in device.update(urls=urls, status=66), "no root")


class Daemon:
    """graftd with nobody in its scope, which gets releases for a device."""

    def __init__(self, device, urls, *lines, jitter=0):
        w = device.w
        # Whose front is another user must get to its socket.
        os.chmod(w.folder, 0o755)
        self.socket, self.log = w.path("socket"), w.path("log")
        config = w.write("daemon.conf", "".join(f"repository = {url}\n" for url in urls) + "\n".join(
            [f"socket = {self.socket}", f"trusted-root = {device.root}", "include-user = 61234", "update = yes",
             "update-interval = 1", f"update-jitter = {jitter}", *lines]) + "\n")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([os.path.join(os.path.dirname(GRAFT), "graftd"), "--config", config,
                                             "--state-dir", device.state, "--tool", GRAFT], env=ENV, stderr=log)

    def said(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def updater(self):
        for pid in children_of(self.process.pid):
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                if file.read().strip() == "graftd-updater":
                    return pid
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def daemon_of(place):
    if os.geteuid():
        raise Skip("not root")
    w = begin(place)
    device = Device(w)
    # Without a policy of its own; the space of a test's folder is enough.
    if os.path.exists("/etc/graft/policy.conf"):
        raise Skip("this host has a policy")
    return w, device


@test
def graftd_gets_releases_by_itself(place):
    w, device = daemon_of(place)
    with Server(os.path.join(w.dir, "public")) as server, Daemon(device, [server.url]) as daemon:
        until(lambda: "level = 2026-12" in device.conf(), "nothing was got: " + daemon.said())
        until(lambda: "release: hotpatch: 2026-12, which this device has now\n" in daemon.said(), daemon.said())
        # It tells of it.
        def told():
            done = subprocess.run([GRAFT, "daemon", "status", "--json", "--socket", daemon.socket], env=ENV,
                                  capture_output=True, text=True, timeout=LIMIT, check=False)
            return json.loads(done.stdout or "{}")
        until(lambda: (told().get("update_level"), told().get("update_target")) == (20261200, 20261200), told())
        same((told()["update_failures"], told()["update_restart"]), (0, 0), "numbers")
        check(0 < told()["update_good_s"] <= told()["update_look_s"] <= time.time() + 1, told())
        until(lambda: abs(told()["update_next_s"] - time.time()) < 20, told())
        text = subprocess.run([GRAFT, "daemon", "status", "--socket", daemon.socket], env=ENV, capture_output=True,
                              text=True, timeout=LIMIT, check=True).stdout
        check("releases: has 2026-12, should have 2026-12; last look " in text and "; next look " in text, text)
        text = subprocess.run([GRAFT, "daemon", "metrics", "--socket", daemon.socket], env=ENV, capture_output=True,
                              text=True, timeout=LIMIT, check=True).stdout
        check("\ngraft_update_level 20261200\n" in text and "\ngraft_update_failures 0\n" in text, text)
        # It goes on looking, and does not say the same twice.
        asked = len(server.asked)
        until(lambda: len(server.asked) > asked + 4, "it looks no more")
        same(daemon.said().count("up to date"), 1, daemon.said())
        # Who pauses graftd pauses this, too.
        w.write("state/paused", "")
        until(lambda: (len(server.asked), time.sleep(2.5))[0] == len(server.asked), "it does not pause")
        device.is_at("2026-10", "2026-10")
        time.sleep(2.5)
        check("level = 2026-10" in device.conf(), "it does not pause")
        daemon.process.send_signal(signal.SIGTERM)
        same(daemon.process.wait(LIMIT), 0, daemon.said())
    until(lambda: not any("graftd-updater" in name for name in names_of_processes(device.state)), "it is left behind")


def names_of_processes(state):
    """What runs with a state directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace")
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                found += [file.read()] if state in words else []
        except OSError:
            pass
    return found


@test
def graftd_says_what_is_wrong_and_goes_on(place):
    w, device = daemon_of(place)
    with Server(os.path.join(w.dir, "public")) as server:
        server.odd = nobody
        with Daemon(device, [server.url]) as daemon:
            until(lambda: "release: root: " in daemon.said(), "it says nothing")
            until(lambda: "failed in a row, none was good" in subprocess.run(
                [GRAFT, "daemon", "status", "--socket", daemon.socket], env=ENV, capture_output=True, text=True,
                timeout=LIMIT, check=False).stdout, "it does not tell of it")
            server.odd = None
            until(lambda: "level = 2026-12" in device.conf(), daemon.said())
            # One whose updater is gone is no daemon that is asked for.
            os.kill(daemon.updater(), signal.SIGKILL)
            same(daemon.process.wait(LIMIT), 71, daemon.said())
            check("the updater has ended" in daemon.said(), daemon.said())

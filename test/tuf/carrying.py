# SPDX-License-Identifier: Apache-2.0
"""`graft repo mirror`, `export` and `import`: servers that cut off, want to be left alone, or
lie; kills; and bundles that were tampered with or are too old."""
import http.server
import io
import os
import random
import re
import shutil
import signal
import subprocess
import tarfile
import threading
import time

from stage import ENV, LIMIT, check, each, later, same, test
from writer import GRAFT, Writer

BIG = random.Random(1).randbytes(3 << 20)


class Server:
    """A folder on loopback, with ranges; `odd` may answer instead, or change what is sent."""

    def __init__(self, folder):
        self.asked, self.odd, self.ranges = [], None, True
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path = self.path.lstrip("/")
                start = int(re.match(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))[1])
                outer.asked.append((path, start))
                if outer.odd and outer.odd(self, path, start):
                    return
                try:
                    with open(os.path.join(folder, path), "rb") as file:
                        data = file.read()
                except OSError:
                    self.send_error(404)
                    return
                part = start and outer.ranges
                self.send_response(206 if part else 200)
                if part:
                    self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
                    data = data[start:]
                self.give(data)

            def give(self, data, length=None):
                self.send_header("Content-Length", str(len(data) if length is None else length))
                self.end_headers()
                self.wfile.write(data)
                if length is not None and length != len(data):
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def targets(self):
        return [(path, start) for path, start in self.asked if path.startswith("targets/")]


def begin(place, *words):
    w = Writer(place).init(*words)
    w.add("a/one", "one")
    w.add("a/big", BIG)
    w.publish()
    w.root = w.write("root.json", read(w, "public/metadata/1.root.json"), 0o644)
    return w


def read(w, name):
    with open(os.path.join(w.dir, name), "rb") as file:
        return file.read()


def act(w, action, *words, status=0, after=0, env=None):
    head = later(after)
    done = subprocess.run([*head, GRAFT, "repo", action, *words], env={**ENV, **(env or {})}, capture_output=True,
                          text=True, timeout=LIMIT, check=False, stdin=subprocess.DEVNULL)
    same(done.returncode, status, f"{action}: {done.stdout}{done.stderr}")
    if status > 0:
        check(done.stderr.startswith("graft") and done.stderr.count("\n") == 1, done.stderr)
    return done.stderr if status else done.stdout


def mirror(w, server, status=0, **more):
    return act(w, "mirror", server.url + "/", w.path("mirror"), "--trusted-root", w.root, status=status, **more)


def reads(w, folder, *targets, name, status=0, after=0):
    """A client that reads another directory."""
    own, w.dir = w.dir, folder
    try:
        w.fetch(*targets, name=name, status=status, after=after)
        if not status and not after:
            w.fetch_js(targets[0] if targets else None, name=f"{name}-js")
    finally:
        w.dir = own


@test
def a_mirror_is_incremental_and_serves_what_it_got(place):
    w = begin(place, "--bins", "4")
    with Server(os.path.join(w.dir, "public")) as server:
        same(mirror(w, server), f"2 targets, 2 of them new, {len(BIG) + 3} bytes\n", "first")
        reads(w, w.path("mirror"), "a/one", "a/big", name="of-mirror")
        same(mirror(w, server), "2 targets, 0 of them new, 0 bytes\n", "again")
        same(len(server.targets()), 2, "targets that were asked for")
        w.add("a/two", "two")
        for role in "root", "targets":
            w.run("rotate", role, "--add", w.key("root2" if role == "root" else "targets2"), "--key", w.key("root"))
        w.publish()
        same(mirror(w, server), "3 targets, 1 of them new, 3 bytes\n", "one more")
        reads(w, w.path("mirror"), "a/two", "a/big", name="of-mirror")
        reads(w, w.path("mirror"), "a/two", name="late")
    # A mirror of a mirror.
    with Server(os.path.join(w.path("mirror"), "public")) as server:
        act(w, "mirror", server.url, w.path("second"), "--trusted-root", w.root)
        reads(w, w.path("second"), "a/two", name="of-second")
    left = sorted(os.listdir(w.path("mirror")))
    same(left, ["public", "trusted"], "what is left")


@each([("with ranges", True), ("without", False)])
def what_was_cut_off_is_resumed(place, ranges):
    w = begin(place)
    with Server(os.path.join(w.dir, "public")) as server:
        server.ranges = ranges
        cuts = []

        def cut(handler, path, start):
            if not path.endswith(".big") or len(cuts) == 2:
                return False
            cuts.append(start)
            part = start if ranges else 0
            handler.send_response(206 if part else 200)
            handler.give(BIG[part:part + (1 << 20)], len(BIG) - part)
            return True
        server.odd = cut
        said = mirror(w, server)
        check("2 of them new" in said, said)
        asked = [start for path, start in server.targets() if path.endswith(".big")]
        # Each goes on where the one before it ended, as far as the server can.
        same(asked[0], 0, "first")
        check(all(start >= 1 << 20 for start in asked[1:]), asked)
        if ranges:
            check(asked[2] >= 2 << 20, asked)
            same(int(said.split()[-2]), len(BIG) + 3, "bytes that came")
        reads(w, w.path("mirror"), "a/big", name="of-mirror")


@test
def a_mirror_that_was_stopped_goes_on_where_it_was(place):
    w = begin(place)
    with Server(os.path.join(w.dir, "public")) as server:
        stopped = threading.Event()

        def stall(handler, path, start):
            if not path.endswith(".big") or stopped.is_set():
                return False
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(BIG)))
            handler.end_headers()
            handler.wfile.write(BIG[:1 << 20])
            handler.wfile.flush()
            stopped.wait(LIMIT)
            return True
        server.odd = stall
        child = subprocess.Popen([GRAFT, "repo", "mirror", server.url, w.path("mirror"), "--trusted-root", w.root],
                                 env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        end = time.monotonic() + LIMIT
        partial = w.path("mirror/partial")
        while not any(os.path.getsize(os.path.join(partial, n)) >= 1 << 20
                      for n in (os.listdir(partial) if os.path.isdir(partial) else [])):
            check(time.monotonic() < end, "nothing came")
            time.sleep(0.01)
        child.kill()
        child.wait()
        stopped.set()
        check(not os.path.exists(w.path("mirror/public/metadata")), "it is public already")
        mirror(w, server)
        same(server.targets()[-1][1], 1 << 20, "where it went on")
        reads(w, w.path("mirror"), "a/big", name="of-mirror")


@each([("503", 503), ("429", 429)])
def a_server_that_wants_to_be_left_alone_is(place, status):
    w = begin(place)
    with Server(os.path.join(w.dir, "public")) as server:
        times = []

        def busy(handler, path, start):
            if path != "metadata/timestamp.json":
                return False
            times.append(time.monotonic())
            if len(times) > 1:
                return False
            handler.send_response(status)
            handler.send_header("Retry-After", "3")
            handler.give(b"")
            return True
        server.odd = busy
        mirror(w, server)
        check(2.9 <= times[1] - times[0] < 20, times)
        # One that asks for an hour is not waited for, and it is said.

        def closed(handler, path, start):
            handler.send_response(status)
            handler.send_header("Retry-After", "3600")
            handler.give(b"")
            return True
        server.odd = closed
        check("after 3600 s" in mirror(w, server, status=92), "an hour")
        reads(w, w.path("mirror"), "a/one", name="of-mirror")


@test
def without_a_word_the_pauses_grow_and_are_left_to_chance(place):
    w = begin(place)
    with Server(os.path.join(w.dir, "public")) as server:
        times = []

        def broken(handler, path, start):
            if path != "metadata/timestamp.json":
                return False
            times.append(time.monotonic())
            if len(times) > 3:
                return False
            handler.send_response(500)
            handler.give(b"")
            return True
        server.odd = broken
        mirror(w, server)
    pauses = [b - a for a, b in zip(times, times[1:])]
    for pause, most in zip(pauses, (1, 2, 4)):
        check(most / 2 <= pause < most + 2, pauses)


def flip(data):
    return data[:-1] + bytes([data[-1] ^ 1])


@each([("another byte", lambda d: (flip(d), None), 65), ("more bytes", lambda d: (d + b"x", None), 65),
       ("fewer bytes", lambda d: (d[:-1], None), 65), ("nothing", lambda d: (b"", None), 65)])
def a_mirror_keeps_nothing_that_is_wrong(place, how, status):
    w = begin(place)
    with Server(os.path.join(w.dir, "public")) as server:
        mirror(w, server)
        w.add("a/new", "new content")
        w.publish()
        before = server.asked.copy()

        def lie(handler, path, start):
            if not path.endswith(".new"):
                return False
            handler.send_response(200)
            handler.give(how(b"new content")[0])
            return True
        server.odd = lie
        mirror(w, server, status=status)
        check(len(server.asked) > len(before), "nobody asked")
        same([n for n in os.listdir(w.path("mirror/partial"))], [], "what was kept")
        # It serves what it had.
        reads(w, w.path("mirror"), "a/one", name="of-mirror")
        check("repository has no such target" in fetch_fails(w, "a/new"), "new")
        server.odd = None
        mirror(w, server)
        reads(w, w.path("mirror"), "a/new", name="of-mirror")


def fetch_fails(w, target):
    own, w.dir = w.dir, w.path("mirror")
    try:
        return w.fetch(target, name="of-mirror", status=1)
    finally:
        w.dir = own


@test
def a_mirror_takes_no_old_state(place):
    w = begin(place)
    old = w.path("old")
    shutil.copytree(w.dir, old)
    w.add("a/new", "new")
    w.publish()
    with Server(os.path.join(w.dir, "public")) as server:
        mirror(w, server)
    with Server(os.path.join(old, "public")) as server:
        mirror(w, server, status=91)
    reads(w, w.path("mirror"), "a/new", name="of-mirror")
    with Server(os.path.join(w.dir, "public")) as server:
        text = act(w, "mirror", server.url, w.path("third"), status=66)
        check("--trusted-root" in text, text)
        # Another repository altogether.
        v = Writer(place)
        w.run("init", *[x for r in ("root", "targets") for x in ("--key", f"{r}={w.key('other')}")], "--key",
              f"snapshot={w.online}", "--key", f"timestamp={w.online}", at=v.dir)
        w.publish(at=v.dir)
        act(w, "mirror", server.url, w.path("fourth"), "--trusted-root",
            os.path.join(v.dir, "public/metadata/1.root.json"), status=68)
        check(not os.path.exists(w.path("fourth/public")), "it is public")
        shutil.rmtree(v.folder)
        place.state = w.folder


@each([("a path", "../../../evil"), ("a hidden one", "a/.htaccess")])
def names_that_lead_elsewhere_are_not_taken(place, path):
    repo, client = place.begin(init=False)
    repo.add_target("targets", path, b"evil")
    repo.publish("targets", "snapshot", "timestamp")
    folder = os.path.join(place.state, "m")
    root = os.path.join(place.state, "r.json")
    with open(root, "wb") as file:
        file.write(repo.metadata("root", 1))
    done = subprocess.run([GRAFT, "repo", "mirror", place.server.url(), folder, "--trusted-root", root], env=ENV,
                          capture_output=True, text=True, timeout=LIMIT, check=False, stdin=subprocess.DEVNULL)
    same(done.returncode, 65, done.stderr)
    check("no path of a target" in done.stderr, done.stderr)
    check(not os.path.exists(os.path.join(folder, "public")), "it is public")


@each([("mirror-rename", "mirror-rename"), ("mirror-exchange", "mirror-exchange")])
def a_mirror_that_is_killed_serves_the_old_state_or_the_new_one(place, point):
    w = begin(place)
    with Server(os.path.join(w.dir, "public")) as server:
        mirror(w, server)
        reads(w, w.path("mirror"), "a/one", name="of-mirror")
        w.add("a/new", "new")
        w.publish()
        for how, status in (("kill", -signal.SIGKILL), ("fail", 73)):
            mirror(w, server, status=status, env={"GRAFT_FAULT": f"{point}:1:{how}"})
            reads(w, w.path("mirror"), "a/one", name="of-mirror")
        mirror(w, server)
        reads(w, w.path("mirror"), "a/new", name="of-mirror")


# --- Bundles ---

def export(w, name, *words, **more):
    return act(w, "export", w.dir, w.path(name), *words, **more)


def take(w, name, **more):
    return act(w, "import", w.path(name), w.path("island"), "--trusted-root", w.root, **more)


@test
def a_bundle_is_good_for_as_long_as_it_says(place):
    w = begin(place, "--bins", "4", "--days", "snapshot=60")
    export(w, "b1", "--key", w.online, "--days", "30")
    # The one that is served has two days, the bundle thirty.
    check("expired" in w.fetch(after=10, status=1), "served")
    take(w, "b1", after=10)
    reads(w, w.path("island"), "a/one", "a/big", name="of-island", after=10)
    take(w, "b1", after=31, status=90)
    w.add("a/new", "new")
    w.publish()
    export(w, "b2", "--key", w.online, "--days", "30")
    same(take(w, "b2"), "3 targets, 1 of them new, 3 bytes\n", "the next one")
    reads(w, w.path("island"), "a/new", name="of-island")
    take(w, "b1", status=91)
    reads(w, w.path("island"), "a/new", name="of-island")
    # Two that say the same are two: the later one counts.
    export(w, "b3", "--key", w.online, "--days", "50")
    take(w, "b3")
    reads(w, w.path("island"), "a/new", name="of-island", after=40)


@test
def a_mirror_can_be_carried_on_without_a_key(place):
    w = begin(place)
    with Server(os.path.join(w.dir, "public")) as server:
        mirror(w, server)
    act(w, "export", w.path("mirror"), w.path("b"))
    take(w, "b")
    reads(w, w.path("island"), "a/big", name="of-island")
    check("signed: --key" in export(w, "c", "--days", "3", status=65), "days without a key")
    # What is no file is not replaced by one: a link here, /dev/stdout there.
    os.symlink(w.path("elsewhere"), w.path("link"))
    check("no regular file" in act(w, "export", w.path("mirror"), w.path("link"), status=65), "a link")
    same((os.path.islink(w.path("link")), os.path.exists(w.path("elsewhere"))), (True, False), "the link")
    same([n for n in os.listdir(w.folder) if n.startswith(("b.", "c"))], ["client"] if os.path.exists(
        w.path("client")) else [], "left behind")


def rewrite(source, target, change):
    """Write a bundle with its entries changed: a list of (info, bytes)."""
    with tarfile.open(source) as tar:
        entries = [(info, tar.extractfile(info).read()) for info in tar]
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in change(entries):
            info.size = len(data) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(data))


def with_name(entries, name, data=b"x", kind=tarfile.REGTYPE, first=False, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return [(info, data), *entries] if first else [*entries, (info, data)]


def each_of(entries, ends, how):
    return [(i, how(d) if i.name.endswith(ends) else d) for i, d in entries]


TAMPERED = [
    ("a target", lambda e: each_of(e, ".big", flip), 65),
    ("a longer target", lambda e: each_of(e, ".one", lambda d: d + b"x"), 65),
    ("a target that is missing", lambda e: [x for x in e if not x[0].name.endswith(".one")], 66),
    ("a target of nobody", lambda e: with_name(e, "targets/evil"), 65),
    ("metadata", lambda e: each_of(e, "targets.json", lambda d: d.replace(b"one", b"two")), 65),
    ("no timestamp", lambda e: [x for x in e if not x[0].name.endswith("timestamp.json")], 66),
    ("metadata behind targets", lambda e: with_name(e, "metadata/9.root.json"), 65),
    ("a name that leads out", lambda e: with_name(e, "../../evil", first=True), 65),
    ("an absolute name", lambda e: with_name(e, "/evil", first=True), 65),
    ("a name that leads out of targets", lambda e: with_name(e, "targets/../../evil"), 65),
    ("a link", lambda e: with_name(e, "targets/evil", b"", tarfile.SYMTYPE, link="/etc/passwd"), 65),
    ("a hard link", lambda e: with_name(e, "targets/evil", b"", tarfile.LNKTYPE, link="metadata/timestamp.json"), 65),
    ("nothing", lambda e: [], 66),
]


@each(TAMPERED)
def a_bundle_that_was_tampered_with_is_refused(place, how, status):
    w = begin(place)
    export(w, "good")
    rewrite(w.path("good"), w.path("bad"), how)
    take(w, "bad", status=status)
    check(not os.path.exists(w.path("island/public/metadata")), "it is public")
    check(not os.path.exists(os.path.join(os.path.dirname(w.folder), "evil")), "it led out")
    take(w, "good")
    reads(w, w.path("island"), "a/big", name="of-island")


@test
def a_bundle_that_is_cut_off_or_none_is_refused(place):
    w = begin(place)
    export(w, "good")
    with open(w.path("good"), "rb") as file:
        data = file.read()
    for name, part in (("half", data[:len(data) // 2]), ("some", data[:1000]), ("none", b""), ("noise", BIG[:5000])):
        w.write(name, part)
        done = subprocess.run([GRAFT, "repo", "import", w.path(name), w.path("island"), "--trusted-root", w.root],
                              capture_output=True, text=True, timeout=LIMIT, check=False, env=ENV)
        check(done.returncode in (65, 66), f"{name}: {done.returncode} {done.stderr}")
        check(not os.path.exists(w.path("island/public/metadata")), name)
    act(w, "import", w.path("nobody"), w.path("island"), status=65)
    take(w, "good")


@each([("C", "C"), ("C.UTF-8", "C.UTF-8"), ("of no such locale", "xx_YY.latin9")])
def names_of_any_language_are_carried_in_any_locale(place, locale):
    w = begin(place)
    w.add("ü/€ \u4e2d", "content")
    w.publish()
    env = {"LC_ALL": locale}
    export(w, "bundle", env=env)
    take(w, "bundle", env=env)
    reads(w, w.path("island"), "ü/€ \u4e2d", name="reader")
    # As another writer of tars puts it.
    rewrite(w.path("bundle"), w.path("other"), lambda entries: entries)
    shutil.rmtree(w.path("island"))
    take(w, "other", env=env)
    reads(w, w.path("island"), "ü/€ \u4e2d", name="another")

# SPDX-License-Identifier: Apache-2.0
"""`graft release`: releases of real hotpatches and packages in a repository, rules that are
kept, and what they save."""
import functools
import json
import os
import shutil
import subprocess
import tempfile

from stage import ENV, LIMIT, Skip, check, same, test
from writer import GRAFT, Writer

FILLING = "\n".join(f"int filling_{i}(int n) {{ return n * {i} + filling_table[n & 7] % {i + 1}; }}" for i in range(400))
SOURCE = "static const int filling_table[8] = { 3, 1, 4, 1, 5, 9, 2, 6 };\n" + FILLING + """
int answer(int n);
int answer(int n) { int sum = 0; for (int i = 0; i < n; i++) sum += i * FACTOR; return sum; }
"""


@functools.cache
def built():
    """Two builds of a package, a third one whose data changed, and hotpatches between them."""
    if not shutil.which("dpkg-deb"):
        raise Skip("no dpkg-deb here")
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        def run(*words, ok=(0,)):
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False,
                                  env={**ENV, "GRAFT_STATE_DIR": f"{folder}/state"})
            check(done.returncode in ok, f"{words}: {done.stdout}{done.stderr}")
        for number, factor in enumerate(("3", "7", "11"), 1):
            root = f"{folder}/{number}"
            os.makedirs(f"{root}/DEBIAN")
            os.makedirs(f"{root}/usr/lib/x86_64-linux-gnu")
            with open(f"{folder}/x.c", "w", encoding="utf-8") as file:
                file.write(SOURCE.replace("FACTOR", factor))
            run("gcc", "-O1", "-g", "-shared", "-fPIC", "-Wl,--build-id", "-Wl,-soname,libx.so.1", "-o",
                f"{root}/usr/lib/x86_64-linux-gnu/libx.so.1", "x.c")
            with open(f"{root}/DEBIAN/control", "w", encoding="utf-8") as file:
                file.write(f"Package: libx1\nVersion: 1.{number}\nArchitecture: amd64\nMaintainer: X <x@example.org>\n"
                           "Description: x\n")
            run("dpkg-deb", "--build", "--root-owner-group", root, f"libx1_1.{number}_amd64.deb")
        for old, new in ("12", "13"):
            names = [f"libx1_1.{n}_amd64.deb" for n in (old, new)]
            run(GRAFT, "diff", *names, "-o", f"fix{old}{new}.graft", "--cve", f"CVE-2026-100{new}", "--disk")
            run(GRAFT, "diff", *names, "-o", f"memory{old}{new}.graft", "--cve", f"CVE-2026-100{new}", "--no-disk")
        for name in os.listdir(folder):
            if name.endswith((".deb", ".graft")):
                with open(f"{folder}/{name}", "rb") as file:
                    files[name] = file.read()
    return files


def spec(w, **more):
    """Write a specification; keys with `_` for `-`, None leaves one out."""
    says = {"id": "GP-2026-0001", "line": "baseline", "date": "2026-10-13", "level": "2026-10",
            "classification": "security", "severity": "important", "title": "Fixes", **more}
    return w.write("spec", "".join(f"{k.replace('_', '-')} = {v}\n" for k, v in says.items() if v))


def make(w, *files, status=0, options=(), **more):
    """Make a release of files by their names; returns what was said."""
    paths = [w.write(name, built()[name]) for name in files]
    done = subprocess.run([GRAFT, "release", "make", w.dir, spec(w, **more), *paths, "--key", w.key("targets"),
                           "--passphrase-file", w.passphrases, *options], env=ENV, capture_output=True,
                          text=True, timeout=LIMIT, check=False, stdin=subprocess.DEVNULL)
    same(done.returncode, status, f"{done.stdout}{done.stderr}")
    return done.stderr if status else done.stdout


def release(w, *words, status=0):
    done = subprocess.run([GRAFT, "release", *words], env=ENV, capture_output=True, text=True, timeout=LIMIT,
                          check=False, stdin=subprocess.DEVNULL)
    same(done.returncode, status, f"{done.stdout}{done.stderr}")
    return done.stderr if status else done.stdout


HOT = {"line": "hotpatch", "requires_baseline": "GP-2026-0001"}


def two_months(w):
    """A baseline, and two months of hotpatches with their cumulative releases."""
    make(w, "libx1_1.1_amd64.deb")
    make(w, "libx1_1.2_amd64.deb", id="GP-2026-0002", line="cumulative", date="2026-11-10", level="2026-11",
         cve="CVE-2026-1002")
    make(w, "fix12.graft", "memory12.graft", id="GP-2026-0003", date="2026-11-10", level="2026-11",
         cve="CVE-2026-1002", cumulative="GP-2026-0002", **HOT)
    make(w, "libx1_1.3_amd64.deb", id="GP-2026-0004", line="cumulative", date="2026-12-08", level="2026-12",
         cve="CVE-2026-1002, CVE-2026-1003", supersedes="GP-2026-0002")
    return {"id": "GP-2026-0005", "date": "2026-12-08", "level": "2026-12", "cve": "CVE-2026-1002, CVE-2026-1003",
            "cumulative": "GP-2026-0004", "supersedes": "GP-2026-0003", **HOT}


@test
def a_package_with_an_epoch_in_its_name_is_called_as_archives_call_it(place):
    w = Writer(place).init()
    deb = built()["libx1_1.1_amd64.deb"]
    path = w.write("libx1_2%3a1.1_amd64.deb", deb)
    make(w, options=[path])
    w.publish()
    w.both("pool/GP-2026-0001/libx1_1.1_amd64.deb")


@test
def releases_are_made_published_and_got(place):
    w = Writer(place).init("--bins", "8")
    last = two_months(w)
    make(w, "fix13.graft", **last)
    w.publish()
    w.both("releases/GP-2026-0005.json", "pool/GP-2026-0005/fix13.graft")
    with open(os.path.join(w.path("client"), "targets/releases%2FGP-2026-0005.json"), encoding="utf-8") as file:
        says = json.load(file)
    same([p for p in says["packages"]], [{"name": "libx1", "old_version": "1.1", "version": "1.3"}], "packages")
    same([(m["path"], m["verdict"]) for m in says["modules"]],
         [("usr/lib/x86_64-linux-gnu/libx.so.1", "hotpatch")], "modules")
    same([f["kind"] for f in says["forms"]], ["delta"], "forms")
    # The list: newest first, and what is replaced.
    lines = release(w, "list", w.dir).splitlines()
    same([line.split()[0][-1] for line in lines], list("54321"), "order")
    check("replaced" in lines[2] and "live" in lines[0] and "restarts" in lines[4], lines)
    text = release(w, "show", w.dir, "GP-2026-0003")
    for words in ("superseded by: GP-2026-0005", "for those who cannot have it: GP-2026-0002", "no restart",
                  "libx1 1.1 -> 1.2"):
        check(words in text, f"{words}: {text}")
    same(json.loads(release(w, "show", w.dir, "GP-2026-0005", "--json")), says, "shown")
    release(w, "check", w.dir)
    release(w, "show", w.dir, "GP-2026-0099", status=66)


@test
def sizes_are_those_of_the_files_and_a_fleet_saves_the_difference(place):
    w = Writer(place).init()
    two_months(w)
    files = {name: len(data) for name, data in built().items()}
    said = json.loads(release(w, "sizes", w.dir, "--fleet", "1000", "--json"))
    rows = {r["id"]: r for r in said["releases"]}
    hot = rows["GP-2026-0003"]
    same((hot["hotpatch"], hot["delta"], hot["cumulative"]),
         (files["memory12.graft"], files["fix12.graft"], files["libx1_1.2_amd64.deb"]), "sizes")
    same(said["saved"], 1000 * (files["libx1_1.2_amd64.deb"] - files["fix12.graft"]), "saved")
    check(said["saved"] > 0, "nothing is saved")
    same(rows["GP-2026-0001"]["saved"], 0, "a baseline")
    text = release(w, "sizes", w.dir, "--fleet", "1000")
    check(f"fetches {said['saved']} bytes less" in text, text)
    for fleet in "many", "-1", " 7", "7x", "", "1000000001", str(1 << 64):
        check("a number of devices" in release(w, "sizes", w.dir, "--fleet", fleet, status=65), fleet)


@test
def rules_are_kept_when_a_release_is_made(place):
    w = Writer(place).init()
    last = two_months(w)
    before = w.state()
    for rule, files, more in (
            ("C-06", ["fix13.graft"], {"cve": "CVE-2026-1003"}),
            ("C-07", ["fix13.graft"], {"supersedes": None}),
            ("C-09", ["fix13.graft"], {"cumulative": None}),
            ("C-09", ["fix13.graft"], {"cumulative": "GP-2026-0002"}),
            ("C-05", ["fix13.graft"], {"requires_baseline": "GP-2026-0002"}),
            ("C-04", ["fix13.graft"], {"restart": "yes"}),
            ("C-11", [], {}),
            ("C-12", ["fix13.graft"], {"id": "GP-2025-0005"}),
            ("C-12", ["fix13.graft"], {"id": "GP-2026-0003"}),
            ("C-13", ["fix13.graft"], {"level": "2027-01"}),
            ("C-13", ["fix13.graft"], {"level": "2026-10"})):
        said = make(w, *files, status=84, **{**last, **more})
        check(f"{rule}: " in said, f"{rule}: {said}")
    # The file says that it fixes what the release does not; the release says no security.
    said = make(w, "fix13.graft", status=84, **{**last, "cve": "CVE-2026-1002"})
    check("which the release does not say" in said, said)
    said = make(w, "fix13.graft", status=84, **{**last, "classification": "bugfix"})
    check("C-01" in said or "a bugfix one" in said, said)
    policy = w.write("policy.conf", "assurance = proven\nlatest = 2026-10\n")
    said = make(w, "fix13.graft", status=84 if assurance(w) == "inferred" else 0, options=["--policy", policy], **last)
    check("C-03" in said or assurance(w) == "proven", said)
    if assurance(w) == "inferred":
        same(w.state(), before, "what is staged")
    check("did you mean 'severity'" in make(w, status=65, sevreity="low"), "a typo")


def assurance(w):
    return json.loads(release(w, "show", w.dir, "GP-2026-0003", "--json"))["modules"][0]["assurance"]


@test
def who_takes_devices_off_the_track_says_how_many(place):
    w = Writer(place).init()
    make(w, "libx1_1.1_amd64.deb")
    device = {"edition": "server", "architecture": "amd64", "distribution": "debian-12", "baseline": "2026-10",
              "level": "2026-10", "space": 1 << 30, "agent": "0.1",
              "abilities": ["ptrace", "memory-write", "pidfd", "kcmp"]}
    inventory = w.write("inventory.json", json.dumps(
        [{**device, "name": f"d{i}", "edition": "server" if i < 7 else "home"} for i in range(10)]))
    policy = w.write("policy.conf", "live-baseline = 2026-10\ndistributions = any\nspace = 0\n")
    out = {"id": "GP-2026-0010", "line": "out-of-band", "date": "2026-10-20", "level": "2026-10.1",
           "cve": "CVE-2026-1002", "keeps_track": "no"}
    deb = "libx1_1.2_amd64.deb"
    check("how many? --inventory" in make(w, deb, status=84, **out), "no inventory")
    options = ["--inventory", inventory, "--policy", policy]
    said = make(w, deb, status=84, options=options, **out)
    check("7 of 10 devices would leave the hotpatch track" in said and "--leaves-track 7" in said, said)
    make(w, deb, status=84, options=[*options, "--leaves-track", "6"], **out)
    make(w, deb, options=[*options, "--leaves-track", "7"], **out)
    same(json.loads(release(w, "show", w.dir, "GP-2026-0010", "--json"))["leaves_track"], 7, "said")
    # One that keeps the track needs no inventory.
    make(w, deb, **{**out, "id": "GP-2026-0011", "keeps_track": "yes"})


@test
def what_breaks_a_rule_is_not_published_whoever_staged_it(place):
    w = Writer(place).init()
    two_months(w)
    # Somebody adds a release by hand.
    says = json.loads(release(w, "show", w.dir, "GP-2026-0003", "--json"))
    says["id"] = "GP-2026-0009"
    text = json.dumps(says, separators=(",", ":")) + "\n"
    w.run("add", w.write("r.json", text), "--as", "releases/GP-2026-0009.json", "--key", w.key("targets"))
    check("no file in pool/GP-2026-0009/" in w.publish(status=65), "files of another release")
    text = text.replace("pool/GP-2026-0003/", "pool/GP-2026-0009/")
    w.run("add", w.write("r.json", text), "--as", "releases/GP-2026-0009.json", "--key", w.key("targets"))
    check("C-07" in w.publish(status=84), "two hotpatches of one day")
    w.run("add", w.write("r.json", "{}"), "--as", "releases/GP-2026-0009.json", "--key", w.key("targets"))
    check("releases/GP-2026-0009.json" in w.publish(status=65), "no release")
    w.run("remove", "releases/GP-2026-0009.json", "--key", w.key("targets"))
    # A file of a release is exchanged.
    w.run("add", w.write("evil", "evil"), "--as", "pool/GP-2026-0003/fix12.graft", "--key", w.key("targets"))
    check("another file than the one" in w.publish(status=84), "exchanged")
    w.run("remove", "pool/GP-2026-0003/fix12.graft", "--key", w.key("targets"))
    check("is no target" in w.publish(status=84), "gone")
    w.run("add", w.write("fix12.graft", built()["fix12.graft"]), "--prefix", "pool/GP-2026-0003/", "--key",
          w.key("targets"))
    w.publish()

# SPDX-License-Identifier: Apache-2.0
"""Several packages in one hotpatch: which go together, and what is in the file."""
import json
import os
import shutil
import subprocess
import tempfile

from family import ALL, DEV, DOCS, LIB, OWN, TOOLS, WHERE, build, family
from sets import fix_of
from stage import GRAFT, NEW, OLD, check, same, test


def diff(*argv):
    return subprocess.run([GRAFT, "diff", *argv], capture_output=True, text=True, check=False)


@test
def the_order_of_packages_does_not_matter(place):
    kin = family(place)
    with open(kin.fix, "rb") as file:
        wanted = file.read()
    pairs = [(kin.debs[name, OLD], kin.debs[name, NEW]) for name in ALL]
    for order in (0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2):
        fix = fix_of(place, *(pairs[i] for i in order))
        with open(fix, "rb") as file:
            same(file.read() == wanted, True, f"the file in order {order}")
    shown = place.show(kin.fix)
    same([disk["package"] for disk in shown["disks"]], sorted(ALL), "parts")
    same((shown["package"], shown["old_version"], shown["new_version"]), ("kin", OLD, NEW), "names")
    # Options may stand anywhere.
    to = os.path.join(place.dir, "anywhere.graft")
    done = diff("--with", *pairs[1], "-o", to, *pairs[0], "--with", *pairs[2], "--with", *pairs[3])
    same(done.returncode, 0, done.stderr)
    with open(to, "rb") as file:
        same(file.read() == wanted, True, "options before and behind")


@test
def what_does_not_go_together_is_refused_or_left_out(place):
    kin = family(place)
    pairs = {name: (kin.debs[name, OLD], kin.debs[name, NEW]) for name in ALL}
    other = [build(place, DOCS, version, source="other") for version in (OLD, NEW)]
    later = build(place, DEV, "1.0-3")
    for argv, words in (
            ((*pairs[LIB], "--with", *pairs[DEV], "--with", *pairs[DEV]),
             f"{DEV}:amd64 is named twice"),
            ((*pairs[LIB], "--with", *other), "of one source"),
            ((*pairs[LIB], "--with", pairs[DEV][0], later), "1.0-3"),
            ((*pairs[LIB], "--with", pairs[DEV][0], pairs[TOOLS][1]), "are two packages"),
            ((*pairs[LIB], "--with", pairs[DEV][0], pairs[DEV][0]), "are both"),
            ((*pairs[LIB], "--with", pairs[DEV][0]), "--with needs OLD and NEW"),
            ((*pairs[LIB], "--with", pairs[DEV][0], "-o"), "--with needs OLD and NEW"),
            ((GRAFT, GRAFT, "--with", *pairs[DEV]), "rchive")):
        done = diff(*argv)
        check(done.returncode not in (0, 3, 4) and words in done.stderr,
              f"{words}: {done.returncode} {done.stderr}")
    # What has no pair is said.
    folder = tempfile.mkdtemp(dir=place.dir)
    for name in LIB, TOOLS:
        shutil.copy(kin.debs[name, NEW], folder)
    shutil.copy(kin.debs[DOCS, OLD], folder)
    shutil.copy(build(place, f"{LIB}-dbgsym", NEW), folder)
    fix = os.path.join(place.dir, "some.graft")
    done = diff(kin.folders[OLD], folder, "-o", fix)
    same(done.returncode, 0, done.stderr)
    for words in (f"left out: {DEV}:amd64 {OLD} is in one folder only: {kin.folders[OLD]}",
                  f"left out: {LIB}-dbgsym:amd64 {NEW} is in one folder only",
                  f"left out: {DOCS}:all {OLD} is the same on both sides"):
        check(words in done.stderr, f"{words}: {done.stderr}")
    same([disk["package"] for disk in place.show(fix)["disks"]], [TOOLS, LIB], "parts")
    shutil.copy(build(place, LIB, "1.0-3"), folder)
    done = diff(kin.folders[OLD], folder)
    check(done.returncode == 65 and f"holds {LIB}:amd64 twice" in done.stderr, done.stderr)
    same(diff(kin.folders[OLD], kin.folders[OLD]).returncode, 66, "the same folder")


@test
def several_packages_are_proven_against_both_folders(place):
    kin = family(place)
    done = subprocess.run([GRAFT, "verify", "--against", kin.folders[OLD], kin.folders[NEW],
                           kin.fix], capture_output=True, text=True, check=False)
    same(done.returncode, 0, done.stderr)
    same(done.stdout.count(": the same\n"), 2, done.stdout)
    for name in ALL:
        check(f"for the disk: {name}:" in done.stdout, done.stdout)
    for argv in (["--old", kin.folders[OLD]], ["--json", "--old", kin.folders[OLD]]):
        done = subprocess.run([GRAFT, "verify", *argv, kin.fix], capture_output=True, text=True,
                              check=False)
        same(done.returncode, 0, done.stderr)
    same([part["package"] for part in json.loads(done.stdout)["disks"]], sorted(ALL), "parts")
    done = subprocess.run([GRAFT, "verify", "--old", kin.debs[LIB, OLD], kin.fix],
                          capture_output=True, text=True, check=False)
    check(done.returncode == 66 and OWN[1:] in done.stderr, done.stderr)


@test
def a_hotpatch_names_both_libraries_of_one_name(place):
    shown = place.show(family(place).fix)
    found = {module["path"]: module["soname"] for module in shown["modules"]
             if module.get("soname")}
    same(found, {f"{WHERE[1:]}/libkin.so.1": "libkin.so.1",
                 f"{OWN[1:]}/libkin.so.1": "libkin.so.1"}, "modules")

# SPDX-License-Identifier: Apache-2.0
"""The part of a hotpatch for the disk, as command lines make it, show it and refuse it.
What it does to a host stands in test/disk."""
import json
import os
import subprocess

from debs import builds, deb
from stage import check, one_line, same, test

CONTROL = b"Package: odd\nVersion: %s\nArchitecture: amd64\n"


def pair(place, new=b"2", name=b"odd"):
    """Two packages, of two versions unless another is said."""
    old_elf, new_elf = builds(place)
    return (place.write("disk-old.deb", deb(old_elf, CONTROL % b"1")),
            place.write("disk-new.deb", deb(new_elf, (CONTROL % new).replace(b"odd", name))))


@test
def a_hotpatch_of_two_packages_says_what_it_brings_to_the_disk(place):
    fix = place.path("disk.graft")
    place.run("diff", *pair(place), "-o", fix, status=0)
    shown = json.loads(place.run("show", fix, "--json", status=0).stdout)["disk"]
    same([shown[key] for key in ("package", "architecture", "old_version", "new_version")],
         ["odd", "amd64", "1", "2"], "the package")
    same([(one["path"], one["source"]) for one in shown["files"]],
         [("usr/lib/libvictim.so", "delta")], "its files")
    text = place.run("show", fix, status=0).stdout
    check("odd:amd64 1 -> 2" in text and "1 by a delta" in text, text)
    place.run("verify", fix, status=0)
    # It goes into no other form: an archive in a frame, which tar reads.
    listed = subprocess.run(["tar", "-tf", fix], capture_output=True, text=True, check=True)
    check("disk/all.zst\n" in listed.stdout, listed.stdout)


@test
def what_is_not_asked_for_is_left_out(place):
    fix = place.path("memory.graft")
    place.run("diff", *pair(place), "-o", fix, "--no-disk", status=0)
    same("disk" in json.loads(place.run("show", fix, "--json").stdout), False, "of packages")
    place.run("diff", place.old, place.new, "-o", fix, status=0)
    same("disk" in json.loads(place.run("show", fix, "--json").stdout), False, "of files")
    one_line(place.run("install", fix, status=67), "nothing for the disk", "--disk")
    place.run("diff", place.old, place.new, "-o", fix, "--disk", status=0)
    same(len(json.loads(place.run("show", fix, "--json").stdout)["disk"]["files"]), 1, "--disk")
    one_line(place.run("install", fix, status=84), "--in")


@test
def two_packages_that_are_no_versions_of_one_make_a_hotpatch_for_memory(place):
    for more, why in (({"new": b"1"}, "both are odd 1"), ({"name": b"other"}, "two packages")):
        fix = place.path("two.graft")
        done = place.run("diff", *pair(place, **more), "-o", fix, status=0)
        one_line(done, "for memory only", why)
        same("disk" in json.loads(place.run("show", fix, "--json").stdout), False, why)


@test
def a_part_for_the_disk_that_was_altered_is_refused(place):
    fix = place.path("altered.graft")
    place.run("diff", *pair(place), "-o", fix, status=0)
    with open(fix, "rb") as file:
        packed = file.read()
    data = subprocess.run(["zstd", "-dc"], input=packed, stdout=subprocess.PIPE,
                          check=True).stdout
    at = data.index(b"disk/all.zst") + 512
    odd = place.write("odd.graft", data[:at + 30] + bytes([data[at + 30] ^ 255]) + data[at + 31:])
    one_line(place.run("show", odd, status=65), "odd.graft", "disk/all.zst")
    cut = place.write("cut.graft", packed[:len(packed) // 2])
    one_line(place.run("show", cut, status=65), "cut.graft")


@test
def what_does_not_go_together_is_a_wrong_command_line(place):
    for words, said in ((["install"], "which hotpatch"),
                        (["install", "a", "--root", "/", "--in", "/"], "--root and --in"),
                        (["install", "a", "--no-memory", "--pid", "1"], "--no-memory and --pid"),
                        (["install", "a", "--all"], "--all"),
                        (["rollback", "a", "b"], "'b' is one argument too many"),
                        (["rollback", "--root", "/"], "--root"),
                        (["diff", "a", "b", "--disk", "--no-disk"], "--disk and --no-disk")):
        done = place.run(*words, status=2)
        check(said in done.stderr, f"{words}: {done.stderr}")
    one_line(place.run("install", place.path("none.graft"), status=66), "none.graft")
    fix = place.path("place.graft")
    place.run("diff", *pair(place), "-o", fix, status=0)
    one_line(place.run("install", fix, "--root", place.path("nowhere"), status=66), "nowhere")
    one_line(place.run("install", fix, "--in", "/", status=84), "--in")
    same(os.path.exists(f"{place.state}/install"), False, "nothing was begun")
    one_line(place.run("rollback", status=66), "nothing was installed")

# SPDX-License-Identifier: Apache-2.0
"""Files that are no good build, given to `graft diff`."""
import os
import shutil
import stat
import subprocess
import sys
import time

from stage import ROOT, STATUS, Skip, check, one_line, same, test, tree_of

OUT = "never.graft"


def refused(place, bad, *words, status=None, good=None):
    """Neither as OLD nor as NEW; returns the statuses."""
    seen = []
    for pair in ((bad, good or place.old), (good or place.old, bad)):
        done = place.run("diff", *pair, "-o", place.path(OUT), status=status)
        check(done.returncode in STATUS.values(), f"{bad!r}: {done.returncode}: {done.stderr}")
        one_line(done, *words)
        same(done.stdout, "", "standard output")
        check(not os.path.exists(place.path(OUT)), "a file was written")
        seen.append(done.returncode)
    return seen


@test
def a_file_that_is_no_elf_is_named(place):
    for name, data in (("text", b"hello\n"), ("script", b"#!/bin/sh\nexit 0\n"),
                       ("zeroes", bytes(5000)), ("nearly", b"\x7fELG" + bytes(200))):
        refused(place, place.write(name, data), name, "ELF", status=67)


@test
def an_empty_file_is_named(place):
    refused(place, place.write("empty", b""), "empty", status=67)


@test
def a_file_that_is_not_there_is_named(place):
    refused(place, place.path("nowhere"), "nowhere", "no such file", status=66)
    refused(place, place.path("fix.graft/below"), "below", status=66)


@test
def of_a_directory_of_links_it_is_said_that_they_are_not_followed(place):
    os.mkdir(place.path("links"))
    os.symlink(place.old, place.path("links/libvictim.so"))
    refused(place, place.path("links"), "links", "symbolic links", "not followed", status=66)
    os.mkdir(place.path("bare"))
    done = place.run("diff", place.path("bare"), place.path("new"), status=66)
    one_line(done, "bare", "no ELF file")
    check("symbolic" not in done.stderr, done.stderr)


@test
def a_data_file_of_any_length_takes_no_time_beside_the_builds(place):
    for side in ("a", "b"):
        shutil.copytree(place.path("old" if side == "a" else "new"), place.path(side))
        with open(place.path(f"{side}/data"), "wb") as file:
            file.write(b"same")
            file.truncate(100 << 30)
    start = time.monotonic()
    done = place.run("diff", place.path("a"), place.path("b"), status=0)
    check("data" not in done.stdout and "other file" not in done.stdout, done.stdout)
    done = place.run("diff", place.old, place.path("b"), status=65)
    one_line(done, "b")
    os.truncate(place.path("b/data"), 99 << 30)
    done = place.run("diff", place.path("a"), place.path("b"), status=0)
    check("1 other file" in done.stdout, done.stdout)
    # Hashing all of it takes minutes.
    check(time.monotonic() - start < 60, "it was read whole")
    for side in ("a", "b"):
        shutil.rmtree(place.path(side))


@test
def what_is_no_regular_file_is_refused_and_does_not_hang(place):
    os.mkfifo(place.path("pipe"))
    refused(place, place.path("pipe"), "pipe", status=67)
    refused(place, "/dev/zero", "/dev/zero", status=67)
    refused(place, "/dev/null", "/dev/null", status=67)
    os.symlink("loop", place.path("loop"))
    refused(place, place.path("loop"), "loop", status=71)


@test
def a_build_that_is_truncated_at_any_length_is_named(place):
    with open(place.old, "rb") as file:
        data = file.read()
    lengths = set(range(0, 72)) | set(range(72, len(data), max(1, len(data) // 60)))
    for length in sorted(lengths | {len(data) - 1}):
        name = place.write("truncated.so", data[:length])
        done = place.run("diff", name, place.new, "-o", place.path(OUT))
        check(done.returncode in (65, 67), f"{length} bytes: {done.returncode}: {done.stderr}")
        one_line(done, "truncated.so")
        check(not os.path.exists(place.path(OUT)), "a file was written")


@test
def builds_that_lie_are_refused_with_the_status_of_their_fault(place):
    made = place.path("odd")
    subprocess.run([sys.executable, os.path.join(ROOT, "tools/elfwriter.py"), made], check=True,
                   stdout=subprocess.DEVNULL)
    names = sorted(os.listdir(made))
    check(len(names) > 60, f"only {len(names)} files")
    for name in names:
        kind = next(k for k in ("good", "bad-input", "unsupported", "limit") if
                    name.startswith(k))
        path = os.path.join(made, name)
        if kind != "good":
            refused(place, path, name, status=STATUS[kind])
        else:
            done = place.run("diff", path, path)
            check(done.returncode in (0, 3, 4), f"{name}: {done.returncode}: {done.stderr}")


@test
def builds_of_another_kind_are_refused_by_kind(place):
    with open(place.old, "rb") as file:
        data = bytearray(file.read())
    arm = bytearray(data)
    arm[18:20] = b"\xb7\0"
    refused(place, place.write("arm.so", arm), "arm.so", "machine", status=67)
    small = bytearray(data)
    small[4] = 1
    refused(place, place.write("small.so", small), "small.so", "64-bit", status=67)
    place.cc("lib.c", "part.o", "-c")
    refused(place, place.path("part.o"), "part.o", "object file", status=67)


@test
def a_32_bit_program_of_the_compiler_is_refused(place):
    source = place.write("p32.c", b"void _start(void) { for (;;); }\n")
    made = subprocess.run(["gcc", "-m32", "-nostdlib", "-static", "-o", place.path("p32"), source],
                          capture_output=True)
    if made.returncode:
        raise Skip("gcc does not make 32-bit programs")
    refused(place, place.path("p32"), "p32", "64-bit", status=67)


@test
def a_static_program_at_a_fixed_address_needs_a_restart(place):
    for side in "12":
        source = place.write("s.c", b"int main(void) { return %s; }\n" % side.encode())
        subprocess.run(["gcc", "-O2", "-static", "-no-pie", "-o", place.path("static" + side),
                        source], check=True)
    done = place.run("diff", place.path("static1"), place.path("static2"), "-o",
                     place.path(OUT), status=4)
    check("R-01" in done.stdout and "fixed address" in done.stdout, done.stdout)
    check(not os.path.exists(place.path(OUT)), "a file was written")


@test
def two_things_of_different_kinds_are_refused(place):
    refused(place, place.path("old"), "old", "single file", status=65)


@test
def a_directory_without_any_build_is_refused(place):
    os.makedirs(place.path("docs/sub"))
    place.write("docs/sub/readme", b"text")
    refused(place, place.path("docs"), "docs", "no ELF file", status=66, good=place.path("new"))


@test
def a_directory_that_cannot_be_read_is_named(place):
    os.makedirs(place.path("shut/in"))
    place.write("shut/in/a", b"x")
    os.chmod(place.path("shut/in"), 0)
    done = place.run("diff", place.path("shut"), place.path("old"), prefix=nobody())
    same(done.returncode, 71, "status")
    one_line(done, "shut", "Permission denied")


@test
def a_file_that_may_not_be_read_is_named(place):
    os.chmod(place.write("secret.so", b"\x7fELF"), 0)
    done = place.run("diff", place.path("secret.so"), place.old, prefix=nobody())
    same(done.returncode, 71, "status")
    one_line(done, "secret.so", "Permission denied")


@test
def names_that_would_steer_a_terminal_are_escaped(place):
    folder = place.path("evil")
    for side in ("a", "b"):
        os.makedirs(os.path.join(folder, side))
    evil = b"lib\x1b[31m\nred\x9b\xff.so"
    for side, lib in (("a", place.old), ("b", place.new)):
        with open(lib, "rb") as source, \
                open(os.path.join(os.fsencode(folder), side.encode(), evil), "wb") as file:
            file.write(source.read())
    pair = [os.path.join(folder, side) for side in "ab"]
    for argv in ([], ["--json"]):
        done = place.run("diff", *pair, *argv, "-o", place.path("evil.graft"), status=0)
        check(all(32 <= ord(c) < 127 or c == "\n" for c in done.stdout), done.stdout)
    done = place.run("show", place.path("evil.graft"), status=0)
    check(all(32 <= ord(c) < 127 or c == "\n" for c in done.stdout), done.stdout)
    with open(os.path.join(os.fsencode(folder), b"a", evil), "wb") as file:
        file.write(b"\x7fELF\x02\x01\x01")
    single = os.path.join(folder, "a", os.fsdecode(evil))
    one_line(place.run("diff", single, place.old), "red")
    one_line(place.run("show", single), "red")
    one_line(place.run("diff", place.path("no\nsuch\x1b[2Jfile"), place.old, status=66), "no")


@test
def the_output_may_not_be_one_of_the_builds_by_accident(place):
    before = tree_of(place.path("old"))
    done = place.run("diff", place.old, place.new, "-o", place.old)
    one_line(done, "libvictim.so")
    check(done.returncode in STATUS.values(), str(done.returncode))
    same(tree_of(place.path("old")), before, "the builds")


@test
def the_output_replaces_nothing_but_files(place):
    os.mkfifo(place.path("fifo"))
    os.symlink("aim", place.path("link"))
    for name in ("fifo", "link"):
        for option in ("-o", "--html"):
            done = place.run("diff", place.old, place.new, option, place.path(name))
            one_line(done, name)
            same(done.returncode, STATUS["bad-input"], "the status")
    check(stat.S_ISFIFO(os.lstat(place.path("fifo")).st_mode), "the FIFO is there")
    check(os.path.islink(place.path("link")), "the link is there")
    both = place.path("both")
    one_line(place.run("diff", place.old, place.new, "-o", both, "--html", both), "both")
    out = place.path("out.graft")
    place.run("diff", place.old, place.new, "-o", out, "--html", place.path("no/page.html"))
    check(not os.path.exists(both) and not os.path.exists(out), "nothing was written")


def nobody():
    return ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")

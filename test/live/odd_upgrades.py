# SPDX-License-Identifier: Apache-2.0
"""`graft sync` where what lies on disk, or who maps it, means ill or is odd."""
import os
import subprocess
import time

from stage import Victim, check, one_line, same, test, until  # noqa: E402
from syncing import (LIBRARY, ONE_NEW, ONE_OLD, TWO, TWO_NEW, TWO_OLD, Upgrade,  # noqa: E402
                     compile_library, items)


def build_two(place, folder, *flags):
    """A program and its two libraries; the flags are the second's."""
    os.mkdir(folder)
    compile_library(place, f"{folder}/libone.so", ONE_OLD)
    compile_library(place, f"{folder}/libtwo.so", TWO_OLD, *flags)
    subprocess.run(["gcc", "-O2", "-x", "c", "-", "-o", f"{folder}/program", f"-L{folder}",
                    "-l:libone.so", "-l:libtwo.so", f"-Wl,-rpath,{folder}"], input=TWO, text=True,
                   check=True)


def answer(process, question="2"):
    process.tell(question)
    return process.line()


@test
def a_file_without_a_build_id_leaves_no_half_of_a_hotpatch(place):
    folder = place.path("nameless")
    build_two(place, folder, "-Wl,--build-id=none")
    with Victim(f"{folder}/program") as process:
        for side, one, two in (("a", ONE_OLD, TWO_OLD), ("b", ONE_NEW, TWO_NEW)):
            os.mkdir(f"{folder}/{side}")
            compile_library(place, f"{folder}/{side}/libone.so", one)
            compile_library(place, f"{folder}/{side}/libtwo.so", two, "-Wl,--build-id=none")
        both = f"{folder}/both.graft"
        place.run("diff", f"{folder}/a", f"{folder}/b", "-o", both, status=0)
        one_line(place.run("apply", both, "--pid", str(process.pid), status=4), "R-22", "build-id")
        same(answer(process), "207", "the answer after that")
        for name in ("libone.so", "libtwo.so"):
            os.rename(f"{folder}/b/{name}", f"{folder}/{name}")
        got = items(place, process.pid, status=4)
        same([(i["action"], len(i["files"])) for i in got], [("restart", 2)], "what it says")
        check("libtwo.so: it has no build-id" in got[0]["why"], got[0]["why"])
        same(answer(process), "207", "the answer")


@test
def what_is_no_plain_file_is_not_opened(place):
    up = Upgrade(place, "unopened")
    with up.start() as victim:
        os.unlink(up.path(LIBRARY))
        os.mkfifo(up.path(LIBRARY))
        # Whoever opens it to read lets this writer go on.
        with subprocess.Popen(["sh", "-c", 'exec 3>"$1"', "sh", up.path(LIBRARY)]) as writer:
            def waits():
                with open(f"/proc/{writer.pid}/stat", encoding="ascii") as file:
                    return file.read().rpartition(")")[2].split()[0] == "S"
            until(waits, "the writer does not wait")
            same([i["action"] for i in items(place, victim.pid, status=4)], ["restart"], "of a pipe")
            time.sleep(0.1)
            same(writer.poll(), None, "the pipe was opened: the writer's status")
            writer.kill()


@test
def a_package_in_the_place_of_a_library_is_not_unpacked(place):
    up = Upgrade(place, "package")
    root = place.path("package-root")
    os.makedirs(f"{root}/DEBIAN")
    with open(f"{root}/DEBIAN/control", "w", encoding="utf-8") as file:
        file.write("Package: a\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@example.org>\n"
                   "Description: a\n")
    with open(f"{root}/big", "wb") as file:
        file.truncate(256 << 20)
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", root, up.path("a.deb")],
                   check=True, capture_output=True)
    with up.start() as victim:
        os.rename(up.path("a.deb"), up.path(LIBRARY))
        got = items(place, victim.pid, status=4)
        same([i["action"] for i in got], ["restart"], "what it says")
        check("ELF" in got[0]["why"], got[0]["why"])


# Maps files as code; no loader has to like them.
MAPPER = """import mmap, os, sys
maps = []
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        maps.append(mmap.mmap(file.fileno(), 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC))
print("ready", flush=True)
sys.stdin.read()
"""


@test
def a_user_with_too_much_old_code_is_told_so(place):
    folder = place.path("hungry")
    os.mkdir(folder)
    os.chmod(place.dir, 0o755)
    def put(name, size, byte):
        with open(f"{folder}/{name}.new", "wb") as file:
            file.write(b"\x7fELF" + byte * 4092)
            file.truncate(size)
        os.rename(f"{folder}/{name}.new", f"{folder}/{name}")
    sizes = {"small": 8192, "large": 600 << 20}
    for name, size in sizes.items():
        put(name, size, b"o")
    paths = [f"{folder}/{name}" for name in sizes]
    with Victim("/usr/bin/python3", "-c", MAPPER, *paths, user=65533, group=65533,
                extra_groups=[]) as process:
        for name, size in sizes.items():
            put(name, size, b"n")
        got = items(place, process.pid, "--dry-run", status=4)
    whys = {os.path.basename(f["path"]): f["why"] for i in got for f in i["files"]}
    check("user 65533 has more old files than are looked at" in whys["large"], f"{whys}")
    # Others of his are, nonetheless: this one is no ELF file.
    check("user" not in whys["small"], f"{whys}")

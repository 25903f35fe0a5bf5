# SPDX-License-Identifier: Apache-2.0
"""Packages that are none, or broken."""
import io
import os
import tarfile

from stage import check, one_line, test
from files import OUT, refused


def ar_member(name, data):
    head = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
    return head + data + b"\n" * (len(data) % 2)


def tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:xz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mode = 0o755
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def deb(library, control=b"Package: odd\nVersion: 1\nArchitecture: amd64\n", data=None):
    return (b"!<arch>\n" + ar_member("debian-binary", b"2.0\n")
            + ar_member("control.tar.xz", tar({"control": control}))
            + ar_member("data.tar.xz", data or tar({"usr/lib/libvictim.so": library})))


def builds(place):
    with open(place.old, "rb") as old, open(place.new, "rb") as new:
        return old.read(), new.read()


@test
def two_packages_make_a_hotpatch(place):
    old, new = builds(place)
    place.run("diff", place.write("old.deb", deb(old)), place.write("new.deb", deb(new)), "-o",
              place.path("deb.graft"), status=0)
    place.run("verify", place.path("deb.graft"), status=0)


@test
def a_package_that_is_none_is_named(place):
    good = place.write("good.deb", deb(builds(place)[0]))
    for name, data in (("text.deb", b"hello"), ("magic.deb", b"!<arch>\n"),
                       ("junk.deb", b"!<arch>\njunk junk junk"),
                       ("other.deb", b"!<arch>\n" + ar_member("some.o", b"x")),
                       ("half.deb", b"!<arch>\n" + ar_member("debian-binary", b"2.0\n")),
                       ("version.deb", b"!<arch>\n" + ar_member("debian-binary", b"9.0\n"))):
        for status in refused(place, place.write(name, data), name, good=good):
            check(status in (65, 67), f"{name}: {status}")


@test
def a_package_that_is_truncated_at_any_length_is_named(place):
    data = deb(builds(place)[0])
    good = place.write("good.deb", data)
    for length in sorted(set(range(8, 200, 7)) | set(range(200, len(data), len(data) // 60))):
        name = place.write("short.deb", data[:length])
        done = place.run("diff", name, good, "-o", place.path(OUT))
        check(done.returncode in (65, 67), f"{length} bytes: {done.returncode}: {done.stderr}")
        one_line(done, "short.deb")


@test
def a_package_with_a_broken_member_is_named(place):
    library = builds(place)[0]
    good = place.write("good.deb", deb(library))
    data = bytearray(deb(library))
    at = data.rfind(b"data.tar.xz")
    for offset in range(at + 60, len(data) - 2, (len(data) - at) // 40):
        broken = bytearray(data)
        broken[offset] ^= 0x55
        done = place.run("diff", place.write("broken.deb", broken), good)
        check(done.returncode in (65, 67), f"{offset}: {done.returncode}: {done.stderr}")
        one_line(done, "broken.deb")
    for text in (b"\0\1\2", b"no colon\n", b"Package: \x1b[31mred\nVersion: 1\n", b""):
        done = place.run("diff", place.write("control.deb", deb(library, text)), good)
        check(done.returncode in (3, 65), f"{text}: {done.returncode}")
        if done.returncode != 3:
            one_line(done, "control.deb")
    bomb = place.write("wrong.deb", deb(library, data=b"not xz at all" * 100))
    refused(place, bomb, "wrong.deb", good=good)


@test
def a_package_whose_paths_leave_it_is_refused(place):
    good = place.write("good.deb", deb(builds(place)[0]))
    for name in ("../../etc/passwd", "usr/../../x", "./../x"):
        evil = place.write("evil.deb", deb(b"", data=tar({name: builds(place)[0]})))
        refused(place, evil, "evil.deb", status=65, good=good)


@test
def a_package_and_a_file_are_of_different_kinds(place):
    refused(place, place.write("one.deb", deb(builds(place)[0])), "one.deb", "single file",
            status=65)


@test
def packages_without_any_build_leave_nothing_to_do(place):
    made = [place.write(n, deb(b"", data=tar({"usr/share/doc/x": text})))
            for n, text in (("d1.deb", b"one"), ("d2.deb", b"two"))]
    done = place.run("diff", *made, "-o", place.path(OUT), status=3)
    check("no ELF file" in done.stdout, f"it does not say why: {done.stdout!r}")
    check(not os.path.exists(place.path(OUT)), "a file was written")

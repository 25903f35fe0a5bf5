# SPDX-License-Identifier: Apache-2.0
"""Hotpatches that are cut, altered, newer, unsigned, or for another build."""
import os
import random
import re

from stage import Victim, build_id, check, one_line, same, test

VERBS = (("show",), ("verify",), ("plan", "--all"), ("apply", "--all"), ("revert", "--all"))


def manifest(place, change):
    """The hotpatch with another manifest: its first member, as tar lays it out."""
    data = bytearray(place.bytes)
    size = int(data[124:135], 8)
    text = change(bytes(data[512:512 + size]))
    data[124:135] = b"%011o" % len(text)
    data[148:156] = b" " * 8
    data[148:155] = b"%06o\0" % sum(data[:512])
    behind = data[512 + -(-size // 512) * 512:]
    return bytes(data[:512] + text + bytes(-len(text) % 512) + behind)


def bad(place, data, *words, verb="verify", statuses=(65, 67)):
    name = place.write("bad.graft", data)
    done = place.run(verb, name)
    check(done.returncode in statuses, f"{done.returncode}: {done.stderr}{done.stdout}")
    one_line(done, "bad.graft", *words)
    same(done.stdout, "", "standard output")


@test
def every_verb_refuses_a_hotpatch_that_is_none(place):
    with place.victim() as victim, place.unchanged(victim.pid):
        for name, data in (("empty", b""), ("text", b"hello\n"), ("zeroes", bytes(10240)),
                           ("elf", b"\x7fELF" * 300), ("cut", place.bytes[:1000])):
            place.write(name + ".graft", data)
            for verb, *more in VERBS:
                done = place.run(verb, place.path(name + ".graft"), *more)
                check(done.returncode in (65, 67), f"{verb} {name}: {done.returncode}")
                one_line(done, name + ".graft")
        for verb, *more in VERBS:
            one_line(place.run(verb, place.path("no.graft"), *more, status=66), "no.graft")
            one_line(place.run(verb, place.path("old"), *more, status=67), "old")
        check(not os.path.exists(place.state), "a state directory was made")


@test
def a_hotpatch_that_is_cut_at_any_byte_is_refused(place):
    data = place.bytes
    for length in sorted(set(range(0, len(data), 11)) | set(range(len(data) - 40, len(data)))):
        bad(place, data[:length])


@test
def a_hotpatch_with_something_behind_its_end_is_refused(place):
    bad(place, place.bytes + b"\0")
    bad(place, place.bytes + bytes(512))
    bad(place, place.bytes + b"x" * 512)
    bad(place, place.bytes * 2)


@test
def a_hotpatch_with_one_altered_bit_is_refused_or_says_the_altered_thing(place):
    dice = random.Random(1)
    # The id is the hash of the manifest or a field of it: who alters a text
    # of the manifest makes another hotpatch, which only a signature can tell.
    end = 1024 + 512 * (place.bytes[512:].index(b"\0") // 512)
    for offset in sorted(dice.sample(range(len(place.bytes)), 200)):
        data = bytearray(place.bytes)
        data[offset] ^= 1 << dice.randrange(8)
        name = place.write("bad.graft", data)
        done = place.run("verify", name)
        if done.returncode == 0 and 512 <= offset < end:
            continue
        check(done.returncode in (65, 67), f"byte {offset}: {done.returncode}: {done.stdout}")
        one_line(done, "bad.graft")


def with_format(number):
    """A change of a manifest: another format, whatever it is."""
    return lambda text: re.sub(rb'"format":\d+', b'"format":' + number, text, count=1)


@test
def a_hotpatch_of_a_newer_format_says_so(place):
    data = manifest(place, with_format(b"9"))
    with place.victim() as victim, place.unchanged(victim.pid):
        for verb, *more in VERBS:
            done = place.run(verb, place.write("newer.graft", data), *more, status=67)
            one_line(done, "newer.graft", "format")


@test
def a_manifest_that_lies_is_refused(place):
    same(manifest(place, lambda text: text), place.bytes, "the manifest can be exchanged")
    for change in (with_format(b"-1"), with_format(b"1e9"), with_format(b'"1"'),
                   lambda t: t.replace(b'"modules":[', b'"modules":[{},'),
                   lambda t: t.replace(b'"carried_bytes"', b'"evil_bytes"'),
                   lambda t: t.replace(b'"elf":{', b'"elf":{"x":1,'),
                   lambda t: t.replace(b"modules/", b"../../../"),
                   lambda t: t.replace(b'"size":', b'"size":9999999999'),
                   lambda t: t.replace(b'"size":', b'"size":-'),
                   lambda t: t.replace(b'"title":""', b'"title":"\\u001b[31m"'),
                   lambda t: t.replace(b'"title":""', b'"title":"\x1b[31m"'),
                   lambda t: t.replace(b'"title":""', b'"title":"\xff\xfe"'),
                   lambda t: t.replace(b'"title":""', b'"title":"\\ud800"'),
                   lambda t: t.replace(b'"path":"', b'"path":"\\n'),
                   lambda t: t.replace(b'"title":""', b'"title":"","title":""'),
                   lambda t: t.replace(b"{", b"{" * 5000, 1),
                   lambda t: t + b" ", lambda t: b"", lambda t: b"null", lambda t: t[:-2]):
        bad(place, manifest(place, change))


@test
def a_hotpatch_of_another_build_with_the_same_soname_touches_nothing(place):
    os.makedirs(place.path("other"))
    place.cc("lib.c", "other/libvictim.so.1", "-shared", "-fPIC", "-Wl,-soname,libvictim.so.1",
             "-O1")
    env = dict(os.environ, LD_LIBRARY_PATH=place.path("other"))
    place.cc("victim.c", "other/victim", place.path("other/libvictim.so.1"),
             f"-Wl,-rpath,{place.path('other')}", "-pthread")
    with Victim(place.path("other/victim"), "0", env=env) as victim, \
            place.unchanged(victim.pid):
        for verb in ("plan", "apply"):
            done = place.run(verb, place.patch, "--pid", str(victim.pid), status=4)
            one_line(done, str(victim.pid), "R-14", "other/libvictim.so.1 has build-id ",
                     f"and the hotpatch is for build-id {build_id(place.old)}")
            check("help: R-14: It runs another build" in done.stderr, done.stderr)
        done = place.run("apply", place.patch, "--all", status=3)
        one_line(done, "no process")
        victim.expect(False)


@test
def a_hotpatch_that_holds_only_what_is_refused_is_never_written(place):
    place.run("diff", place.old, place.old, "-o", place.path("same.graft"), status=3)
    check(not os.path.exists(place.path("same.graft")), "a file was written")


@test
def a_proof_needs_the_two_builds_that_the_hotpatch_was_made_from(place):
    done = place.run("verify", "--against", place.old, place.new, place.patch, status=0)
    check("the same" in done.stdout and "walked" in done.stdout, done.stdout)
    for old, new in ((place.new, place.new), (place.old, place.old), (place.new, place.old)):
        done = place.run("verify", "--against", old, new, place.patch, status=66)
        one_line(done, "SHA-256")
        check("the same" not in done.stdout, done.stdout)
    for argv in (["--against", place.old, place.patch], ["--against", place.old],
                 ["--against", place.old, place.new, place.patch, "--json"]):
        same(place.run("verify", *argv).returncode, 2, f"status of {argv}")


@test
def a_build_that_is_not_the_old_one_is_said_not_to_be(place):
    whole = place.path("whole.graft")
    place.run("diff", "--whole", place.old, place.new, "-o", whole, status=0)
    for patch in (place.patch, whole):
        for wrong in (place.new, place.path("new")):
            done = place.run("verify", patch, "--old", wrong, status=66)
            one_line(done, "old build", wrong)
            same(done.stdout, "", "what it says of the rest")
        for right in (place.old, place.path("old")):
            place.run("verify", patch, "--old", right, status=0)


@test
def signatures_are_checked_with_the_key_that_is_given(place):
    key = place.write("key", bytes(range(32)))
    done = place.run("verify", place.patch, "--key", key, status=66)
    one_line(done, "fix.graft.sig", "no such file")
    for name, data, statuses in (("zero", bytes(64), (68,)), ("short", bytes(63), (65, 68)),
                                 ("long", bytes(65), (65, 68)), ("none", b"", (65, 68)),
                                 ("huge", bytes(100000), (65, 68))):
        sig = place.write(name + ".sig", data)
        done = place.run("verify", place.patch, "--key", key, "--signature", sig)
        check(done.returncode in statuses, f"{name}: {done.returncode}: {done.stderr}")
        one_line(done, name + ".sig")
    for data in (b"", b"x" * 31, b"zz" * 32, bytes(33), b"\n" * 64):
        bad_key = place.write("bad.key", data)
        done = place.run("verify", place.patch, "--key", bad_key, "--signature",
                         place.path("zero.sig"))
        check(done.returncode in (65, 68), f"{data!r}: {done.returncode}: {done.stderr}")
        one_line(done, "bad.key" if done.returncode == 65 else "zero.sig")

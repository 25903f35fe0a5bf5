# SPDX-License-Identifier: Apache-2.0
"""Hotpatches whose code is stored as a delta to the old file: what can be done
without that file, and where it is taken from when it is needed."""
import contextlib
import json
import os
import shutil
import subprocess
import tarfile

from stage import GRAFT, NEW, OLD, Victim, check, one_line, same, test

LIB = "libvictim.so.1"


def bulk(changed):
    """A function of some kilobytes, and the same with one other constant."""
    lines = ["unsigned victim_bulk(unsigned x)", "{", "\tunsigned s = x;"]
    for i in range(400):
        constant = 77777 if changed and i == 200 else i * 2654435761 % 99991
        lines.append(f"\ts = (s ^ (x + {constant}u)) * {2 * i + 3}u + (s >> {i % 13 + 1});")
    return "\n".join([*lines, "\treturn s;", "}", ""])


class Delta:
    """Two builds that differ in little of much, and the hotpatch between them."""

    def __init__(self, place):
        self.place = place
        self.dir = place.path("delta")
        for side, flags in (("old", []), ("new", ["-DNEW"])):
            os.makedirs(f"{self.dir}/{side}")
            source = place.write(f"delta/{side}.c", bulk(side == "new").encode())
            place.cc("lib.c", f"delta/{side}/{LIB}", source, "-shared", "-fPIC",
                     f"-Wl,-soname,{LIB}", f"-Wl,--build-id=0x{os.urandom(20).hex()}", *flags)
        self.old, self.new = f"{self.dir}/old/{LIB}", f"{self.dir}/new/{LIB}"
        self.patch, self.whole = f"{self.dir}/fix.graft", f"{self.dir}/whole.graft"
        place.run("diff", self.old, self.new, "-o", self.patch, status=0)
        place.run("diff", self.old, self.new, "-o", self.whole, "--whole", status=0)
        place.cc("victim.c", "delta/victim", self.old, f"-Wl,-rpath,{self.dir}/run", "-pthread")

    def victim(self, threads=0):
        """A process that has a copy of OLD, which may be removed."""
        shutil.rmtree(f"{self.dir}/run", ignore_errors=True)
        os.mkdir(f"{self.dir}/run")
        shutil.copy(self.old, f"{self.dir}/run/{LIB}")
        return Victim(f"{self.dir}/victim", str(threads))

    def run(self, verb, victim, *more, status=0, what=None, **how):
        return self.place.run(verb, what or self.patch, "--pid", str(victim.pid), *more,
                              status=status, **how)


@contextlib.contextmanager
def deltas(place):
    shutil.rmtree(place.path("delta"), ignore_errors=True)
    yield Delta(place)
    shutil.rmtree(place.path("delta"), ignore_errors=True)


def members(path):
    with tarfile.open(path) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar.getmembers()}


@test
def a_delta_is_used_where_it_is_smaller_and_not_with_whole(place):
    with deltas(place) as d:
        packed, whole = members(d.patch), members(d.whole)
        # Format 3 is that of jumps behind a first instruction, with deltas or without.
        check(json.loads(packed["manifest.json"])["format"] in (2, 3, 4), "format")
        check(json.loads(whole["manifest.json"])["format"] in (1, 3, 4), "format of --whole")
        same(sum(n.endswith(".delta") for n in packed), 1, "deltas")
        same(sum(n.endswith(".delta") for n in whole), 0, "deltas with --whole")
        check(os.path.getsize(d.patch) < os.path.getsize(d.whole), "it is not smaller")
        # Where it would not be smaller, nothing of it is there.
        check(json.loads(members(place.patch)["manifest.json"])["format"] in (1, 3, 4), "format 1")
        # Both hold the same ELF file.
        elf = [json.loads(f["manifest.json"])["modules"][0]["elf"] for f in (packed, whole)]
        same(elf[0]["sha256"], elf[1]["sha256"], "the ELF file")
        # What is said of their sizes is so.
        for files, more in ((packed, []), (whole, ["--whole"])):
            size = sum(len(data) for name, data in files.items() if name != "manifest.json")
            said = json.loads(place.run("diff", d.old, d.new, "--json", *more).stdout)
            same(said["modules"][0]["package_bytes"], size, "package_bytes of diff")
            said = place.run("show", d.whole if more else d.patch, "--json").stdout
            same(json.loads(said)["modules"][0]["package_bytes"], size, "package_bytes of show")
        # The same input gives the same bytes.
        place.run("diff", d.old, d.new, "-o", d.dir + "/again.graft", status=0)
        same(members(d.dir + "/again.graft"), packed, "the same again")


@test
def all_but_the_code_of_a_delta_is_shown_without_the_old_file(place):
    with deltas(place) as d:
        text = place.run("show", d.patch, status=0).stdout
        for word in ("victim_bulk", "victim_answer", "delta", "read with the old file"):
            check(word in text, f"{word!r} is not in {text!r}")
        module = json.loads(place.run("show", d.patch, "--json", status=0).stdout)["modules"][0]
        whole = json.loads(place.run("show", d.whole, "--json", status=0).stdout)["modules"][0]
        check(module["delta"] and not whole["delta"], "what is a delta")
        for key in ("redirects", "carried", "runs", "fixes", "imports", "expects", "align"):
            same(module[key], whole[key], key)


@test
def the_code_of_a_delta_is_disassembled_with_the_old_file(place):
    with deltas(place) as d:
        done = place.run("show", d.patch, "--disassemble", status=66)
        one_line(done, "fix.graft", "--old")
        same(done.stdout, "", "standard output")
        place.run("show", d.whole, "--disassemble", status=0)
        for old in (d.old, os.path.dirname(d.old)):
            with_old = ("--disassemble", "--old", old)
            got = place.run("show", d.patch, *with_old, status=0).stdout
            want = place.run("show", d.whole, *with_old, status=0).stdout
            same(got[got.index("\nvictim_answer"):], want[want.index("\nvictim_answer"):], "code")
            check("imul" in got, got[:2000])
        one_line(place.run("show", d.patch, "--disassemble", "--old", d.new, status=66), LIB)


@test
def verify_says_what_it_did_not_check(place):
    with deltas(place) as d:
        done = place.run("verify", d.patch, status=0)
        check("the code of 1 module was not checked" in done.stdout and "--old" in done.stdout,
              done.stdout)
        got = json.loads(place.run("verify", d.patch, "--json", status=0).stdout)
        same(got["unchecked_code"], [LIB], "unchecked")
        same(got["signature"], "unchecked", "signature")
        for old in (d.old, os.path.dirname(d.old)):
            done = place.run("verify", d.patch, "--old", old, status=0)
            check("not checked" not in done.stdout and "every hash is right" in done.stdout,
                  done.stdout)
            got = json.loads(place.run("verify", d.patch, "--old", old, "--json",
                                       status=0).stdout)
            same(got["unchecked_code"], [], "unchecked")
        for old in (d.new, os.path.dirname(d.new)):
            one_line(place.run("verify", d.patch, "--old", old, status=66), old, "old build")
        one_line(place.run("verify", d.patch, "--old", d.dir + "/none", status=66), "none")
        got = json.loads(place.run("verify", d.whole, "--json", status=0).stdout)
        same(got["unchecked_code"], [], "unchecked of --whole")


@test
def an_altered_delta_is_found_with_the_old_file_and_never_applied(place):
    with deltas(place) as d:
        with open(d.patch, "rb") as file:
            data = bytearray(file.read())
        at = data.index(b".delta\0") // 512 * 512
        size = int(data[at + 124:at + 135], 8)
        name = place.path("bad.graft")
        altered = 0
        with d.victim(2) as victim, place.unchanged(victim.pid):
            for offset in range(at + 512 + 12, at + 512 + size, max(1, size // 12)):
                bad = bytearray(data)
                bad[offset] ^= 0x10
                place.write("bad.graft", bad)
                if place.run("verify", name).returncode:
                    continue
                altered += 1
                one_line(place.run("verify", name, "--old", d.old, status=65), LIB)
                done = d.run("plan", victim, what=name, status=65)
                one_line(done, str(victim.pid), "delta")
                d.run("apply", victim, what=name, status=65)
            check(altered, "no byte of the delta was altered")
            victim.expect(False, 2)


@test
def a_delta_is_applied_with_what_the_process_has_mapped(place):
    """The file may be there, gone, or another one by now."""
    with deltas(place) as d:
        run = f"{d.dir}/run/{LIB}"
        for after in (lambda: None, lambda: os.unlink(run),
                      lambda: (os.unlink(run), shutil.copy(d.new, run)),
                      lambda: shutil.rmtree(f"{d.dir}/run")):
            with d.victim(2) as victim:
                after()
                d.run("plan", victim)
                d.run("apply", victim)
                victim.expect(True, 2)
                same(place.states(victim.pid), ["applied"], "state")
                d.run("revert", victim)
                victim.expect(False, 2)
                # Again, into the same shadow.
                d.run("apply", victim)
                victim.expect(True, 2)


@test
def revert_status_and_recover_need_no_old_file(place):
    with deltas(place) as d:
        moved = d.old + ".moved"
        for fault in ("", "ledger-begun", "apply-map", "apply-write", "apply-jump",
                      "apply-commit", "ledger-finish"):
            with d.victim(2) as victim:
                env = place.env()
                if fault:
                    env["GRAFT_FAULT"] = fault + ":1:kill"
                subprocess.run([GRAFT, "apply", d.patch, "--pid", str(victim.pid)], env=env,
                               stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
                os.rename(d.old, moved)
                shutil.rmtree(f"{d.dir}/run")
                done = place.run("recover")
                check(done.returncode in (0, 3), f"{done.returncode}: {done.stderr}")
                victim.expect(victim.works() == NEW, 2)
                states = place.states(victim.pid)
                if states == ["applied"]:
                    d.run("revert", victim)
                check(victim.works() == OLD, "it is not OLD again")
                os.rename(moved, d.old)


@test
def a_file_that_was_changed_under_the_process_is_not_the_old_one(place):
    with deltas(place) as d:
        with d.victim(1) as victim, place.unchanged(victim.pid):
            with open(f"{d.dir}/run/{LIB}", "ab") as file:
                file.write(b"more")
            for verb in ("plan", "apply"):
                one_line(d.run(verb, victim, status=4), str(victim.pid), "R-14", LIB)
            victim.expect(False, 1)


@test
def several_processes_of_several_files_take_one_delta(place):
    with deltas(place) as d:
        with d.victim(1) as one:
            os.unlink(f"{d.dir}/run/{LIB}")
            with d.victim(1) as two, place.victim() as other:
                place.run("apply", d.patch, "--all", status=0)
                one.expect(True, 1)
                two.expect(True, 1)
                other.expect(False)
                place.run("revert", d.patch, "--all", status=0)
                one.expect(False, 1)
                two.expect(False, 1)

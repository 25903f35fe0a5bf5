# SPDX-License-Identifier: Apache-2.0
"""Programs that are not linked to a library of ours: the fix is in the program."""
import json
import os
import shutil
import subprocess

from stage import Victim, check, one_line, same, test

# What a program without any library needs: system calls and an entry.
BARE = r"""
int victim_answer(int x);
long call(long nr, long a, long b, long c);
__asm__("call:\n\tmov %rdi, %rax\n\tmov %rsi, %rdi\n\tmov %rdx, %rsi\n\tmov %rcx, %rdx\n"
	"\tsyscall\n\tret\n"
#ifndef UNABLE
	"restore:\n\tmov $15, %eax\n\tsyscall\n"
#endif
);
__attribute__((used)) static void serve(void)
{
	char c, line[] = "answer 00\n";
	call(1, 1, (long)"ready\n", 6);
	while (call(0, 0, (long)&c, 1) == 1) {
		int got = victim_answer(5);
		line[7] = (char)('0' + got / 10);
		line[8] = (char)('0' + got % 10);
		call(1, 1, (long)line, 10);
	}
	call(231, 0, 0, 0);
}
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tand $-16, %rsp\n\tcall serve\n");
"""
ANSWER = r"""
static long calls;
int victim_answer(int x)
{
	calls++;
#ifdef NEW
	int twice = x + x;
	return twice + x + 2;
#else
	return x * 2 + 1;
#endif
}
"""
SERVES = r"""
#include <stdio.h>
int victim_answer(int x);
int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (getchar() != EOF)
		printf("answer %d\n", victim_answer(5));
}
"""


def builds(place, name, sources, *flags):
    """The program built as OLD and as NEW, in folders of its own."""
    made = []
    for side, more in (("old", []), ("new", ["-DNEW"])):
        os.makedirs(place.path(f"{name}/{side}"))
        made.append(place.path(f"{name}/{side}/program"))
        subprocess.run(["gcc", "-O2", "-w", f"-Wl,--build-id=0x{os.urandom(20).hex()}", "-o",
                        made[-1], *sources, *more, *flags], check=True)
    return made


def hotpatch(place, name, old, new):
    """The hotpatch from one to the other: of the one function that changed, also where
    all of the C library is in the program."""
    patch = place.path(f"{name}/fix.graft")
    place.run("diff", old, new, "-o", patch, status=0)
    module = json.loads(place.run("show", patch, "--json", status=0).stdout)["modules"][0]
    same(module["functions"]["changed"], 1, "functions that changed")
    return patch


def goes(place, patch, victim, pid=None):
    """It is applied and taken back, and answers as it should each time."""
    for verb, want in (("", 11), ("apply", 17), ("revert", 11), ("apply", 17)):
        if verb:
            place.run(verb, patch, "--pid", str(pid or victim.pid), status=0)
        victim.tell("")
        same(victim.line(), f"answer {want}", f"the answer after {verb or 'the start'}")


def linked_in(place, name, *flags):
    return builds(place, name, [place.write(f"{name}.c", SERVES.encode()),
                                place.write(f"{name}-answer.c", ANSWER.encode())], *flags)


@test
def a_dynamic_program_is_switched(place):
    old, new = linked_in(place, "dynamic")
    with Victim(old) as victim:
        goes(place, hotpatch(place, "dynamic", old, new), victim)


@test
def a_stripped_program_is_switched(place):
    old, new = linked_in(place, "stripped", "-s")
    with Victim(old) as victim:
        goes(place, hotpatch(place, "stripped", old, new), victim)


@test
def a_static_program_that_may_stand_anywhere_is_switched(place):
    old, new = linked_in(place, "static-pie", "-static-pie", "-fPIE")
    with Victim(old) as victim:
        goes(place, hotpatch(place, "static-pie", old, new), victim)


FIXED = ("-no-pie", "-fno-pie", "-Wl,--emit-relocs")


@test
def a_program_at_a_fixed_address_with_its_relocations_is_switched(place):
    for name, flags in (("fixed", ()), ("fixed-static", ("-static",))):
        old, new = linked_in(place, name, *FIXED, *flags)
        patch = hotpatch(place, name, old, new)
        place.run("verify", "--against", old, new, patch, status=0)
        with Victim(old) as victim:
            goes(place, patch, victim)


@test
def a_program_at_a_fixed_address_without_its_relocations_is_a_baseline(place):
    old, new = linked_in(place, "static", "-static", "-no-pie", "-fno-pie")
    kept_old, kept_new = linked_in(place, "kept", *FIXED)
    for stripped in (kept_old, kept_new):
        subprocess.run(["strip", stripped], check=True)
    for before, after in ((old, new), (kept_old, kept_new)):
        done = place.run("diff", before, after, "-o", place.path("static/fix.graft"), status=4)
        check("R-01" in done.stdout and "fixed address" in done.stdout, done.stdout)
        check("--emit-relocs" in done.stdout, done.stdout)


def bare(place, name, *flags):
    sources = [place.write(f"{name}.c", BARE.encode()),
               place.write(f"{name}-answer.c", ANSWER.encode())]
    return builds(place, name, sources, "-nostdlib", "-fno-stack-protector", "-fPIE", *flags)


@test
def a_program_without_any_library_is_switched(place):
    for name, flag in (("bare", "-static-pie"), ("bare-ld", "-pie")):
        old, new = bare(place, name, flag)
        with Victim(old) as victim:
            goes(place, hotpatch(place, name, old, new), victim)


@test
def a_program_that_could_not_come_back_from_a_call_is_refused(place):
    """We leave a thread by its own return from a signal; this one has no code for that."""
    old, new = bare(place, "unable", "-static-pie", "-DUNABLE")
    patch = hotpatch(place, "unable", old, new)
    with Victim(old) as victim:
        one_line(place.run("apply", patch, "--pid", str(victim.pid), status=4),
                 str(victim.pid), "rt_sigreturn")
        victim.tell("")
        same(victim.line(), "answer 11", "the answer")


@test
def a_program_that_runs_as_its_owner_is_switched(place):
    old, new = linked_in(place, "setuid")
    os.chown(old, 65534, 65534)
    os.chmod(old, 0o6755)
    # Started by another user than the owner, so that the mode is what decides.
    with Victim("setpriv", "--reuid=1", "--regid=1", "--clear-groups", old) as victim:
        with open(f"/proc/{victim.pid}/status") as file:
            ids = dict(line.split(":\t") for line in file if "id:" in line)
        same(ids["Uid"].split()[:2], ["1", "65534"], "its user ids")
        goes(place, hotpatch(place, "setuid", old, new), victim)


@test
def the_first_process_of_a_container_is_switched(place):
    """Its own user, mount, process and network namespaces, and a copy of the program
    in a root of its own."""
    old, new = linked_in(place, "first", "-static-pie", "-fPIE")
    patch = hotpatch(place, "first", old, new)
    root = place.path("first/root")
    os.makedirs(f"{root}/bin")
    shutil.copy(old, f"{root}/bin/program")
    with Victim("unshare", "--user", "--map-root-user", "--mount", "--pid", "--net", "--fork",
                "chroot", root, "/bin/program") as victim:
        with open(f"/proc/{victim.pid}/task/{victim.pid}/children") as file:
            pid = int(file.read().split()[0])
        with open(f"/proc/{pid}/status") as file:
            inner = [line for line in file if line.startswith("NSpid")][0].split()
        same(inner[-1], "1", "its number in its own namespace")
        goes(place, patch, victim, pid)
        done = json.loads(place.run("status", "--pid", str(pid), "--json", status=0).stdout)
        same([h["state"] for p in done["processes"] for h in p["hotpatches"]], ["applied"],
             "state")


@test
def a_program_that_was_started_from_a_file_that_is_gone_is_switched(place):
    old, new = linked_in(place, "gone")
    patch = hotpatch(place, "gone", old, new)
    copy = place.path("gone/copy")
    shutil.copy(old, copy)
    with Victim(copy) as victim:
        os.unlink(copy)
        goes(place, patch, victim)


@test
def another_program_of_the_same_name_is_refused(place):
    old, new = linked_in(place, "named")
    other, _ = linked_in(place, "named2", "-O1", "-fno-inline")
    patch = hotpatch(place, "named", old, new)
    with Victim(other) as victim:
        one_line(place.run("apply", patch, "--pid", str(victim.pid), status=4),
                 str(victim.pid), "R-14")

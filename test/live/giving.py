# SPDX-License-Identifier: Apache-2.0
"""The memory of a hotpatch that was taken out: given back where nothing but its jumps led
to it, kept where something may, and `graft status` says why."""
import contextlib
import json
import os
import subprocess

from stage import check, same, test

# What each build answers to "4", and what else it does.
OLD = "int answer(int x) { return x * 2 + 1; }"
CODE = "int answer(int x) { return x > 100 ? x + 7 : x * 3 + 2; }"
LATER = "int answer(int x) { return x > 90 ? x * 9 : x * 5 + 4; }"
# In front of it: a function that changes too, and pages that nothing of it is carried in.
FAR = """int far(int x) { return x * %d + 3; }
void between(void) { __asm__(".skip 20000, 0x90"); }
"""
CONSTANT = """int answer(int x) {
	static const int table[] = { 5, 14, 9, 31, 8, 7, 22 };
	return table[x % 7];
}"""
OBJECT = "static int calls; int answer(int x) { return ++calls ? x * 4 : 0; }"
ADDED = """int (*volatile kept)(int);
__attribute__((noinline)) static int more(int x) { return x * 6; }
int answer(int x) { kept = more; return kept(x); }"""
PROGRAM = """#include <stdio.h>
#include <ucontext.h>
int answer(int x);
int main(int argc, char **argv) {
	int x;
	(void)argv;
	if (argc > 9) { ucontext_t a, b; SWITCH }
	while (scanf("%d", &x) == 1) { printf("%d\\n", answer(x)); fflush(stdout); }
}"""


class Library:
    """A library in several builds, and a program that asks it."""

    def __init__(self, place, name, builds, contexts=False, flags=()):
        self.place, self.dir = place, place.path(name)
        for side, source in builds.items():
            os.makedirs(self.path(side))
            self.cc(source, f"{side}/libanswer.so", "-shared", "-fPIC", "-fcf-protection=none",
                    *flags)
        self.cc(PROGRAM.replace("SWITCH", "swapcontext(&a, &b);" if contexts else ""), "program",
                self.path("old/libanswer.so"), f"-Wl,-rpath,{self.path('old')}")

    def path(self, name):
        return os.path.join(self.dir, name)

    def cc(self, source, to, *flags):
        subprocess.run(["gcc", "-O2", "-Wl,--build-id", "-x", "c", "-", "-x", "none", "-o",
                        self.path(to), *flags], input=source, text=True, check=True)

    def hotpatch(self, new):
        patch = self.path(f"{new}.graft")
        self.place.run("diff", self.path("old/libanswer.so"), self.path(f"{new}/libanswer.so"),
                       "-o", patch, status=0)
        return patch

    @contextlib.contextmanager
    def process(self):
        with subprocess.Popen([self.path("program")], stdin=subprocess.PIPE, text=True,
                              stdout=subprocess.PIPE) as process:
            try:
                self.ask(process, 9)
                yield process
            finally:
                process.kill()

    @staticmethod
    def ask(process, expected, text="4"):
        process.stdin.write(f"{text}\n")
        process.stdin.flush()
        same(process.stdout.readline().strip(), str(expected), "answer")


def series(place, name, count, source):
    """A library in so many builds after OLD, and a hotpatch to each."""
    library = Library(place, name, {"old": OLD} | {f"v{i}": source(i) for i in range(count)})
    return library, [library.hotpatch(f"v{i}") for i in range(count)]


def code_of(i):
    return f"int answer(int x) {{ return x > {90 + i} ? x + {i} : x * {10 + i} + {i}; }}"


def answer_of(i):
    return 4 * (10 + i) + i


def id_of(place, patch):
    return json.loads(place.run("show", patch, "--json", status=0).stdout)["id"]


def states(place, process):
    return sorted(h["state"] for h in hotpatches(place, process))


def mappings(process):
    with open(f"/proc/{process.pid}/maps") as file:
        return [line for line in file if "[heap]" not in line and "[stack]" not in line]


def hotpatches(place, process):
    done = place.run("status", "--pid", str(process.pid), "--json", status=0)
    return [h for p in json.loads(done.stdout)["processes"] for h in p["hotpatches"]]


@test
def code_that_nothing_leads_to_is_given_back(place):
    library = Library(place, "code", {"old": OLD, "new": CODE})
    patch = library.hotpatch("new")
    with library.process() as process:
        before, who = mappings(process), ("--pid", str(process.pid))
        for _ in range(20):
            place.run("apply", patch, *who, status=0)
            library.ask(process, 14)
            check(len(mappings(process)) > len(before), "a shadow is there")
            place.run("revert", patch, *who, status=0)
            library.ask(process, 9)
            same(mappings(process), before, "mappings")
        same(hotpatches(place, process), [], "nothing is left to tell of")
        same(place.run("recover", *who).returncode, 3, "nothing is left open")


def stays(place, name, source, answer, why, **how):
    library = Library(place, name, {"old": OLD, "new": source}, **how)
    patch = library.hotpatch("new")
    with library.process() as process:
        who = ("--pid", str(process.pid))
        place.run("apply", patch, *who, status=0)
        library.ask(process, answer)
        there = mappings(process)
        for _ in range(3):
            place.run("revert", patch, *who, status=0)
            library.ask(process, 9)
            [left] = hotpatches(place, process)
            same(left["state"], "reverted", "state")
            check(why in str(left["kept"]), f"{why!r} is not in {left['kept']!r}")
            text = place.run("status", "--pid", str(process.pid), status=0).stdout
            check(left["kept"] in text, text)
            place.run("apply", patch, *who, status=0)
            [left] = hotpatches(place, process)
            same(left["kept"], None, "what is in is not kept")
            library.ask(process, answer)
            same(len(mappings(process)), len(there), "it does not grow")


@test
def what_a_pointer_may_lead_to_is_kept_and_it_is_said_why(place):
    stays(place, "constant", CONSTANT, 8, "constants")
    stays(place, "object", OBJECT, 16, "objects")
    stays(place, "contexts", CODE, 14, "context", contexts=True)


@test
def a_function_whose_address_is_taken_is_kept(place):
    library = Library(place, "added", {"old": "int (*volatile kept)(int);" + OLD, "new": ADDED})
    patch = library.hotpatch("new")
    with library.process() as process:
        who = ("--pid", str(process.pid))
        place.run("apply", patch, *who, status=0)
        library.ask(process, 24)
        place.run("revert", patch, *who, status=0)
        library.ask(process, 9)
        [left] = hotpatches(place, process)
        check("functions" in left["kept"] or "constants" in left["kept"], left)
        same(left["pointers"], 1, "and the pointer is found")


@test
def the_one_before_is_kept_until_it_is_out_too(place):
    library = Library(place, "chain", {"old": OLD, "new": CODE, "later": LATER})
    first, second = library.hotpatch("new"), library.hotpatch("later")
    with library.process() as process:
        before, who = mappings(process), ("--pid", str(process.pid))
        place.run("apply", first, *who, status=0)
        one = mappings(process)
        place.run("apply", second, *who, status=0)
        library.ask(process, 24)
        kept = {h["state"]: h["kept"] for h in hotpatches(place, process)}
        same(kept["applied"], None, "the one that is in")
        check("goes back to it" in kept["replaced"], kept)
        place.run("revert", second, *who, status=0)
        library.ask(process, 14)
        same(mappings(process), one, "the newer one is given back")
        place.run("revert", first, *who, status=0)
        library.ask(process, 9)
        same(mappings(process), before, "both are given back")


@test
def what_is_three_behind_is_given_back_and_two_can_be_gone_back_to(place):
    library, patches = series(place, "series", 6, code_of)
    with library.process() as process:
        before, who = mappings(process), ("--pid", str(process.pid))
        sizes = []
        for i, patch in enumerate(patches):
            place.run("apply", patch, *who, status=0)
            library.ask(process, answer_of(i))
            sizes.append(len(mappings(process)))
            same(states(place, process), ["applied"] + ["replaced"] * min(i, 2), f"after {i}")
        check(sizes[0] < sizes[2], f"{sizes}: what can be gone back to is there")
        check(max(sizes[3:]) <= sizes[2], f"{sizes}: it grows no more")
        for i in (4, 3):
            place.run("revert", patches[i + 1], *who, status=0)
            library.ask(process, answer_of(i))
        # An apply that is taken back leaves the one before where it was.
        place.run("apply", patches[0], *who, status=0)
        library.ask(process, answer_of(0))
        place.run("revert", patches[0], *who, status=0)
        library.ask(process, answer_of(3))
        place.run("revert", patches[3], *who, status=0)
        library.ask(process, 9)
        same(mappings(process), before, "all is given back")


@test
def a_complete_revert_gives_back_all_that_was_replaced(place):
    library, patches = series(place, "complete", 3, code_of)
    with library.process() as process:
        before, who = mappings(process), ("--pid", str(process.pid))
        for patch in patches:
            place.run("apply", patch, *who, status=0)
        library.ask(process, answer_of(2))
        place.run("revert", patches[2], "--completely", *who, status=0)
        library.ask(process, 9)
        same(mappings(process), before, "all is given back")
        same(hotpatches(place, process), [], "nothing is left to tell of")


@test
def what_was_replaced_and_may_be_led_to_is_kept_and_used_again(place):
    def source(i):
        return CONSTANT.replace("5, 14", f"5, {14 + i}").replace("31, 8", f"31, {50 + i}")
    library, patches = series(place, "constants", 5, source)
    with library.process() as process:
        who = ("--pid", str(process.pid))
        for turn in range(3):
            for i, patch in enumerate(patches):
                place.run("apply", patch, *who, status=0)
                library.ask(process, 50 + i)
            if turn == 0:
                there = mappings(process)
            same(len(mappings(process)), len(there), "it does not grow")
            kept = [h["kept"] for h in hotpatches(place, process) if h["state"] == "reverted"]
            same(len(kept), 2, "kept though nobody goes back to them")
            check(all("constants" in why for why in kept), kept)
        same(states(place, process), ["applied", "replaced", "replaced", "reverted", "reverted"],
             "what becomes of five")


@test
def a_thousand_that_take_each_others_places_take_no_more_memory(place):
    library, patches = series(place, "storm", 5, code_of)
    with library.process() as process:
        who = ("--pid", str(process.pid))
        sizes = []
        for i in range(int(os.environ.get("GRAFT_TEST_ROUNDS", "100"))):
            # Back and forth, and ever another one.
            which = i % 2 if i % 20 < 10 else i % 5
            place.run("apply", patches[which], *who, status=None)
            library.ask(process, answer_of(which))
            sizes.append(len(mappings(process)))
        check(max(sizes[20:]) <= max(sizes[:20]), f"it grows: {sizes}")
        same(states(place, process), ["applied", "replaced", "replaced"], "no more are kept")


@test
def who_is_killed_while_it_gives_back_what_was_replaced_leaves_nothing_half(place):
    library, patches = series(place, "cut", 4, code_of)
    points = ("before-write:2", "before-write:3", "release-begin:1", "undo-unmap:1",
              "undo-unmap:2", "call-set:2", "call-made:3", "call-made:4", "state-write:5",
              "guardian-end:1", "ledger-finish:1")
    met = 0
    for point in points:
        for kind in "kill", "fail":
            for later in "", ",recover-begin:*:fail", "lost":
                with library.process() as process:
                    before, who = mappings(process), ("--pid", str(process.pid))
                    for patch in patches[:3]:
                        place.run("apply", patch, *who, status=0)
                    fault = f"{point}:{kind}" + (later and ",recover-begin:*:fail")
                    met += place.run("apply", patches[3], *who, fault=fault).returncode != 0
                    if later == "lost":
                        for name in os.listdir(place.state):
                            if name.startswith("ledger.db"):
                                os.unlink(os.path.join(place.state, name))
                    place.run("recover", *who)
                    same(place.run("recover", *who).returncode, 3, f"{fault}: left open")
                    now = hotpatches(place, process)
                    [top] = [h for h in now if h["state"] == "applied"]
                    library.ask(process, answer_of(2 if top["id"] == id_of(place, patches[2]) else 3))
                    # Another time it is as if nothing had been.
                    place.run("apply", patches[3], *who)
                    library.ask(process, answer_of(3))
                    place.run("revert", patches[3], "--completely", *who, status=0)
                    library.ask(process, 9)
                    same(mappings(process), before, f"{fault}: mappings in the end")
    check(met > 20, f"only {met} faults were met")


@test
def who_is_killed_while_it_gives_back_leaves_nothing_half(place):
    # What ends where the page begins goes in one call with it.
    one = Library(place, "killed", {"old": OLD, "new": CODE})
    two = Library(place, "killed2", {"old": FAR % 2 + OLD, "new": FAR % 5 + CODE},
                  flags=("-fno-toplevel-reorder",))
    both = ("release-begin:1", "state-write:3", "undo-unmap:1", "call-set:1", "call-entered:1",
            "call-made:1", "call-frame:1", "guardian-end:1", "ledger-finish:1")
    cut_while_giving_back(place, one, both)
    cut_while_giving_back(place, two, ("undo-unmap:1", "undo-unmap:2", "call-set:1",
                                       "call-entered:2", "call-made:1", "call-made:2"))


def cut_while_giving_back(place, library, points):
    patch = library.hotpatch("new")
    for point in points:
        for kind in "kill", "fail":
            # With what sees to it at once, and with what finds it later, with and
            # without the ledger.
            for later in "", ",recover-begin:*:fail", "lost":
                with library.process() as process:
                    before, who = mappings(process), ("--pid", str(process.pid))
                    place.run("apply", patch, *who, status=0)
                    fault = f"{point}:{kind}" + (later and ",recover-begin:*:fail")
                    done = place.run("revert", patch, *who, fault=fault)
                    check(done.returncode != 0 or kind == "fail", f"{fault} was not met: {done}")
                    if later == "lost":
                        for name in os.listdir(place.state):
                            if name.startswith("ledger.db"):
                                os.unlink(os.path.join(place.state, name))
                    place.run("recover", *who)
                    same(place.run("recover", *who).returncode, 3, f"{fault}: left open")
                    library.ask(process, 9)
                    left = hotpatches(place, process)
                    check([h["state"] for h in left] in ([], ["reverted"]), f"{fault}: {left}")
                    if not left:
                        same(mappings(process), before, f"{fault}: mappings")
                    place.run("apply", patch, *who, status=0)
                    library.ask(process, 14)
                    place.run("revert", patch, *who, status=0)
                    library.ask(process, 9)
                    same(mappings(process), before, f"{fault}: mappings in the end")

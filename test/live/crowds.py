# SPDX-License-Identifier: Apache-2.0
"""Several processes in one command: one guardian works on them one after the other, and
their intents and outcomes are one transaction each. What befalls one of them, or the tool,
or the guardian, must not befall the others."""
import contextlib
import json
import subprocess

from stage import check, same, settled, test

COUNT = 5
THREADS = 1
# Of the third process, wherever else the same point lies.
THIRD = ("guardian-begin:3", "guardian-end:3", "apply-stop:3", "apply-page:3", "apply-commit:3",
         "target-release:3")
OUT = ("guardian-begin:3", "guardian-end:3", "revert-stop:3", "revert-commit:3", "target-release:3")
# In the tool: nobody is begun, or those that the guardian was at.
TOOL = ("ledger-begin:3", "ledger-begun:3", "guardian-wait:1", "ledger-finish:3",
        "ledger-finished:3")


@contextlib.contextmanager
def crowd(place, applied=False):
    with contextlib.ExitStack() as stack:
        victims = [stack.enter_context(place.victim(THREADS)) for _ in range(COUNT)]
        if applied:
            place.run("apply", place.patch, *named(victims), status=0)
        yield victims


def named(victims):
    return [word for victim in victims for word in ("--pid", str(victim.pid))]


def outcomes(done):
    return {p["pid"]: p.get("error") for p in json.loads(done.stdout)["processes"]}


def all_again(place, victims):
    """Whatever happened: nothing is left open, and all can be done again."""
    states = []
    for victim in victims:
        states.append(settled(place, victim, THREADS))
    place.run("apply", place.patch, *named(victims))
    for victim in victims:
        victim.expect(True, THREADS)
    place.run("revert", place.patch, *named(victims), status=0)
    for victim in victims:
        victim.expect(False, THREADS)
        victim.untouched()
    return states


@test
def a_guardian_that_is_killed_is_followed_by_another_one_for_the_others(place):
    for verb, points in ("apply", THIRD), ("revert", OUT):
        for point in points:
            with crowd(place, verb == "revert") as victims:
                done = place.run(verb, place.patch, *named(victims), "--json",
                                 fault=f"{point}:kill")
                errors = outcomes(done)
                # Each guardian counts anew: of five the third is killed, and of the two
                # after it none.
                for i, victim in enumerate(victims):
                    failed = errors[victim.pid] is not None
                    same(failed, i == 2, f"{verb} {point}: {i}: {errors[victim.pid]}")
                    if i != 2:
                        victim.expect(verb == "apply", THREADS)
                check("killed by signal 9" in str(errors[victims[2].pid]), errors)
                # The tool lives, so it has seen to the third one too.
                same(place.run("recover", *named(victims)).returncode, 3, f"{point}: left over")
                all_again(place, victims)


@test
def what_fails_in_one_process_is_undone_there_and_the_others_are_done(place):
    for point in THIRD[2:5] + ("apply-jump:5",):
        with crowd(place) as victims:
            errors = outcomes(place.run("apply", place.patch, *named(victims), "--json",
                                        fault=f"{point}:fail"))
            failed = [victim for victim in victims if errors[victim.pid] is not None]
            same(len(failed), 1, f"{point}: {errors}")
            for victim in victims:
                victim.expect(victim not in failed, THREADS)
            all_again(place, victims)


@test
def a_tool_that_is_killed_leaves_whole_processes_and_a_true_ledger(place):
    for verb in "apply", "revert":
        for point in TOOL:
            with crowd(place, verb == "revert") as victims:
                done = place.run(verb, place.patch, *named(victims), fault=f"{point}:kill")
                same(done.returncode, -9, f"{point} was not met: {done}")
                states = all_again(place, victims)
                new = sum(state == ["applied"] for state in states)
                left = new if verb == "apply" else COUNT - new
                if point.startswith("ledger-beg"):
                    same(left, 0, f"{verb} {point}: begun without an intent on disk")
                if point.startswith("ledger-fin"):
                    # One that was busy has its turn after those of which this says how it went.
                    check(left > 0, f"{verb} {point}: written before anything was done")


@test
def an_intent_that_cannot_be_written_touches_nobody(place):
    for point in "ledger-begin:3", "ledger-begun:3":
        with crowd(place) as victims:
            maps = [victim.maps() for victim in victims]
            done = place.run("apply", place.patch, *named(victims), fault=f"{point}:fail")
            check(done.returncode != 0 and done.stdout == "", done)
            same([victim.maps() for victim in victims], maps, "mappings")
            log = place.run("recover", *named(victims))
            same(log.returncode, 3, "no entry is open")
            all_again(place, victims)


@test
def two_commands_at_once_do_all_of_both(place):
    with crowd(place) as victims:
        words = named(victims)
        for _ in range(3):
            pairs = [words[i:i + 2] for i in range(0, len(words), 2)]
            back = [word for pair in reversed(pairs) for word in pair]
            with place.start("apply", place.patch, *words, stderr=subprocess.DEVNULL) as one, \
                    place.start("apply", place.patch, *back, stderr=subprocess.DEVNULL) as two:
                codes = {one.wait(60), two.wait(60)}
            # Who comes second has nothing to do.
            check(codes <= {0, 3}, f"status {codes}")
            for victim in victims:
                victim.expect(True, THREADS)
            place.run("revert", place.patch, *words, status=0)
        for victim in victims:
            victim.untouched()
            same(place.states(victim.pid), ["reverted"], "one shadow")


@test
def an_apply_and_a_revert_at_once_end_in_one_of_both_states(place):
    seen = set()
    with place.victim(4) as victim:
        place.run("apply", place.patch, "--pid", str(victim.pid), status=0)
        place.revert(victim.pid)
        for number in range(100):
            words = [place.patch, "--pid", str(victim.pid)]
            verbs = ("apply", "revert") if number % 2 else ("revert", "apply")
            with place.start(verbs[0], *words, stderr=subprocess.PIPE) as one, \
                    place.start(verbs[1], *words, stderr=subprocess.PIPE) as two:
                said = one.communicate(timeout=60), two.communicate(timeout=60)
            codes = {one.returncode, two.returncode}
            # 3: it was so already.
            check(codes <= {0, 3}, f"{verbs} {codes}: {said}")
            state, = place.states(victim.pid)
            check(state in ("applied", "reverted"), state)
            victim.expect(state == "applied", 4)
            seen.add(state)
        same(place.run("recover", "--pid", str(victim.pid)).returncode, 3, "what is left open")
        victim.untouched()
        same(seen, {"applied", "reverted"}, "states that were seen")
        place.run("revert", place.patch, "--pid", str(victim.pid))
        victim.expect(False, 4)

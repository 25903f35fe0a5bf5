# SPDX-License-Identifier: Apache-2.0
"""Processes that cannot or must not be changed."""
import json
import os
import shutil
import signal
import subprocess
import time

from stage import (LONG, READ, SOURCES, Skip, Victim, check, code_of, errors_in, on_host, one_line, same,
                   state_of, status_of, test, threads_in, until, works_on)
from files import nobody

ON_A_PROCESS = ("plan", "apply", "revert", "status")


def each_verb(place, pid, *words, status=4, but=(), **how):
    """Every verb on one process refuses it in one line that names it."""
    for verb in ON_A_PROCESS:
        if verb in but:
            continue
        patch = () if verb == "status" else (place.patch,)
        done = place.run(verb, *patch, "--pid", str(pid), **how)
        want = status if not isinstance(status, dict) else status[verb]
        same(done.returncode, want, f"status of {verb}: {done.stdout}{done.stderr}")
        one_line(done, str(pid), *words)
        same(done.stdout, "", "standard output")


@test
def a_process_that_does_not_exist_is_said_to_be_none(place):
    with subprocess.Popen(["true"]) as gone:
        pass
    with place.unchanged():
        each_verb(place, gone.pid)
        each_verb(place, 2147483647)


@test
def of_several_processes_those_that_are_there_are_told_of(place):
    with place.victim() as victim:
        place.apply(victim.pid)
        both = ("status", "--pid", "2147483647", "--pid", str(victim.pid))
        done = place.run(*both, status=5)
        one_line(done, "2147483647")
        check(str(victim.pid) in done.stdout, done.stdout)
        done = place.run(*both, "--json", status=5)
        same([p["pid"] for p in json.loads(done.stdout)["processes"]], [victim.pid], "JSON")


@test
def a_zombie_is_said_to_have_exited(place):
    with subprocess.Popen(["true"]) as zombie:
        until(lambda: state_of(zombie.pid) == "Z", "it does not end")
        each_verb(place, zombie.pid, "exited")


@test
def a_thread_is_no_process(place):
    with place.victim(1) as victim:
        tid = next(int(t) for t in os.listdir(f"/proc/{victim.pid}/task")
                   if int(t) != victim.pid)
        with place.unchanged(victim.pid):
            for verb in ON_A_PROCESS:
                patch = () if verb == "status" else (place.patch,)
                done = place.run(verb, *patch, "--pid", str(tid))
                check(done.returncode in (4, 66, 67), f"{verb}: {done.returncode}")
                one_line(done, str(tid))
        victim.expect(False, 1)


@test
@on_host
def a_kernel_thread_is_refused_by_every_verb(place):
    if "Kthread" not in status_of(2) and status_of(2)["Name"] != "kthreadd":
        raise Skip("pid 2 is no kernel thread here")
    with place.unchanged():
        each_verb(place, 2, "kernel", status=67)
        # It is named once.
        done = place.run("plan", place.patch, "--pid", "2", status=67)
        check(errors_in(done.stderr)[0].endswith("): is a kernel thread"), done.stderr)
        check("help: It runs no file of this hotpatch. Leave it out." in done.stderr, done.stderr)


@test
@on_host
def the_first_process_is_refused_or_not_concerned(place):
    try:
        before = code_of(1)
    except PermissionError:
        before = None
    for verb in ("plan", "apply", "revert"):
        done = place.run(verb, place.patch, "--pid", "1")
        check(done.returncode in (3, 4, 67), f"{verb}: {done.returncode}")
        one_line(done, "pid 1")
    if before:
        same(code_of(1), before, "its code")


@test
def graft_does_not_work_on_itself(place):
    # The shell becomes graft: it is told its own number.
    for verb in ("plan", "apply", "revert"):
        done = place.run(verb, place.patch, "--pid", "1", prefix=(
            "sh", "-c", 'g="$1"; v="$2"; f="$3"; exec "$g" "$v" "$f" --pid $$', "sh"))
        check(done.returncode in (3, 4, 67, 84), f"{verb}: {done.returncode} {done.stderr}")
        one_line(done, "itself")


@test
def a_process_of_somebody_else_is_refused(place):
    state = place.path("state-nobody")
    os.mkdir(state)
    os.chown(state, 65534, 65534)
    with place.victim() as victim, place.unchanged(victim.pid):
        each_verb(place, victim.pid, state=state, prefix=nobody())
        done = place.run("apply", place.patch, "--all", state=state, prefix=nobody(), status=3)
        one_line(done)
    shutil.rmtree(state)


@test
def who_is_not_root_is_told_so_first(place):
    state = place.path("state-of-root")
    os.mkdir(state, 0o700)
    with place.victim() as victim, place.unchanged(victim.pid):
        for verb in ("apply", "revert"):
            done = place.run(verb, place.patch, "--pid", str(victim.pid), state=state,
                             prefix=nobody(), status=74)
            one_line(done)
            check(done.stderr.startswith(f"graft {verb}: root (CAP_SYS_PTRACE) is needed"),
                  done.stderr)
        done = place.run("recover", state=state, prefix=nobody(), status=74)
        check(done.stderr.startswith("graft recover: root (CAP_SYS_PTRACE)"), done.stderr)
        done = place.run("plan", place.patch, "--all", prefix=nobody(), status=3)
        one_line(done, "no process concerns it", "without root")
    shutil.rmtree(state)


@test
def a_user_may_hotpatch_a_process_of_his_own(place):
    state = place.path("state-nobody")
    os.mkdir(state)
    os.chown(state, 65534, 65534)
    with Victim(*nobody(), place.path("old/victim"), "2") as victim:
        done = place.run("apply", place.patch, "--pid", str(victim.pid), state=state,
                         prefix=nobody())
        if "ptrace_scope" in done.stderr:
            raise Skip("the kernel lets nobody trace")
        same(done.returncode, 0, f"status ({done.stderr})")
        victim.expect(True, 2)
        place.run("revert", place.patch, "--pid", str(victim.pid), state=state, prefix=nobody(),
                  status=0)
        victim.expect(False, 2)
    shutil.rmtree(state)


@test
def a_process_that_another_traces_is_refused_by_every_verb(place):
    with place.victim() as victim:
        with Victim(place.path("tracer"), str(victim.pid)) as tracer:
            for verb in ("apply",):
                done = place.run(verb, place.patch, "--pid", str(victim.pid), status=4)
                one_line(done, str(victim.pid), "trace", str(tracer.pid))
            same(status_of(victim.pid)["TracerPid"], str(tracer.pid), "tracer")
        with place.unchanged(victim.pid):
            victim.expect(False)
        place.apply(victim.pid)
        with Victim(place.path("tracer"), str(victim.pid)) as tracer:
            done = place.run("revert", place.patch, "--pid", str(victim.pid), status=4)
            one_line(done, str(victim.pid), "trace", str(tracer.pid))
        victim.expect(True)


@test
def a_refusal_says_what_would_help_once_for_all_of_its_kind(place):
    with place.victim() as one, place.victim() as two, Victim(place.path("tracer"), str(one.pid)), \
            Victim(place.path("tracer"), str(two.pid)), place.victim() as three:
        three.block()
        words = ("apply", place.patch, "--wait", "0.2") + tuple(
            word for v in (one, two, three) for word in ("--pid", str(v.pid)))
        done = place.run(*words, status=4)
        helps = [line for line in done.stderr.splitlines() if line not in errors_in(done.stderr)]
        same(len(errors_in(done.stderr)), 3, done.stderr)
        same(sorted(line.split(":")[2].split()[0] for line in helps), ["Detach", "R-13"], done.stderr)
        answer = json.loads(place.run(*words, "--json", status=4).stdout)
        said = {process["pid"]: process["error"]["help"] for process in answer["processes"]}
        same(said[one.pid], said[two.pid], "what helps both")
        check(said[one.pid].startswith("Detach") and "--wait" in said[three.pid], said)


@test
def a_32_bit_process_is_refused_by_every_verb(place):
    tiny = place.path("tiny32")
    if subprocess.run(["gcc", "-m32", "-nostdlib", "-static", "-fno-pie", "-no-pie", "-o", tiny,
                       os.path.join(SOURCES, "tiny32.c")], capture_output=True).returncode:
        raise Skip("gcc does not make 32-bit programs")
    with subprocess.Popen([tiny]) as process:
        try:
            with place.unchanged(process.pid):
                each_verb(place, process.pid, "32", status=67, but=("status",))
        finally:
            process.kill()


@test
def a_stopped_process_stays_stopped(place):
    with place.victim(3) as victim:
        os.kill(victim.pid, signal.SIGSTOP)
        until(lambda: state_of(victim.pid) == "T", "it does not stop")
        for verb, state in (("apply", True), ("revert", False), ("apply", True)):
            done = place.run(verb, place.patch, "--pid", str(victim.pid), "--wait", "1")
            check(done.returncode in (0, 4), f"{verb}: {done.returncode}: {done.stderr}")
            check(status_of(victim.pid)["State"].startswith("T (stopped)"),
                  f"{verb} let it run: {status_of(victim.pid)['State']}")
            if done.returncode == 4:
                one_line(done, str(victim.pid))
                state = False
                break
        os.kill(victim.pid, signal.SIGCONT)
        victim.expect(state, 3)


@test
def a_process_that_exits_while_it_is_waited_for_is_gone(place):
    with place.victim() as victim:
        victim.block()
        with place.start("apply", place.patch, "--pid", str(victim.pid), "--wait",
                         "60") as tool:
            works_on(tool)
            victim.process.kill()
            out, err = tool.communicate(timeout=5 * LONG)
        same((tool.returncode, out), (4, ""), f"status ({err})")
        check(("exited" in err or "no process" in err) and str(victim.pid) in err and len(errors_in(err)) == 1, err)
        check("help: It has ended, and its old code with it." in err, err)
    same(place.run("recover").returncode, 3, "nothing is left open")


@test
def a_process_that_becomes_another_program_is_left_alone(place):
    """exec() keeps the number of a process, and its start time, and changes all else."""
    source = place.write("becomes.c", b"""
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
int victim_block(int fd);
static int pipes[2];
static void *block(void *arg)
{
	victim_block(pipes[0]);
	return arg;
}
int main(void)
{
	pthread_t thread;
	if (pipe(pipes) != 0 || pthread_create(&thread, NULL, block, NULL) != 0)
		return 1;
	printf("ready\\n");
	fflush(stdout);
	(void)getchar();
	execl("/bin/cat", "cat", NULL);
	return 1;
}
""")
    subprocess.run(["gcc", "-O2", source, "-o", place.path("becomes"), place.old, "-pthread",
                    f"-Wl,-rpath,{place.path('old')}"], check=True)
    for seconds in (0, 0.1, 0.25, 0.4):
        with Victim(place.path("becomes")) as victim:
            until(lambda: threads_in(victim.pid, READ), "the thread does not block")
            with place.start("apply", place.patch, "--pid", str(victim.pid), "--wait",
                             "60") as tool:
                works_on(tool)
                time.sleep(seconds)
                victim.tell("x")
                _, err = tool.communicate(timeout=5 * LONG)
            same(tool.returncode, 4, f"status ({err})")
            same(len(errors_in(err)), 1, f"errors in {err}")
            check("help: It " in err, err)
            same(status_of(victim.pid)["Name"], "cat", "the program")
            same(status_of(victim.pid)["TracerPid"], "0", "tracer")
            check(not [m for m in code_of(victim.pid)[0] if "graft" in m], "something is left")
            victim.tell("echo")
            same(victim.line(), "echo", "the program works")
    same(place.run("recover").returncode, 3, "nothing is left open")


@test
def names_of_processes_that_would_steer_a_terminal_are_escaped(place):
    for name in (b"\x1b[31mred\nx", b"\x9b31m\xff\xfe", b"a\\b\"c\td", b"\xe2\x82", b"\xc2\x9b1m"):
        victim = start_named(place, name)
        with victim:
            place.apply(victim.pid)
            done = place.run("status", status=0)
            plain(done.stdout)
            plain(place.run("apply", place.patch, "--pid", str(victim.pid), status=3).stderr)
            for argv in (("status", "--json"),
                         ("apply", place.patch, "--pid", str(victim.pid), "--json"),
                         ("plan", place.patch, "--pid", str(victim.pid), "--json"),
                         ("revert", place.patch, "--pid", str(victim.pid), "--json")):
                text = place.run(*argv).stdout
                text.encode()  # fails if it is no UTF-8
                plain(text)
                json.loads(text)
            victim.expect(False)


def start_named(place, name):
    """A victim whose main thread is called so: Linux takes it from the file's name."""
    folder = os.fsencode(place.path("named"))
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name.replace(b"/", b"_"))
    shutil.copy(place.path("old/victim"), path)
    return Victim(path, "0")


def plain(text):
    bad = [c for c in text if ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160
           or 0xDC80 <= ord(c) <= 0xDCFF]
    check(not bad, f"{bad!r} in {text!r}")

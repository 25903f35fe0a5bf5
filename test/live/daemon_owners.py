# SPDX-License-Identifier: Apache-2.0
"""graftd: whose crash counts for whom."""
import contextlib
import os
import signal
import subprocess

from agent import Daemon, becomes
from daemon_events import CRASHES, IS, WAS, Ones, answer, has_connector, kept
from stage import Skip, Victim, check, on_host, one_line, same, test, until
from syncing import ONE_NEW, items

ONE_USER, OTHER_USER = 61235, 61236
# A server of root: its workers are another user, and only wait.
SERVER = """#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>
int one(int x);
int main(void) {
	int x;
	puts("ready");
	fflush(stdout);
	while (scanf("%%d", &x) == 1) {
		if (x == 99 && fork() == 0) {
			if (setresuid(%d, %d, %d)) return 1;
			printf("%%d\\n", (int)getpid());
			fflush(stdout);
			for (;;) pause();
		}
		if (x != 99) printf("%%d\\n", one(x));
		fflush(stdout);
	}
}""" % (ONE_USER, ONE_USER, ONE_USER)


def victim_of(daemon, user, program):
    """A process of a user, in the scope of the daemon."""
    def become():
        daemon.scope.enter()
        if user:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
    if not daemon.scope.group:
        raise Skip("no control group can be made here: the scope is one user")
    return Victim(program, preexec_fn=become)


def looked(daemon):
    """Wait for a look at all that begins after now."""
    looks = daemon.ask("status")["looks"]
    until(lambda: daemon.ask("status")["looks"] > looks + 1, "it does not look")


def dies(victim):
    victim.tell("10")
    until(lambda: victim.process.poll() is not None, "it does not crash")


@test
def one_user_alone_takes_a_hotpatch_from_nobody_else(place):
    ones = Ones(place, "alone", "a", "b")
    with Daemon(place, "interval = 1") as daemon, contextlib.ExitStack() as all_of_them:
        def begin(user, folder="a"):
            return all_of_them.enter_context(victim_of(daemon, user, ones.program(folder)))
        root, mine, mine_too, other = (begin(user) for user in
                                       (0, ONE_USER, ONE_USER, OTHER_USER))
        ones.put("a", CRASHES)
        for victim in root, mine, mine_too, other:
            becomes(victim, "2", IS)
        (patch,) = kept(place)
        dies(mine)
        # It goes back for him at once, and stays away.
        becomes(mine_too, "2", WAS)
        daemon.has("held_users", 1)
        daemon.has("hotpatched", 2)
        looked(daemon)
        same([answer(victim) for victim in (root, mine_too, other)], [IS, WAS, IS], "the answers")
        state = daemon.ask("status")
        same([(h["id"], h["user"], h["pid"], h["signal"]) for h in state["quarantine"]],
             [(patch, ONE_USER, mine.pid, signal.SIGILL)], "what is held")
        same([state[name] for name in ("quarantined", "withheld", "crashes", "reverted")],
             [0, 0, 1, 1], "what it counts")
        check("graft_hotpatches_held_for_users 1\n" in place.run(
            "daemon", "metrics", "--socket", daemon.socket, status=0).stdout, "the metrics")
        text = place.run("daemon", "status", "--socket", daemon.socket, status=0).stdout
        check(f"died of signal 4: for user {ONE_USER} alone" in text, text)
        got = items(place, mine_too.pid, status=4)
        check(f"in quarantine for user {ONE_USER}: process {mine.pid}" in got[0]["why"] and
              f"graft daemon release {patch}" in got[0]["why"], got[0]["why"])
        # So it is for who starts now, and after another graftd began.
        daemon.process.kill()
        daemon.process.wait()
        daemon.start()
        late, his_late = begin(0, "b"), begin(ONE_USER, "b")
        becomes(late, "2", IS)
        looked(daemon)
        same([answer(victim) for victim in (root, mine_too, other, his_late)],
             [IS, WAS, IS, WAS], "the answers after a restart")
        same(daemon.ask("status")["withheld"], 0, "what somebody reverted")
        # A second user is no accident any more.
        dies(other)
        for victim in root, late:
            becomes(victim, "2", WAS)
        daemon.has("quarantined", 1)
        state = daemon.ask("status")
        same([(h["id"], h.get("user"), h["pid"]) for h in state["quarantine"]],
             [(patch, None, other.pid)], "what is held for all")
        check("the second user" in daemon.said(), daemon.said())
        daemon.has("hotpatched", 0)
        daemon.ask("release", patch)
        for victim in root, late, mine_too, his_late:
            becomes(victim, "2", IS)
        same(daemon.ask("status")["quarantine"], [], "what is held after a release")


@test
def what_is_held_for_a_user_is_released(place):
    ones = Ones(place, "lifted", "a")
    with Daemon(place, "interval = 1") as daemon, \
            victim_of(daemon, ONE_USER, ones.program("a")) as one, \
            victim_of(daemon, ONE_USER, ones.program("a")) as other:
        ones.put("a", CRASHES)
        for victim in one, other:
            becomes(victim, "2", IS)
        (patch,) = kept(place)
        dies(one)
        becomes(other, "2", WAS)
        daemon.has("held_users", 1)
        file = f"{place.state}/hotpatches/{patch}.graft"
        done = place.run("apply", file, "--pid", str(other.pid), status=4)
        one_line(done, f"in quarantine for user {ONE_USER}")
        until(lambda: "in no process in scope of that user" in daemon.said(), "it goes on")
        daemon.ask("release", patch)
        becomes(other, "2", IS)
        same(daemon.ask("status")["held_users"], 0, "what is held for users")


@test
def a_revert_by_hand_counts_though_it_is_held_for_a_user(place):
    ones = Ones(place, "both", "a")
    with Daemon(place, "interval = 1") as daemon, \
            victim_of(daemon, 0, ones.program("a")) as root, \
            victim_of(daemon, ONE_USER, ones.program("a")) as one:
        ones.put("a", CRASHES)
        for victim in root, one:
            becomes(victim, "2", IS)
        (patch,) = kept(place)
        dies(one)
        daemon.has("held_users", 1)
        until(lambda: "in no process in scope of that user" in daemon.said(), "it goes on")
        place.run("revert", patch, "--pid", str(root.pid), status=0)
        daemon.has("withheld", 1)
        looked(daemon)
        same(answer(root), WAS, "the answer after a revert by hand")


@on_host
@test
def a_server_of_root_goes_with_the_workers_that_it_forks(place):
    ones = Ones(place, "server", "a", "b")
    with contextlib.suppress(OSError):
        os.remove(ones.program("b"))
    subprocess.run(["gcc", "-O2", "-x", "c", "-", "-o", ones.program("b"), f"-L{ones.dir}/a",
                    "-l:libone.so", f"-Wl,-rpath,{ones.dir}/a"], input=SERVER, text=True,
                   check=True)
    with Daemon(place, "interval = 1") as daemon, \
            victim_of(daemon, 0, ones.program("b")) as server, \
            victim_of(daemon, 0, ones.program("a")) as root:
        has_connector(daemon)
        ones.put("a", ONE_NEW)
        for victim in server, root:
            becomes(victim, "2", IS)
        workers = []
        for _ in range(2):
            server.tell("99")
            workers.append(int(server.line()))
        try:
            os.kill(workers[0], signal.SIGSEGV)
            daemon.has("held_users", 1)
            becomes(server, "2", WAS)
            looked(daemon)
            same((answer(server), answer(root)), (WAS, IS), "the answers")
            same(daemon.ask("status")["quarantined"], 0, "in quarantine for all")
        finally:
            os.kill(workers[1], signal.SIGKILL)

# SPDX-License-Identifier: Apache-2.0
"""graftd: who runs old code in its scope is hotpatched without anybody asking."""
import contextlib
import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

from agent import GRAFTD, Daemon, becomes
from stage import GRAFT, LONG, NEW, OLD, ROOT, Skip, Victim, check, same, test, until
from syncing import (LIBRARY, ONE_NEW, ONE_OLD, TWO, TWO_NEW, TWO_OLD, Upgrade,  # noqa: E402
                     compile_library)
from victim import state_of  # noqa: E402


def is_new(victim):
    return victim.ask()["answer"] == NEW


@test
def graftd_hotpatches_who_runs_old_code_and_nobody_out_of_its_scope(place):
    up = Upgrade(place, "daemon")
    with Daemon(place, "interval = 1") as daemon, up.start(1) as other, \
            daemon.victim(up.path("victim"), "3") as victim:
        up.put_new()
        until(lambda: is_new(victim), f"it is not hotpatched: {daemon.said()}")
        daemon.has("hotpatched", 1)
        state = daemon.ask("status")
        same((state["processes"], state["refused"], state["failures"]), (1, 0, 0), "of the scope")
        victim.expect(True, 3)
        victim.untouched()
        # Once is enough: it is not done again and again.
        applied = state["applied"]
        until(lambda: daemon.ask("status")["looks"] > state["looks"] + 1, "it looks no more")
        same(daemon.ask("status")["applied"], applied, "how often it was done")
        other.expect(False, 1)
        metrics = place.run("daemon", "metrics", "--socket", daemon.socket, status=0).stdout
        check("\ngraft_processes_hotpatched 1\n" in metrics, metrics)
        text = place.run("daemon", "status", "--socket", daemon.socket, status=0).stdout
        check("1 processes in scope: 1 hotpatched" in text, text)
        daemon.stop()
        check(not os.path.exists(daemon.socket), "its socket is left")
        victim.expect(True, 3)


@test
def graftd_tells_its_service_manager_that_it_is_ready_and_alive(place):
    with Daemon(place, watchdog=300000) as daemon:
        for _ in range(3):
            daemon.wait_for("WATCHDOG=1")
        # A worker that hangs is no longer vouched for.
        daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        daemon.notify.settimeout(0)
        try:
            while True:
                daemon.notify.recv(4096)
        except BlockingIOError:
            pass
        time.sleep(1)
        try:
            said = daemon.notify.recv(4096)
        except BlockingIOError:
            said = b""
        same(said, b"", "what it says while the worker is stopped")
        daemon.process.send_signal(signal.SIGCONT)
        daemon.wait_for("WATCHDOG=1")
        daemon.stop()


@test
def graftd_refuses_a_configuration_that_is_wrong_and_a_state_that_is_taken(place):
    with Daemon(place) as daemon:
        with daemon.launch() as second:
            same(second.wait(LONG), 84, "the status of a second one")
        check("another graftd works with" in daemon.said(), daemon.said())
        # That did not disturb the first.
        same(daemon.ask("status")["paused"], 0, "its state")
        with open(daemon.config, "a", encoding="utf-8") as file:
            file.write("wach = 1\n")
        with daemon.launch() as third:
            same(third.wait(LONG), 65, "the status with a wrong configuration")
        check("unknown key 'wach'" in daemon.said(), daemon.said())


@test
def graftd_waits_for_what_one_that_was_killed_leaves_for_a_moment(place):
    with Daemon(place) as daemon:
        daemon.stop()
        with open(f"{place.state}/graftd.lock", "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            timer = threading.Timer(0.3, fcntl.flock, (lock, fcntl.LOCK_UN))
            timer.start()
            daemon.start()
            timer.join()
        daemon.stop()


@test
def a_front_without_rights_serves_and_a_worker_has_those_that_it_needs(place):
    with Daemon(place) as daemon:
        def status(pid):
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        front, worker = status(daemon.front()), status(daemon.process.pid)
        check("0" not in front["Uid"].split() + front["Gid"].split(), f"{front}")
        for name in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"):
            same(int(front[name], 16), 0, f"{name} of the front")
        same((front["NoNewPrivs"], front["Seccomp"], front["Groups"].strip()), ("1", "2", ""),
             "what the front may gain")
        same((worker["Seccomp"], worker["CapEff"], worker["CapBnd"]),
             ("0", worker["CapPrm"], worker["CapPrm"]), "the worker")
        # CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT, CAP_SETFCAP: none of its affairs.
        for cap in (16, 17, 22, 31):
            check(not int(worker["CapBnd"], 16) >> cap & 1, f"the worker has capability {cap}")


@test
def whichever_process_of_graftd_is_killed_ends_the_other_and_harms_nobody(place):
    up = Upgrade(place, "daemon-killed")
    with Daemon(place, "interval = 1") as daemon, \
            daemon.victim(up.path("victim"), "3") as victim:
        up.put_new()
        until(lambda: is_new(victim), f"it is not hotpatched: {daemon.said()}")
        for who in ("worker", "front", "both"):
            front = daemon.front()
            if who != "worker":
                os.kill(front, signal.SIGKILL)
            if who != "front":
                daemon.process.kill()
            daemon.process.wait(LONG)
            until(lambda: not os.path.exists(f"/proc/{front}/exe") or
                  not os.path.lexists(f"/proc/{front}"), "the front goes on")
            victim.expect(True, 3)
            victim.untouched()
            daemon.start()
            daemon.has("hotpatched", 1)
            same(daemon.ask("status")["applied"], 0, "what it did anew")
            # It works on: who starts from old code is hotpatched.
        victim.expect(True, 3)
        victim.untouched()
        daemon.stop()


@test
def a_front_that_hangs_ends_with_its_worker(place):
    with Daemon(place) as daemon:
        for end in (signal.SIGKILL, signal.SIGABRT, signal.SIGTERM):
            front = daemon.front()
            os.kill(front, signal.SIGSTOP)
            daemon.process.send_signal(end)
            daemon.process.wait(LONG)
            until(lambda: state_of(front) in ("", "Z"), f"the front outlives signal {end}")
            daemon.start()
        daemon.stop()


def packet(kind, body=b"", magic=b"GrfD", more=0):
    """A message of the kind, as src/agent/message.h has it."""
    with open(f"{ROOT}/src/agent/message.c", encoding="utf-8") as file:
        version = int(re.search(r"\bVERSION = (\d+)", file.read())[1])
    return struct.pack("<4sHHII", magic, version, kind, 7, len(body) + more) + body


@contextlib.contextmanager
def in_place_of_the_front(daemon):
    """The front stands, and we have its end of the pair, as who took it over has."""
    front = daemon.front()
    os.kill(front, signal.SIGSTOP)
    pidfd = os.pidfd_open(front)
    try:
        for number in range(3, 64):
            # pidfd_getfd(2)
            fd = ctypes.CDLL(None).syscall(438, pidfd, number, 0)
            if fd < 0:
                continue
            with socket.socket(fileno=fd) as pair:
                if pair.family == socket.AF_UNIX and pair.type == socket.SOCK_SEQPACKET:
                    pair.settimeout(LONG)
                    yield pair
                    return
        raise AssertionError("the front has no end of a pair")
    finally:
        os.close(pidfd)


def replies(pair):
    """How many are there until the other side has ended."""
    count = 0
    with contextlib.suppress(ConnectionResetError):
        while got := pair.recv(65536):
            count += got[6:8] == b"\x10\0"
    return count


@test
def a_front_that_asks_without_pause_does_not_keep_the_worker_from_its_work(place):
    # All of it is there before it looks, and a signal: it ends without having answered all.
    with Daemon(place) as daemon, in_place_of_the_front(daemon) as pair:
        # While a run of graft goes on it does not end, and answers.
        own = f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children"
        until(lambda: open(own, encoding="ascii").read().split() == [str(daemon.front())],
              "a run goes on")
        daemon.process.send_signal(signal.SIGSTOP)
        until(lambda: state_of(daemon.process.pid) == "T", "it does not stop")
        pair.setblocking(False)
        # Some 270 have room.
        with contextlib.suppress(BlockingIOError):
            while True:
                pair.send(packet(1))
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.send_signal(signal.SIGCONT)
        pair.settimeout(LONG)
        answered = replies(pair)
        check(answered <= 64, f"{answered} were answered before it ended")
        same(daemon.process.wait(LONG), 0, "its exit status")
        daemon.process = None


@test
def a_front_that_says_what_is_no_message_ends_with_its_worker_and_harms_nobody(place):
    up = Upgrade(place, "malformed")
    good = struct.pack("<H", 32) + b"a" * 32
    with Daemon(place, "interval = 1") as daemon, daemon.victim(up.path("victim"), "1") as victim:
        up.put_new()
        until(lambda: is_new(victim), "it is not hotpatched")
        # One that is well formed is answered.
        with in_place_of_the_front(daemon) as pair:
            pair.send(packet(5, good))
            until(lambda: pair.recv(65536)[6:8] == b"\x10\0", "no answer")
            os.kill(daemon.front(), signal.SIGCONT)
        for what in (b"x", packet(1, magic=b"GrfE"), packet(1, more=1), packet(1, b"x"), packet(0x12),
                     packet(99), packet(5, b"\x20\0" + b"../" * 10 + b".."), packet(5, good + b"x"),
                     packet(5, good[:-1]), packet(5, good + bytes(9000))):
            with in_place_of_the_front(daemon) as pair:
                pair.send(what)
                check(daemon.process.wait(LONG) > 0, f"of {what[:20]!r}: {daemon.said()}")
            victim.expect(True, 1)
            victim.untouched()
            daemon.start()
            daemon.has("hotpatched", 1)
        daemon.stop()


@test
def graftd_killed_at_any_moment_of_its_work_leaves_processes_that_work(place):
    up = Upgrade(place, "midway")
    with Daemon(place, "interval = 1") as daemon:
        old = place.path("old/libvictim.so")
        for i in range(12):
            up.put(old)
            with daemon.victim(up.path("victim"), "3") as victim:
                up.put_new()
                place.run("daemon", "sync", "--socket", daemon.socket, status=0)
                time.sleep(0.01 * i)
                daemon.process.kill()
                daemon.process.wait()
                same(victim.ask()["bad"], 0, "bad answers")
                daemon.start()
                until(lambda: is_new(victim), f"it is not hotpatched: {daemon.said()}")
                victim.expect(True, 3)
                victim.let_go()
                victim.untouched()
        daemon.stop()


def say(daemon, data, uid=0, gid=0, groups=(), wait=True):
    """Say something over the socket as somebody; returns what comes back."""
    script = ("import os,socket,sys\n"
              f"os.setgroups({list(groups)!r}); os.setresgid({gid},{gid},{gid});"
              f" os.setresuid({uid},{uid},{uid})\n"
              "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
              "try:\n  s.sendall(sys.stdin.buffer.read())\nexcept OSError: pass\n"
              "try:\n  while True:\n    b = s.recv(65536)\n    if not b: break\n"
              "    sys.stdout.buffer.write(b)\nexcept OSError: pass\n")
    done = subprocess.run(["python3", "-c", script, daemon.socket], input=data,
                          capture_output=True, timeout=LONG)
    check(done.returncode == 0, done.stderr.decode())
    return done.stdout


@test
def who_may_not_ask_gets_a_clear_error_and_who_may_an_answer(place):
    with Daemon(place, "socket-group = games") as daemon:
        same(os.stat(daemon.socket).st_mode & 0o7777, 0o660, "the rights of the socket")
        games = os.stat(daemon.socket).st_gid
        check(games, "there is no group games")
        status, sync = b'{"verb":"status"}\n', b'{"verb":"sync"}\n'
        for who in ({"gid": games}, {"groups": [5, games]}, {}):
            uid = 4711 if who else 0
            got = json.loads(say(daemon, status, uid=uid, **{"gid": 0 if not who else 4711, **who}))
            check("processes" in got, f"{who}: {got}")
            got = json.loads(say(daemon, sync, uid=uid, **{"gid": 0 if not who else 4711, **who}))
            if who:
                same(got["error"]["code"], "not-permitted", f"{who} that has it look")
                check("only root" in got["error"]["message"], f"{got}")
            else:
                same(got, {"done": True}, "root that has it look")
        # Who gets past the rights of the file is asked who it is all the same.
        os.chmod(daemon.socket, 0o666)
        got = json.loads(say(daemon, status, uid=4711, gid=4711))
        same(got["error"]["code"], "not-permitted", "a stranger")
        os.chmod(daemon.socket, 0o660)
        os.chmod(daemon.dir, 0o755)
        tool = subprocess.run([GRAFT, "daemon", "status", "--socket", daemon.socket],
                              preexec_fn=lambda: (os.setgroups([]), os.setresgid(9, 9, 9),
                                                  os.setresuid(4711, 4711, 4711)),
                              capture_output=True, text=True)
        same(tool.returncode, 86, f"the status of graft as a stranger ({tool.stderr})")
        daemon.stop()
        done = place.run("daemon", "status", "--socket", daemon.socket, status=66)
        check("does not run" in done.stderr, done.stderr)


@test
def many_users_together_do_not_keep_root_out(place):
    with Daemon(place, "socket-group = games") as daemon:
        games = os.stat(daemon.socket).st_gid
        script = ("import os,socket,sys,time\n"
                  "os.setgroups([]); os.setresgid(*[int(sys.argv[2])] * 3)\n"
                  "os.setresuid(*[int(sys.argv[3])] * 3)\n"
                  "all = [socket.socket(socket.AF_UNIX) for _ in range(4)]\n"
                  "for one in all: one.connect(sys.argv[1])\n"
                  "print(flush=True)\n"
                  "time.sleep(60)\n")
        users = [subprocess.Popen(["python3", "-c", script, daemon.socket, str(games), str(4711 + i)],
                                  stdout=subprocess.PIPE) for i in range(6)]
        try:
            for user in users:
                user.stdout.readline()
            # None of their times is over yet.
            got = json.loads(say(daemon, b'{"verb":"status"}\n'))
            check("processes" in got, f"{got}")
        finally:
            for user in users:
                user.kill()
                user.communicate()
        daemon.stop()


@test
def requests_that_are_malformed_huge_or_slow_harm_nobody(place):
    with Daemon(place) as daemon:
        for data in (b"\n", b"x\n", b"{}\n", b'{"verb":"stat"}\n', b"[" * 900 + b"\n",
                     b'{"verb":"release","id":"../../x"}\n', b'{"verb":"status"}\0\n',
                     b'{"verb":"status","x":"y"}\n', bytes(range(256)) + b"\n"):
            got = json.loads(say(daemon, data))
            same(got["error"]["code"], "bad-input", f"of {data[:40]!r}")
        got = say(daemon, b"x" * (1 << 20))
        check(b'"limit"' in got or got == b"", f"of a huge one: {got[:100]}")
        # Many that say nothing: root still gets in when their time is over, and before.
        silent = []
        for _ in range(40):
            one = socket.socket(socket.AF_UNIX)
            one.connect(daemon.socket)
            silent.append(one)
        until(lambda: b"processes" in say(daemon, b'{"verb":"status"}\n'), "nobody gets in")
        for one in silent:
            one.close()
        # One that is cut, and one that does not listen.
        one = socket.socket(socket.AF_UNIX)
        one.connect(daemon.socket)
        one.send(b'{"verb":')
        one.close()
        for _ in range(50):
            one = socket.socket(socket.AF_UNIX)
            one.connect(daemon.socket)
            one.send(b'{"verb":"metrics"}\n')
            one.close()
        daemon.has("failures", 0)
        done = place.run("daemon", "release", "0" * 32, "--socket", daemon.socket, status=84)
        check("neither in quarantine" in done.stderr, done.stderr)
        daemon.stop()


@test
def graftd_that_is_paused_does_nothing_until_it_resumes(place):
    up = Upgrade(place, "paused")
    with Daemon(place, "interval = 1") as daemon, \
            daemon.victim(up.path("victim"), "1") as victim:
        daemon.ask("pause")
        up.put_new()
        daemon.ask("sync")
        daemon.stop()
        # Also after a restart.
        daemon.start()
        same(daemon.ask("status")["paused"], 1, "paused")
        looks = daemon.ask("status")["looks"]
        until(lambda: daemon.ask("status")["looks"] > looks + 1, "it does not look")
        victim.expect(False, 1)
        daemon.ask("resume")
        until(lambda: is_new(victim), "it is not hotpatched")
        daemon.stop()


@test
def who_cannot_be_hotpatched_is_counted_and_not_tried_again_and_again(place):
    up = Upgrade(place, "counted")
    with Daemon(place, "interval = 1") as daemon, \
            daemon.victim(up.path("victim"), "1") as victim:
        os.unlink(up.path(LIBRARY))
        daemon.has("restart", 1)
        runs = daemon.ask("status")["runs"]
        looks = daemon.ask("status")["looks"]
        until(lambda: daemon.ask("status")["looks"] > looks + 2, "it does not look")
        same(daemon.ask("status")["runs"], runs, "runs of graft meanwhile")
        check("needs a restart" in daemon.said() and "nothing on disk" in daemon.said(),
              daemon.said())
        # Another file comes there: now it can be.
        shutil.copy(place.path("new/libvictim.so"), up.path("x"))
        os.rename(up.path("x"), up.path(LIBRARY))
        until(lambda: is_new(victim), f"it is not hotpatched: {daemon.said()}")
        daemon.has("restart", 0)
        daemon.stop()

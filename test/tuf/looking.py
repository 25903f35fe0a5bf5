# SPDX-License-Identifier: Apache-2.0
"""When graftd looks for releases again after servers asked to be left alone, and what stays of what was
fetched."""
import contextlib
import os
import subprocess
import time

from carrying import Server
from releasing import built
from stage import Skip, check, each, same, test
from updating import Daemon, busy, by_hand, daemon_of, releases
from victim import until


def left_alone(seconds):
    def odd(handler, path, start):
        handler.send_response(503)
        handler.send_header("Retry-After", str(seconds))
        handler.give(b"")
        return True
    return odd


def at(device, name):
    try:
        with open(f"{device.state}/update/{name}", encoding="utf-8") as file:
            return int(file.read())
    except FileNotFoundError:
        return 0


@contextlib.contextmanager
def unchangeable(path):
    """Not even root removes what is in such a folder, nor puts another file in the place of such a one."""
    if subprocess.run(["chattr", "+i", path], capture_output=True, check=False).returncode:
        raise Skip("no file attributes here")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", path], check=True)


@test
def graftd_comes_back_no_sooner_than_a_server_asks_for(place):
    w, device = daemon_of(place)
    with Server(os.path.join(w.dir, "public")) as server:
        server.odd = busy
        with Daemon(device, [server.url]) as daemon:
            until(lambda: "no look before 7200 s" in daemon.said() or "no look before 7199 s" in daemon.said(),
                  "it says nothing: " + daemon.said())
            until(lambda: abs(at(device, "next") - time.time() - 7200) < 60, "the next look")
            asked = len(server.asked)
            time.sleep(2.5)
            same(len(server.asked), asked, "it was asked before")
        # Nor does one that is started anew.
        with Daemon(device, [server.url]) as daemon:
            until(lambda: "no look before" in daemon.said(), "it says nothing: " + daemon.said())
            time.sleep(2)
            same(len(server.asked), asked, "it was asked by the next one")
        # By hand it is asked, and what it says then is what counts.
        server.odd = None
        device.update("--dry-run", urls=[server.url])
        check(at(device, "not-before"), "a dry run changes nothing")
        device.update(urls=[server.url])
        same(at(device, "not-before"), 0, "none asks for it any more")
        # For no longer than a day, whatever a server says.
        device.is_at("2026-10", "2026-10")
        server.odd = left_alone(30 * 86400)
        with Daemon(device, [server.url]) as daemon:
            until(lambda: "no look before 86400 s" in daemon.said(), "it says nothing: " + daemon.said())
            until(lambda: abs(at(device, "next") - time.time() - 86400) < 60, "the next look")


@test
def a_wait_that_is_none_is_left_to_our_own_pauses(place):
    w, device = daemon_of(place)
    waits = ["-5", "Mon, 01 Jan 1990 00:00:00 GMT", "soon", "9" * 400]
    times = []

    def odd(handler, path, start):
        times.append(time.monotonic())
        return left_alone(waits[len(times) - 1])(handler, path, start)
    with Server(os.path.join(w.dir, "public")) as server:
        server.odd = odd
        device.update(urls=[server.url], status=92)
    same(len(times), len(waits), "how often it was asked")
    for pause, most in zip([b - a for a, b in zip(times, times[1:])], (1, 2, 4)):
        check(most / 2 <= pause < most + 2, times)
    same(at(device, "not-before"), 0, "nobody asked for a time")


@each([("a number beyond 32 bits", str(1 << 32)), ("the largest number", str((1 << 63) - 1)),
       ("the year 9999", "Fri, 01 Jan 9999 00:00:00 GMT")])
def a_wait_without_an_end_is_one_of_a_day(place, wait):
    w, device = daemon_of(place)
    with Server(os.path.join(w.dir, "public")) as server:
        server.odd = left_alone(wait)
        device.update(urls=[server.url], status=92)
        check(f"come back after {(1 << 32) - 1} s" in device.said, device.said)
        same(len(server.asked), 1, "how often it was asked")
        with Daemon(device, [server.url]) as daemon:
            until(lambda: "no look before 86400 s" in daemon.said(), "it says nothing: " + daemon.said())
        same(len(server.asked), 1, "it was asked by graftd")


@test
def devices_that_start_together_do_not_look_together(place):
    w, device = daemon_of(place)
    nexts = []
    with Server(os.path.join(w.dir, "public")) as server:
        for _ in range(4):
            began = time.time()
            with Daemon(device, [server.url], jitter=80000):
                until(lambda: at(device, "next") >= began - 1, "no next look")
                nexts.append(at(device, "next") - began)
            os.remove(f"{device.state}/update/next")
        same(server.asked, [], "it was asked at once")
    check(all(-1 <= one <= 80001 for one in nexts), nexts)
    # That four of eighty thousand are within a hundred happens once in ten million times.
    check(max(nexts) - min(nexts) > 100, nexts)


@test
def a_mirror_that_wants_to_be_left_alone_delays_nobody_whom_another_serves(place):
    w, device = daemon_of(place)
    with Server(os.path.join(w.dir, "public")) as good, Server(os.path.join(w.dir, "public")) as bad:
        bad.odd = left_alone(86400)
        device.update(urls=[bad.url, good.url])
        check(bad.asked, "it was not asked")
        same(at(device, "not-before"), 0, "when to look again")


@test
def what_cannot_be_removed_keeps_no_fix_from_a_device(place):
    w, device = daemon_of(place)
    stale = f"{device.state}/releases/public/targets/pool/GP-2025-0001/x.graft"
    os.makedirs(os.path.dirname(stale))
    with open(stale, "w", encoding="utf-8") as file:
        file.write("x")
    with Server(os.path.join(w.dir, "public")) as server, unchangeable(os.path.dirname(stale)):
        device.update(urls=[server.url])
        check("level = 2026-12" in device.conf(), device.conf())
        check("what is not needed stays: " in device.said and os.path.exists(stale), device.said)


@test
def what_cannot_be_remembered_is_said_beside_the_result(place):
    w, device = daemon_of(place)
    with Server(os.path.join(w.dir, "public")) as server:
        device.update(urls=[server.url])
        with unchangeable(f"{device.state}/update/last.json"):
            check("up to date" in device.update(urls=[server.url], status=3), device.said)
            check("not remembered: " in device.said, device.said)


@test
def what_nobody_lists_any_more_goes_and_nothing_else(place):
    repo, device, urls = by_hand(place, *releases())
    old = f"{device.state}/releases/public/targets/releases"
    repo.add_target("targets", "pool/GP-2026-0005/fix13.graft", built()["fix13.graft"])
    repo.add_target("targets", "releases/GP-2026-0006.json", releases()["GP-2026-0005"].replace(
        "GP-2026-0005", "GP-2026-0006").replace(
            '"level":"2026-12"', '"level":"2026-12.1"').replace(
                '"supersedes":["GP-2026-0003"]', '"supersedes":["GP-2026-0003","GP-2026-0005"]').encode())
    repo.publish("targets", "snapshot", "timestamp")
    device.update("--dry-run", urls=urls)
    names = os.listdir(old)
    same(len(names), 6, names)
    # What came in part of a file that is listed stays, and of another goes.
    partial = f"{device.state}/releases/partial"
    hashes = next(name.split(".")[0] for name in names if name.endswith("-0003.json"))
    os.makedirs(partial, exist_ok=True)
    for name in (hashes, "0" * 64):
        with open(f"{partial}/{name}", "w", encoding="utf-8") as file:
            file.write("{")
    for folder in ("repositories/own/public/targets/releases", "releases/public/targets/pool/GP-2025-0001"):
        os.makedirs(f"{device.state}/{folder}")
        with open(f"{device.state}/{folder}/x.json", "w", encoding="utf-8") as file:
            file.write("{")
    del repo.says["targets"]["targets"]["releases/GP-2026-0006.json"]
    repo.publish("targets", "snapshot", "timestamp")
    before = device.stored()
    device.update("--dry-run", urls=urls)
    check(set(before) <= set(device.stored()), "a dry run removed something")
    device.is_at("2026-10", "2026-12")
    device.update(urls=urls, status=3)
    left = device.stored()
    gone = sorted(name for name in before if name not in left)
    same(gone, sorted([f"releases/public/targets/releases/{n}" for n in names if n.endswith("-0006.json")]
                      + [f"releases/partial/{'0' * 64}", "releases/public/targets/pool/GP-2025-0001/x.json"]), "what went")
    check(not os.path.exists(f"{device.state}/releases/public/targets/pool/GP-2025-0001"), "an empty folder")
    same(sorted(os.listdir(old)), sorted(n for n in names if not n.endswith("-0006.json")), "what is listed")


@test
def what_cannot_be_right_is_not_fetched(place):
    repo, device, urls = by_hand(place, *releases())
    large = b" " * ((4 << 20) + 1)
    # What a role lists that was not delegated it is none, whatever its size.
    repo.delegate("targets", "team", paths=["x"])
    repo.add_target("team", "releases/GP-2026-0008.json", large)
    repo.publish("team", "targets", "snapshot", "timestamp")
    device.update("--dry-run", urls=urls)
    repo.add_target("targets", "releases/GP-2026-0009.json", large)
    repo.add_target("targets", "pool/GP-2026-0005/fix13.graft", built()["fix13.graft"] + b" ")
    repo.publish("targets", "snapshot", "timestamp")
    said = device.update("--json", urls=urls, status=65)["error"]
    check("releases/GP-2026-0009.json: releases have at most 4 MiB" in said["message"], said)
    same([t for t, _ in repo.asked_targets if "0009" in t], [], "it was fetched")
    del repo.says["targets"]["targets"]["releases/GP-2026-0009.json"]
    repo.publish("targets", "snapshot", "timestamp")
    said = device.update("--json", urls=urls, status=65)["error"]
    check("another file than the release names" in said["message"], said)
    same([t for t, _ in repo.asked_targets if t.startswith("pool/")], [], "it was fetched")
    check(any(t.startswith("releases/") for t, _ in repo.asked_targets), "nothing was fetched")

# SPDX-License-Identifier: Apache-2.0
"""Services that start from an old file of their own, and a machine that restarts for a release."""
import contextlib
import json
import os
import shutil
import sys
import time

from daemon import UNIT, is_whole
from services import DROP_IN, LIB, NAME, NEW, OLD
import victim
from victim import LONG, ROOT, check, same, test, until

sys.path.insert(0, f"{ROOT}/test/disk")
with contextlib.ExitStack() as known:
    # Its tests are of another suite.
    known.callback(victim.TESTS.__setitem__, slice(None), list(victim.TESTS))
    from cumulative import Releases, archive, hours  # noqa: E402

OWN = "/var/lib/test/old"


@test
def who_starts_from_an_old_file_of_its_own_is_hotpatched_before_main(place):
    services = place.begin()
    machine = services.machine
    services.start()
    machine.put("/etc/graft/graftd.conf", "interval = 1\nbefore-main = yes\n")
    machine.must("sh", "-c", f"rm -rf {OWN} && cp -a {LIB} {OWN}")
    mine = ("plain", "users", "all")
    folders = [f"/etc/systemd/system/{NAME}@{name}.service.d/own.conf" for name in mine]
    for path in folders:
        machine.put(path, f"[Service]\nBindReadOnlyPaths={OWN}:{LIB}\n")
    try:
        machine.must("systemctl", "daemon-reload")
        machine.must("systemctl", "start", UNIT)

        def started():
            machine.must("systemctl", "stop", *(services.unit(name) for name in mine))
            return [services.ask_all(name)[1:] for name in mine]
        same(started(), [(7, 7)] * 3, "before there is a hotpatch")
        services.install(NEW)
        until(lambda: services.all()[1] == [8], "they are not all hotpatched")
        # In a crowd of starts some run on without it, and get it at once.
        until(lambda: started() == [(8, 8)] * 3, f"not before main: {started()}")
        state = json.loads(machine.must("graft", "daemon", "status", "--json"))
        check(state["held_hotpatched"] >= 3, state)
    finally:
        machine.put("/etc/graft/graftd.conf", "interval = 1\n")
        machine.must("rm", *folders)
        machine.must("systemctl", "daemon-reload")


@test
def a_release_comes_by_graftd_restarts_the_machine_and_is_confirmed(place):
    services = place.begin()
    machine, pids = services.machine, services.start()
    releases = Releases(place).make(services.debs[NEW]).publish()
    shutil.copytree(f"{releases.repo}/public", f"{machine.root}/var/lib/test/repo")
    archive(machine, services.debs[OLD], services.debs[NEW])
    machine.must("apt-get", "update")
    machine.put("/etc/graft/graftd.conf", "interval = 1\nupdate = yes\nupdate-interval = 1\n"
                "update-jitter = 0\nrepository = file:///var/lib/test/repo\n"
                "trusted-root = /var/lib/test/repo/metadata/1.root.json\n")
    machine.put("/etc/graft/policy.conf", "space = 0\n")
    machine.put("/etc/graft/restart.conf", "warning = 0\n")
    machine.put("/var/lib/graft/device.conf", "edition = server\n", 0o600)
    machine.must("mkdir", "-p", DROP_IN)
    machine.must("ln", "-s", "/usr/share/graft/update.conf", DROP_IN)
    machine.must("systemctl", "daemon-reload")
    machine.must("systemctl", "enable", "--now", UNIT)

    def step():
        return json.loads(machine.run("graft", "restart", "status", "--json").stdout).get("step")
    until(lambda: step() == "waiting", "no update waits: " +
          machine.must("journalctl", "-u", UNIT, "-n", "20"))
    same(machine.must("dpkg-query", "-W", "-f", "${Version}", NAME), NEW, "what dpkg has")
    # What runs needs no restart for what could be hotpatched.
    services.become(NEW, pids)
    # Without a command of the configuration: this is no host of its own.
    said = machine.run("graft", "restart", "now")
    check("this is a container" in said.stderr, f"the host's own command: {said}")
    check(machine.holder.poll() is None, "it restarted")
    machine.put("/etc/graft/restart.conf", f"{hours(-1, 2)}warning = 0\n"
                "command = /usr/bin/systemctl reboot\n")
    machine.restarts()
    until(lambda: is_whole(machine), "graftd does not start with the machine")
    until(lambda: not step(), f"it is not confirmed: {step()}")
    with open(f"{machine.root}/var/lib/graft/device.conf", encoding="utf-8") as file:
        check("\nbaseline = 2026-10\n" in "\n" + file.read(), "its level")
    same(services.all()[1], [8], "what services answer")
    time.sleep(1)
    check(machine.holder.poll() is None, "it restarts again")

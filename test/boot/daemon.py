# SPDX-License-Identifier: Apache-2.0
"""graftd as a service: what systemd makes of it, what it makes of services, and what becomes of
them when it hangs, dies, stops or is upgraded."""
import errno
import json
import os
import signal
import time

from services import DROP_IN, NAME, NEW, NEWER, OLD, SANDBOXES, Services
from victim import check, same, test, until

UNIT = "graftd.service"


def main_pid(machine):
    return int(machine.show(UNIT, "MainPID"))


def processes(machine):
    """Those of the unit, by name: its numbers inside. Nobody while it is between two starts."""
    found = {}
    try:
        with open(f"{machine.group}/system.slice/{UNIT}/cgroup.procs", encoding="ascii") as file:
            pids = file.read().split()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV):
            return {}  # Its group has gone, before it was opened or since.
        raise
    for pid in pids:
        try:
            with open(f"/proc/{pid}/status", encoding="utf-8") as status:
                lines = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue  # It ended since it was listed.
        found.setdefault(lines["Name"], []).append(int(lines["NSpid"].split()[-1]))
    return found


def is_whole(machine):
    """It is active, with one worker and one front, and answers."""
    names = processes(machine) if machine.run("systemctl", "is-active", UNIT).returncode == 0 else {}
    return (len(names.get("graftd-front", ())) == 1 and
            names.get("graftd") == [main_pid(machine)] and
            machine.run("graft", "daemon", "status").returncode == 0)


def comes_back(machine, before):
    until(lambda: is_whole(machine) and main_pid(machine) != before,
          "graftd does not come back: " + machine.must("journalctl", "-u", UNIT, "-n", "20"))


@test
def graftd_is_active_when_it_is_ready_and_hotpatches_services_in_sandboxes(place):
    services = place.begin()
    machine, pids = services.machine, services.start()
    machine.must("systemctl", "enable", "--now", UNIT)
    # It is: nothing is waited for.
    same(machine.must("systemctl", "is-active", UNIT).strip(), "active", "the unit")
    machine.must("graft", "daemon", "status")
    same((machine.show(UNIT, "Type"), machine.show(UNIT, "NRestarts")), ("notify", "0"), "of it")
    services.install(NEW)
    services.become(NEW, pids)
    listed = json.loads(machine.must("graft", "status", "--json"))["processes"]
    same(sorted((p["unit"], p["pid"]) for p in listed),
         sorted((services.unit(name), pid) for name, pid in pids.items()), "graft status")
    until(lambda: f"{len(SANDBOXES)} hotpatched, 0 need a restart, 0 refused"
          in machine.must("graft", "daemon", "status"), machine.must("graft", "daemon", "status"))


@test
def the_journal_has_what_was_done_to_whom(place):
    services = place.begin()
    machine, pids = services.machine, services.start()
    machine.must("systemctl", "start", UNIT)
    services.install(NEW)
    services.become(NEW, pids)
    pid = pids["plain"]

    def entries():
        text = machine.must("journalctl", "-o", "json", f"GRAFT_PID={pid}", f"_SYSTEMD_UNIT={UNIT}",
                            f"_SYSTEMD_INVOCATION_ID={machine.show(UNIT, 'InvocationID')}")
        return [json.loads(line) for line in text.splitlines()]
    until(entries, "nothing in the journal")
    entry = entries()[0]
    same((entry["SYSLOG_IDENTIFIER"], entry["PRIORITY"]), ("graftd", "5"), "of the entry")
    kept = os.listdir(f"{machine.root}/var/lib/graft/hotpatches")
    check(any(name.startswith(entry["GRAFT_HOTPATCH"]) for name in kept), f"{entry}: {kept}")
    check(f"process {pid}: hotpatched" in entry["MESSAGE"], entry)


@test
def graftd_comes_back_when_it_is_killed_and_services_notice_nothing(place):
    services = place.begin()
    machine, pids = services.machine, services.start()
    machine.must("systemctl", "start", UNIT)
    services.install(NEW)
    services.become(NEW, pids)
    for who in ("graftd", "graftd-front"):
        before = main_pid(machine)
        machine.must("kill", "-9", str(processes(machine)[who][0]))
        comes_back(machine, before)
        services.become(NEW, pids)


@test
def graftd_that_hangs_is_restarted_by_the_watchdog_and_nothing_of_it_stays(place):
    services = place.begin()
    machine, pids = services.machine, services.start()
    machine.put(f"{DROP_IN}/watchdog.conf", "[Service]\nWatchdogSec=1\n")
    machine.must("systemctl", "daemon-reload")
    machine.must("systemctl", "start", UNIT)
    services.install(NEW)
    services.become(NEW, pids)
    for who in ("graftd-front", "graftd"):
        before = main_pid(machine)
        stopped = processes(machine)[who]
        machine.must("kill", "-STOP", *map(str, stopped))
        comes_back(machine, before)
        check(not set(stopped) & set(sum(processes(machine).values(), [])), f"{who} is left")
        services.become(NEW, pids)


@test
def graftd_stops_and_starts_and_services_notice_nothing(place):
    services = place.begin()
    machine, pids = services.machine, services.start()
    machine.must("systemctl", "start", UNIT)
    services.install(NEW)
    services.become(NEW, pids)
    before = main_pid(machine)
    machine.must("systemctl", "restart", UNIT)
    comes_back(machine, before)
    # One that hangs does not keep systemd for long.
    machine.must("kill", "-STOP", *map(str, processes(machine)["graftd-front"]))
    start = time.monotonic()
    machine.must("systemctl", "stop", UNIT)
    check(time.monotonic() - start < 20, "it takes its time to stop")
    same((machine.show(UNIT, "Result"), machine.show(UNIT, "ActiveState")),
         ("success", "inactive"), "how it stopped")
    check(not os.path.exists(f"{machine.root}/run/graft"), "its folder is left")
    same(os.path.exists(f"{machine.group}/system.slice/{UNIT}"), False, "its control group")
    services.become(NEW, pids)


@test
def an_upgrade_of_graft_restarts_graftd_and_its_removal_stops_it(place):
    services = place.begin()
    machine, pids = services.machine, services.start()
    machine.must("systemctl", "start", UNIT)
    services.install(NEW)
    services.become(NEW, pids)
    before = main_pid(machine)
    machine.must("sh", "-ec", "cd /var/lib/test; for p in graft graftd; do rm -rf new; "
                 "dpkg-deb -R ${p}_*_amd64.deb new; sed -i 's/^Version: .*/&+next/; "
                 "s/(= \\([^)]*\\))/(= \\1+next)/' new/DEBIAN/control; "
                 "dpkg-deb -Znone -b new $p-next.deb; done; dpkg -i graft-next.deb graftd-next.deb")
    comes_back(machine, before)
    services.become(NEW, pids)
    # And an upgrade of what they use is done by the new one.
    services.install(NEWER)
    services.become(NEWER, pids)
    # Who is removed runs no more; who was hotpatched stays so.
    machine.must("dpkg", "-r", "graftd")
    check(not os.path.exists(f"{machine.group}/system.slice/{UNIT}"), "it goes on")
    services.become(NEWER, pids)
    machine.must("dpkg", "-i", "/var/lib/test/graftd-next.deb")
    # It was enabled, and is; but whoever installs it starts it.
    same((machine.run("systemctl", "is-enabled", UNIT).stdout.strip(),
          machine.run("systemctl", "is-active", UNIT).stdout.strip()),
         ("enabled", "inactive"), "installed again")


@test
def members_of_the_group_may_ask_and_others_may_not(place):
    services = place.begin()
    machine = services.machine
    services.start()
    machine.must("systemctl", "start", UNIT)
    machine.must("sh", "-c", "id member || { useradd -G graft member && useradd stranger; }")

    def ask(who, verb):
        done = machine.run("setpriv", "--reuid", who, "--regid", who, "--init-groups",
                           "graft", "daemon", verb)
        return done.returncode, done.stderr
    same(ask("member", "status")[0], 0, "a member's status")
    same(ask("member", "metrics")[0], 0, "a member's metrics")
    status, why = ask("member", "sync")
    check(status == 86 and "only root" in why, f"a member has it look: {status} {why}")
    status, why = ask("stranger", "status")
    check(status == 86 and "members of the socket's group" in why, f"{status} {why}")


@test
def what_sync_says_of_a_unit_is_what_is_done_and_its_commands_restart_it(place):
    services = place.begin()
    machine, pids = services.machine, services.start()
    services.install(NEW)
    chosen = services.unit("all")
    for unit in (chosen, chosen.removesuffix(".service")):
        said = json.loads(machine.must("graft", "sync", "--dry-run", "--unit", unit, "--json"))
        same([(p["unit"], p["pid"]) for p in said["processes"]], [(chosen, pids["all"])], unit)
    machine.must("graft", "sync", "--unit", chosen)
    same({name: services.ask(name)[1] for name in SANDBOXES},
         {name: 8 if name == "all" else 7 for name in SANDBOXES}, "who answers what")
    # Nothing on disk any more that it could be brought to.
    machine.must("systemctl", "stop", *(services.unit(name) for name in SANDBOXES))
    services.install(OLD)
    pids = services.all()[0]
    machine.must("rm", f"/usr/lib/{NAME}/libone.so")
    said = json.loads(machine.must("graft", "sync", "--json", status=4))
    services.install(OLD)
    same(sorted(p["restart"] for p in said["processes"]),
         sorted(f"systemctl restart {services.unit(name)}" for name in SANDBOXES), "commands")
    for process in said["processes"]:
        machine.must("sh", "-c", process["restart"])
    now, answers = services.all()
    same((set(now.values()) & set(pids.values()), answers), (set(), [7]), "after the commands")

# SPDX-License-Identifier: Apache-2.0
"""Which devices get hotpatches, and why others do not."""
import json
import os

from stage import check, one_line, same, test

POLICY = """live-baseline = 2026-10 2026-11
distributions = any
space = 0
"""
DEVICES = [
    {"name": "db-1", "edition": "enterprise", "architecture": "amd64", "distribution": "debian-12",
     "baseline": "2026-10", "level": "2026-10", "space": 1 << 30, "agent": "0.1",
     "abilities": ["ptrace", "memory-write", "pidfd", "kcmp"]},
    {"name": "desk-7", "edition": "home", "architecture": "amd64", "distribution": "debian-12",
     "baseline": "2026-10", "level": "2026-10", "space": 1 << 30, "agent": "0.1",
     "abilities": ["ptrace", "memory-write", "pidfd", "kcmp"]},
    {"name": "old-3", "edition": "server", "architecture": "amd64", "distribution": "debian-12",
     "baseline": None, "level": None, "space": 1 << 30, "agent": "0.1", "abilities": [],
     "held": True, "colour": "blue"},
]


def put(place, name, text):
    path = place.path(name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def eligible(place, *argv, policy=POLICY, status=None):
    return place.run("eligible", "--policy", put(place, "who.conf", policy), *argv,
                     status=status)


@test
def each_device_is_told_what_it_gets_and_who_can_do_what(place):
    facts = put(place, "facts.json", json.dumps(DEVICES))
    said = json.loads(eligible(place, "--facts", facts, "--json", status=5).stdout)
    same([(d["name"], d["decision"], d["restart"], [r["reason"] for r in d["reasons"]])
          for d in said["devices"]],
         [("db-1", "hotpatch", False, []), ("desk-7", "cumulative", True, ["edition"]),
          ("old-3", "not ready", False, ["held"])], "decisions")
    same(said["devices"][0]["target"], "2026-11", "the level afterwards")
    reason = said["devices"][1]["reasons"][0]
    check("home" in reason["text"] and "enterprise, server" in reason["text"], reason["text"])
    same(reason["owner"], "administrator", "who can do something")
    text = eligible(place, "--facts", facts, "--explain", status=5).stdout
    check(f"administrator: {reason['remedy']}" in text, text)
    # One device, as an object by itself.
    alone = put(place, "one.json", json.dumps(DEVICES[0]))
    eligible(place, "--facts", alone, status=0)
    eligible(place, "--facts", put(place, "home.json", json.dumps(DEVICES[1])), status=4)


@test
def this_host_is_looked_at_without_facts(place):
    os.makedirs(place.state, exist_ok=True)
    settings = os.path.join(place.state, "device.conf")
    with open(settings, "w", encoding="utf-8") as file:
        file.write("baseline = 2026-10\nlevel = 2026-10\n")
    done = json.loads(eligible(place, "--json", status=0).stdout)
    same(done["devices"][0]["decision"], "hotpatch", "this host")
    with open(settings, "w", encoding="utf-8") as file:
        file.write("edition = home\nbaseline = 2026-10\nlevel = 2026-10\nheld = yes\n")
    done = json.loads(eligible(place, "--json", status=4).stdout)
    same([r["reason"] for r in done["devices"][0]["reasons"]], ["held"], "why not")
    with open(settings, "w", encoding="utf-8") as file:
        file.write("editoin = home\n")
    one_line(eligible(place, status=65), "device.conf", "line 1", "did you mean 'edition'?")
    with open(settings, "w", encoding="utf-8") as file:
        file.write("baseline = 2026-11\nlevel = 2026-10.1\n")
    one_line(eligible(place, status=65), "device.conf", "the baseline 2026-11 is later than the level 2026-10.1")
    # Of two lines neither counts: a hold that somebody else takes back below is none.
    for key, first, second in (("held", "yes", "no"), ("level", "2026-10", "2026-11"), ("baseline", "2026-10", "2026-07"),
                               ("edition", "server", "home")):
        with open(settings, "w", encoding="utf-8") as file:
            file.write(f"# By hand.\n{key} = {first}\n{key} = {second}\n")
        one_line(eligible(place, status=65), "device.conf", "line 3", f"{key} stands in line 2 already")


@test
def wrong_policies_and_facts_are_said(place):
    one_line(eligible(place, policy="edtions = server", status=65), "line 1", "'editions'")
    one_line(eligible(place, "--facts", put(place, "bad.json", "[{}"), status=65), "bad.json")
    one_line(eligible(place, "--facts", place.path("none.json"), status=66), "none.json")
    one_line(place.run("eligible", "--policy", place.path("none.conf"), status=66), "none.conf")
    one_line(eligible(place, "more", status=2))

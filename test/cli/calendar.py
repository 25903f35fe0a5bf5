# SPDX-License-Identifier: Apache-2.0
"""The calendar of releases."""
import json

from stage import check, one_line, same, test

SETTINGS = b"""# of a fleet
time-zone = UTC
unplanned-baseline = 2026-06 no hotpatch can carry it
out-of-band = 2026-05-16 hotpatch
group = databases hotpatch
group = desktops cumulative
"""


def calendar(place, text, *argv, status=0):
    path = place.path("days.conf")
    with open(path, "wb") as file:
        file.write(text)
    return place.run("calendar", "--config", path, *argv, status=status)


@test
def a_calendar_says_what_comes_and_who_restarts(place):
    said = json.loads(calendar(place, SETTINGS, "--year", "2026", "--json").stdout)
    june = next(r for r in said["releases"] if r["date"].startswith("2026-06"))
    same((june["date"], june["line"], june["unplanned"], june["reason"]),
         ("2026-06-09", "baseline", True, "no hotpatch can carry it"), "June")
    second = {o["group"]: (o["restarts"], o["hotpatches"]) for o in said["outlook"]
              if o["quarter"] == 2}
    same(second, {"databases": (2, 2), "desktops": (4, 0)}, "the second quarter")
    same([g["group"] for g in said["next_quarter"]["groups"]], ["databases", "desktops"],
         "who is told of the next quarter")
    text = calendar(place, SETTINGS, "-y2026").stdout
    check("2026-06-09  Tue  baseline, unplanned" in text, text)
    check("quarter 2: 2 restarts, 2 hotpatches" in text, text)
    # Without a year it is this one, and with no file there are defaults.
    check("Releases of " in place.run("calendar", status=0).stdout, "no year is shown")


@test
def a_calendar_can_be_subscribed_to(place):
    lines = calendar(place, SETTINGS, "--year", "2026", "--ics").stdout.splitlines()
    same((lines[0], lines[-1]), ("BEGIN:VCALENDAR", "END:VCALENDAR"), "what holds it")
    same(lines.count("BEGIN:VEVENT"), 13, "events")
    check("DTSTART:20260609T100000Z" in lines, "June")
    uids = [line for line in lines if line.startswith("UID:")]
    same(len(set(uids)), 13, "different events")


@test
def what_is_wrong_in_a_calendar_is_said(place):
    one_line(calendar(place, b"weekdy = 1", status=65), "line 1", "did you mean 'weekday'?")
    one_line(place.run("calendar", "--config", place.path("none"), status=66), "none")
    for argv in (["--year", "1999"], ["--year", "x"], ["--json", "--ics"], ["more"], ["--yeer"]):
        one_line(place.run("calendar", *argv, status=2))

# SPDX-License-Identifier: Apache-2.0
"""The configuration of graftd, and what is said where no daemon is."""
from stage import check, one_line, same, test


def config(place, text, status):
    path = place.path("graftd.conf")
    with open(path, "wb") as file:
        file.write(text)
    return place.run("config", "check", path, status=status)


@test
def a_configuration_is_checked_and_what_holds_is_printed(place):
    done = config(place, b"# only these\ninclude-user = 0\nwatch = 5\n", 0)
    lines = done.stdout.splitlines()
    for line in ("include-user = 0", "watch = 5", "interval = 300", "sync = yes"):
        check(line in lines, f"{line!r} is not in {lines}")
    # What is printed says the same.
    same(config(place, done.stdout.encode(), 0).stdout, done.stdout, "of what was printed")


@test
def what_is_wrong_in_a_configuration_is_said_with_its_line(place):
    for text, *words in ((b"\nwach = 5\n", "line 2", "wach", "'watch'"),
                         (b"interval = 0\n", "line 1", "interval", "1 to 86400"),
                         (b"sync\n", "line 1", "key = value"),
                         (b"watch = 1\nwatch = 1\n", "line 2", "line 1"),
                         (b"user = a\0b\n", "line 1", "no UTF-8"),
                         (b"include-user = no-such-user-x\n", "line 1", "no-such-user-x"),
                         (b"#" * (1 << 17), "limit")):
        done = config(place, text, 65)
        one_line(done, "graftd.conf", *words)
        same(done.stdout, "", "what is printed")
    one_line(place.run("config", "check", place.path("none.conf"), status=66), "none.conf")
    for argv in ([], ["chek"], ["check", "a", "b"], ["check", "--json"]):
        same(place.run("config", *argv).returncode, 2, f"status of {argv}")

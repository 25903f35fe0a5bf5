# SPDX-License-Identifier: Apache-2.0
"""The configuration of graftd, and what is said where no daemon is."""
import os

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


@test
def files_beside_a_configuration_are_checked_too(place):
    def put(name, text):
        with open(place.path(name), "wb") as file:
            file.write(text)

    put("restart.conf", b"hours = 02:00-05:00\ntime-zone = UTC\n")
    put("policy.conf", b"editions = server\n")
    put("calendar.conf", b"weekday = tuesday\n")
    done = config(place, b"include-user = 0\n", 0)
    for name in "restart", "policy", "calendar":
        check(f"# {place.path(name + '.conf')}: good\n" in done.stdout, done.stdout)
    same(config(place, done.stdout.encode(), 0).stdout, done.stdout, "of what was printed")
    # A typo in each: file, line, key, the nearest one; and all of them at once.
    for name, text, near in (("restart.conf", b"\nhuors = 1\n", "'hours'"), ("policy.conf", b"\nedition = x\n", "'editions'"),
                             ("calendar.conf", b"\nwekday = friday\n", "'weekday'")):
        with open(place.path(name), "rb") as file:
            good = file.read()
        put(name, text)
        key = text.decode().split()[0]
        one_line(config(place, b"", 65), place.path(name), "line 2", key, near)
        one_line(place.run("config", "check", place.path(name), status=65), place.path(name), "line 2", near)
        put(name, good)
        same(place.run("config", "check", place.path(name), status=0).stdout, f"# {place.path(name)}: good\n", name)
    put("restart.conf", b"huors = 1\n")
    put("policy.conf", b"edition = x\n")
    done = config(place, b"wach = 5\n", 65)
    same((done.stdout, done.stderr.count("\n")), ("", 3), done.stderr)
    for word in "'watch'", "'hours'", "'editions'":
        check(word in done.stderr, done.stderr)
    put("restart.conf", b"")
    put("policy.conf", b"")
    # What the lines lead to: a root that is there and is one, a name, a key.
    line = b"repository = https://example.org/r\nupdate = yes\n"
    one_line(config(place, line + f"trusted-root = {place.path('root.json')}\n".encode(), 66), "line 3", "root.json")
    put("root.json", b"{}")
    one_line(config(place, line + f"trusted-root = {place.path('root.json')}\n".encode(), 65), "line 3", "is no root")
    one_line(config(place, b"report-name = -x\n", 65), "report-name", "'-x'")
    one_line(config(place, b"report-key = /none.pem\n", 66), "report-key", "/none.pem")
    one_line(config(place, b"report-days = 93\n", 65), "line 1", "1 to 92")
    # No secret is printed with what holds, nor with what is wrong.
    done = config(place, b"report-key = pkcs11:token=x?pin-value=geheim\n", 86)
    one_line(done, "report-key", "--passphrase-file")
    check("geheim" not in done.stdout + done.stderr, done)
    secret = place.path("proxy")
    proxy = f"proxy = http://proxy:3128\nproxy-password-file = {secret}\n".encode()
    one_line(config(place, proxy, 66), "proxy-password-file", secret)
    put("proxy", b"me:geheim\n")
    os.chmod(secret, 0o644)
    one_line(config(place, proxy, 86), "proxy-password-file", "chmod 600")
    os.chmod(secret, 0o600)
    check("geheim" not in config(place, proxy, 0).stdout, "the password")
    # This device's own.
    config(place, b"", 0)
    state = place.path("state")
    os.makedirs(state, exist_ok=True)
    with open(f"{state}/device.conf", "w", encoding="utf-8") as file:
        file.write("levle = 2026-10\n")
    one_line(place.run("config", "check", place.path("graftd.conf"), "--state-dir", state, status=65), "device.conf",
             "line 1", "'level'")

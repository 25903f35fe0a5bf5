# SPDX-License-Identifier: Apache-2.0
"""`graft repo`: what it writes is read by our client and by another one, and what somebody
else put into its directory is never signed or published."""
import hashlib
import json
import os
import pty
import shutil
import subprocess
import termios
import time

import independent
from keys import canonical
from stage import ENV, HERE, LIMIT, check, each, later, same, test
from victim import until
from writer import GRAFT, KINDS, PASSPHRASE, Writer, openssl

# Whatever a canonical form might do otherwise.
ODD = {"é\n\"\\ \u2028": [-1, 0, 9007199254740991, None, True, False, "\u0001\u001f\u007f\t"],
       "b": {"Z": 1, "a": 2, "": 3, "\uff5e": "y"}, "a": []}


@each([(kind, kind) for kind in KINDS])
def what_is_written_is_read_by_two_clients(place, kind):
    w = Writer(place).init(kind=kind)
    custom = w.write("custom.json", json.dumps(ODD))
    w.run("add", w.write("file", "one"), w.write("file 2", "two"), "--prefix", "a/ü/", "--custom", custom,
          "--key", w.key("targets", kind))
    w.publish()
    w.both("a/ü/file", "a/ü/file 2")
    listed = w.run("list")
    check(f"{hashlib.sha256(b'one').hexdigest()}            3 a/ü/file\n" in listed, listed)
    # Byte for byte: what was signed is what the other canonical form gives.
    done = subprocess.run(["node", os.path.join(HERE, "js/check.cjs"), os.path.join(w.dir, "public/metadata")],
                          env={**ENV, "NODE_PATH": independent.modules()}, text=True,
                          capture_output=True, timeout=LIMIT, check=False)
    same((done.returncode, done.stderr), (0, ""), "signatures")
    same(int(done.stdout), 1 + 2 * 2 + 1, "how many there were")
    same(w.metadata("2.targets.json")["signed"]["targets"]["a/ü/file"]["custom"], ODD, "custom")


@test
def bins_hold_ten_thousand_targets(place):
    w = Writer(place).init("--bins", "64")
    for i in range(10000):
        w.write(f"many/d{i % 100}/t{i}", str(i))
    start = time.monotonic()
    w.run("add", w.path("many"), "--prefix", "x/", "--key", w.key("targets"))
    w.publish()
    print(f"# 10,000 targets staged and published in {time.monotonic() - start:.1f} s", flush=True)
    w.both("x/d34/t1234", "x/d0/t0")
    # One more concerns one bin, and neither targets nor another bin.
    w.add("x/more")
    same([r["name"][:4] for r in w.state()["roles"] if r["staged"]], ["bin-"], "staged")
    w.publish()
    w.both("x/more", "x/d34/t1234")
    same(w.role("targets")["live"]["version"], 1, "targets")
    same(len([l for l in w.run("list").splitlines() if l]), 10001, "listed")


@test
def a_delegated_role_has_keys_of_its_own(place):
    w = Writer(place).init()
    w.run("delegate", "desk", "--paths", "desk/*", "--add", w.key("desk"), "--key", w.key("targets"))
    text = w.run("publish", "--key", w.online, status=68)
    check("desk" in text and "0 good signatures, 1 are needed" in text, text)
    w.run("sign", "--key", w.key("desk"))
    w.publish()
    w.add("desk/a", key="desk")
    w.add("server/a", "other")
    w.publish()
    w.both("desk/a", "server/a")
    same(sorted(w.metadata("2.desk.json")["signed"]["targets"]), ["desk/a"], "of desk")
    # Nobody would ask it.
    text = w.run("add", w.path("new"), "--as", "server/b", "--role", "desk", status=84)
    check("do not ask role desk" in text, text)
    text = w.run("delegate", "desk", "--paths", "x", "--add", w.key("desk"), status=84)
    check("is called so" in text, text)


@test
def two_people_on_two_machines_meet_a_threshold(place):
    w = Writer(place)
    w.online = w.key("online", guarded=False)
    # Neither has the other's private key.
    w.run("init", "--key", f"root={w.key('anna')}", "--key", f"root={w.public('ben')}",
          "--threshold", "root=2", "--key", f"targets={w.key('anna')}", "--key",
          f"targets={w.public('ben')}", "--threshold", "targets=2",
          "--key", f"snapshot={w.online}", "--key", f"timestamp={w.online}")
    text = w.publish(status=68)
    check("1 good signatures, 2 are needed" in text, text)
    missing = w.role("root")["signatures"][0]["missing"]
    same(missing, [w.id(w.public("ben"))], "who must sign")
    bens = w.path("bens")
    shutil.copytree(w.dir, bens)
    check("--role root" in w.run("sign", "--key", w.key("ben"), at=bens, status=84), "a root is not named")
    w.run("sign", "--role", "targets", "--key", w.key("ben"), at=bens)
    said = w.run("sign", "--role", "root", "--key", w.key("ben"), at=bens)
    check("2 of 2 signatures" in said, said)
    for name in "root", "targets":
        w.run("sign", "--signatures", f"{bens}/staged/metadata/{name}.json")
    w.publish()
    w.fetch()
    # Ben's copy says something else by now.
    w.add("a", key="anna")
    other = w.path("other")
    shutil.copytree(w.dir, other)
    w.run("reset", at=other)
    w.run("add", w.write("evil", "evil"), "--as", "a", "--key", w.key("ben"), at=other)
    text = w.run("sign", "--signatures", f"{other}/staged/metadata/targets.json", status=69)
    check("says something else" in text, text)
    # Whose signature adds nothing.
    text = w.run("sign", "--signatures", f"{w.dir}/staged/metadata/targets.json", status=68)
    check("no signature in it" in text, text)


@each([(role, role) for role in ("root", "targets", "snapshot", "timestamp", "desk")])
def keys_are_rotated_under_a_threshold_of_two(place, role):
    w = Writer(place)
    w.online = w.key("online1", guarded=False)
    second = w.key("online2", guarded=False)
    keys = [w.key("one"), w.key("two")]
    named = [word for name, own in (("root", keys), ("targets", keys), ("snapshot", [w.online, second]),
                                    ("timestamp", [w.online, second]))
             for key in own for word in ("--key", f"{name}={key}")]
    w.run("init", *named, *[x for r in ("root", "targets", "snapshot", "timestamp")
                            for x in ("--threshold", f"{r}=2")])
    online = ["--key", w.online, "--key", second]
    both = ["--key", keys[0], "--key", keys[1]]
    w.run("publish", *online)
    w.run("delegate", "desk", "--paths", "desk/*", "--add", keys[0], "--add", keys[1], "--threshold", "2", *both)
    w.run("add", w.write("f", "content"), "--as", "desk/f", *both)
    w.run("publish", *online)
    w.both("desk/f")
    is_online = role in ("snapshot", "timestamp")
    new = [w.key("three", guarded=not is_online), w.key("four", guarded=not is_online)]
    old = [w.id(k) for k in ([w.online, second] if is_online else keys)]
    w.run("rotate", role, "--add", new[0], "--add", new[1], "--remove", old[0], "--remove", old[1][:12], *both)
    new_keys = ["--key", new[0], "--key", new[1]]
    if not is_online:
        # The old keys alone do not do.
        text = w.run("publish", *online, status=68)
        check("signatures, 2 are needed" in text, text)
        w.run("sign", "--role", role, *new_keys)
    else:
        text = w.run("publish", *online, status=68)
        check(role in text, text)
    w.run("publish", *online, *(new_keys if is_online else []))
    w.both("desk/f")
    # Whoever knows the first root only gets there, too.
    w.fetch("desk/f", name="late")
    w.fetch_js("desk/f", name="late-js")
    if not is_online:
        text = w.run("refresh", "--role", role, *both)
        check("must still sign" in text, text)


@test
def what_expires_is_renewed(place):
    w = Writer(place).init()
    w.fetch()
    check("expired" in w.fetch(after=3, status=1), "a timestamp")
    w.run("refresh", "--key", w.online, after=3)
    w.fetch(after=3)
    same((w.state()["timestamp"]["version"], w.state()["snapshot"]["version"]), (2, 1), "versions")
    # The snapshot follows when half of its time is over.
    w.run("refresh", "--key", w.online, after=10)
    same((w.state()["timestamp"]["version"], w.state()["snapshot"]["version"]), (3, 2), "versions")
    w.fetch(after=10)
    w.run("refresh", "--key", w.online, after=100)
    check("targets" in w.fetch(after=100, status=1), "targets")
    text = w.run("status", after=100)
    check("targets: version 1, EXPIRED" in text, text)
    w.write("late", "late")
    w.run("refresh", "--role", "targets", "--key", w.key("targets"), after=100)
    w.publish(after=100)
    w.fetch(after=100)
    # What is staged for too long is not published.
    w.run("refresh", "--role", "targets", "--key", w.key("targets"))
    check("expired" in w.publish(after=200, status=90), "staged")


@test
def keys_that_are_not_kept_are_refused(place):
    w = Writer(place).init()
    w.add("a")
    before = w.state()
    key = w.key("targets")
    # A wrong passphrase, none, none at all.
    for text, status in (("wrong\n", 86), ("", 66), ("\n", 86)):
        w.passphrases = w.write("passphrases", text, 0o600)
        w.run("add", w.path("new"), "--as", "b", "--key", key, status=status)
    w.passphrases = w.write("passphrases", PASSPHRASE + "\n", 0o640)
    text = w.run("sign", "--key", key, status=86)
    check("others may read" in text and "0640" in text, text)
    w.passphrases = w.write("passphrases", PASSPHRASE + "\n", 0o600)
    os.chmod(key, 0o604)
    text = w.run("sign", "--key", key, status=86)
    check("others may read" in text, text)
    same(w.state(), before, "what is staged")
    # Content wants a key that a thief of the file cannot use.
    naked = w.key("naked", guarded=False)
    w.run("rotate", "targets", "--add", naked, "--key", w.key("root"))
    text = w.run("sign", "--key", naked, status=84)
    check("needs a passphrase" in text, text)
    # And never one that is online.
    w.run("reset")
    text = w.run("rotate", "targets", "--add", w.online, status=84)
    check("such a key is online" in text, text)
    text = w.run("rotate", "snapshot", "--add", w.key("targets"), status=84)
    check("such a key is online" in text, text)
    text = w.run("sign", "--key", w.key("targets"), status=66)
    check("nothing is staged" in text, text)
    w.add("b")
    text = w.run("sign", "--key", w.key("root"), status=84)
    check("no key of what is staged" in text, text)
    text = w.run("sign", "--key", w.public("targets"), status=84)
    check("cannot sign" in text, text)


@test
def a_passphrase_comes_through_a_descriptor_and_from_no_other_place(place):
    w = Writer(place).init()
    w.run("add", w.write("f", "x"))
    # The terminal is asked, and there is none.
    command = [c for c in w.command("sign", "--key", w.key("targets")) if c != "--passphrase-file"]
    command.remove(w.passphrases)
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False,
                          input=PASSPHRASE + "\n", start_new_session=True)
    same(done.returncode, 66, done.stderr)
    check("there is no terminal" in done.stderr, done.stderr)
    source, sink = os.pipe()
    os.write(sink, f"{PASSPHRASE}\n".encode())
    os.close(sink)
    done = subprocess.run([*command, "--passphrase-fd", str(source)], pass_fds=[source], text=True,
                          capture_output=True, timeout=LIMIT, check=False, stdin=subprocess.DEVNULL)
    os.close(source)
    same(done.returncode, 0, done.stderr)
    # In no argument and in no place of a URI.
    for word in "pin-value=1234", "pin-source=file:/x":
        text = w.run("sign", "--key", f"pkcs11:token=x;object=y?module-path=/x.so&{word}", status=86)
        check("no part of a command line" in text, text)


@test
def a_passphrase_is_asked_for_on_the_terminal(place):
    w = Writer(place).init()
    w.run("add", w.write("f", "x"))
    command = [c for c in w.command("sign", "--key", w.key("targets")) if c != "--passphrase-file"]
    command.remove(w.passphrases)
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)
    text = b""
    while b"Passphrase" not in text:
        text += os.read(terminal, 1024)
    until(lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO, "the echo stays on", 10)
    os.write(terminal, f"{PASSPHRASE}\n".encode())
    try:
        while more := os.read(terminal, 4096):
            text += more
    except OSError:
        pass
    same(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, text)
    os.close(terminal)
    check(PASSPHRASE.encode() not in text, "it was shown")
    check(b"1 of 1 signatures" in text, text)


def change(path, old, new):
    with open(path, "r+b") as file:
        data = file.read()
        check(old in data, f"{old} is not in {path}")
        file.seek(0)
        file.truncate()
        file.write(data.replace(old, new))


@test
def what_is_staged_and_tampered_with_is_not_published(place):
    w = Writer(place).init()
    w.add("a", "content")
    path = os.path.join(w.dir, "staged/metadata/targets.json")
    digest = hashlib.sha256(b"content").hexdigest().encode()
    target = os.path.join(w.dir, "staged/targets", f"{digest.decode()}.a")
    change(target, b"content", b"c0ntent")
    check("it is not what was staged" in w.publish(status=65), "a target")
    os.remove(target)
    w.publish(status=66)
    w.add("a", "content")
    change(path, digest, hashlib.sha256(b"c0ntent").hexdigest().encode())
    check("0 good signatures" in w.publish(status=68), "metadata")
    same(w.role("targets")["live"]["version"], 1, "what is live")
    # Who signs now sees what it says.
    w.run("reset")
    change(os.path.join(w.dir, "public/metadata/1.targets.json"), b'"targets":{}',
           b'"targets":{"evil":{"length":1,"hashes":{"sha256":"00"}}}')
    text = w.run("add", w.path("new"), "--as", "a", "--key", w.key("targets"), status=68)
    check("targets version 1, which is live" in text, text)


@test
def what_is_built_upon_is_the_newest(place):
    w = Writer(place).init("--bins", "2")
    w.add("a")
    w.publish()
    name = next(r["name"] for r in w.state()["roles"] if r["live"]["version"] == 2)
    # Somebody hides the newest version, so that a release is lost when the next is signed.
    newest = os.path.join(w.dir, f"public/metadata/2.{name}.json")
    os.rename(newest, w.path("kept"))
    for action in (["add", w.path("new"), "--key", w.key("targets")], ["refresh", "--key", w.online]):
        text = w.run(*action, status=65)
        check(f"{name} version 2 is listed as live" in text, text)
    os.rename(w.path("kept"), newest)
    w.add("b")
    w.publish()
    w.fetch("a", "b")


@test
def a_directory_with_other_roots_is_found_out_by_who_knows_one(place):
    w = Writer(place).init()
    root = w.write("root.json", json.dumps(w.metadata("1.root.json")))
    shutil.copy(os.path.join(w.dir, "public/metadata/1.root.json"), root)
    w.run("rotate", "root", "--add", w.key("root2"), "--key", w.key("root"))
    w.publish()
    w.run("status", "--trusted-root", root)
    # Somebody made it all anew, and lists the keys that people have.
    shutil.rmtree(w.dir)
    w.run("init", "--key", f"root={w.key('thief')}", "--key", f"targets={w.public('targets')}",
          "--key", f"targets={w.key('thief')}", "--key", f"snapshot={w.online}", "--key",
          f"timestamp={w.online}")
    w.publish()
    w.run("add", w.write("evil", "evil"), "--key", w.key("thief"))
    text = w.run("sign", "--key", w.key("targets"), "--trusted-root", root, status=68)
    check("none of this repository" in text, text)


@test
def a_thief_of_the_online_keys_cannot_make_all_later_versions_old_for_good(place):
    w = Writer(place).init()
    w.fetch()
    # With the key: a timestamp and a snapshot of very high versions.
    huge = 1 << 60
    data = w.metadata("1.snapshot.json")["signed"]
    data["version"] = huge
    key = w.online

    def seal(signed, name):
        text = canonical(signed).encode()
        path = w.write("sign-this", text)
        sig = openssl("pkeyutl", "-sign", "-rawin", "-in", path, "-inkey", key).hex()
        keyid = w.metadata("1.root.json")["signed"]["roles"]["snapshot"]["keyids"][0]
        with open(os.path.join(w.dir, "public/metadata", name), "w", encoding="utf-8") as file:
            json.dump({"signatures": [{"keyid": keyid, "sig": sig}], "signed": signed}, file)
    seal(data, f"{huge}.snapshot.json")
    data = w.metadata("timestamp.json")["signed"]
    data.update(version=huge, meta={"snapshot.json": {"version": huge}})
    seal(data, "timestamp.json")
    w.fetch()
    text = w.run("refresh", "--key", w.online, status=84)
    check("somebody has the online keys" in text, text)
    new = w.key("online3", guarded=False)
    for role in "snapshot", "timestamp":
        w.run("rotate", role, "--add", new, "--remove", w.id(key), "--key", w.key("root"))
    w.online = new
    w.publish()
    same((w.state()["timestamp"]["version"], w.state()["snapshot"]["version"]), (1, 2), "versions")
    w.both()
    w.run("refresh", "--key", new)
    w.both()


@test
def what_is_staged_wrongly_does_not_keep_from_a_refresh(place):
    w = Writer(place).init()
    w.add("a")
    w.write("repo/staged/metadata/targets.json", "{")
    w.run("status", status=65)
    w.run("refresh", "--key", w.online)
    w.run("reset", "--role", "targets")
    same(w.state()["timestamp"]["version"], 2, "timestamp")
    w.fetch()


@test
def what_is_signed_is_seen_first(place):
    w = Writer(place).init()
    w.run("add", w.write("f", "x"), "--as", "a/thing")
    w.passphrases = w.write("passphrases", "wrong\n", 0o600)
    done = subprocess.run(w.command("sign", "--key", w.key("targets")), env=ENV, capture_output=True, text=True,
                          timeout=LIMIT, stdin=subprocess.DEVNULL, check=False)
    same(done.returncode, 86, done.stderr)
    check("+ a/thing" in done.stdout and "0 of 1 signatures" in done.stdout, done.stdout)


@test
def what_somebody_else_staged_is_not_signed_unseen(place):
    w = Writer(place).init("--bins", "4")
    w.run("add", w.write("evil", "evil"), "--as", "x/evil")
    for more in (["add", w.write("f", "x"), "--as", "a"], ["refresh", "--role", "bins"]):
        done = subprocess.run([*w.command(more[0]), *more[1:], "--key", w.key("targets")], env=ENV, text=True,
                              capture_output=True, timeout=LIMIT, check=False, stdin=subprocess.DEVNULL)
        same(done.returncode, 84, done.stderr)
        check("has not signed it" in done.stderr, done.stderr)
    w.publish(status=68)
    w.run("reset")
    w.add("a")
    w.add("b")
    w.publish()
    w.fetch("a", "b")
    # A root that somebody staged is signed by nobody who does not name it.
    w.run("rotate", "root", "--add", w.key("thief"))
    check("--role root" in w.run("sign", "--key", w.key("root"), status=84), "root")
    check("has not signed it" in w.run("rotate", "targets", "--add", w.key("x"), "--key", w.key("root"), status=84), "")


@test
def what_no_client_takes_is_not_copied_first(place):
    w = Writer(place).init()
    with open(w.write("huge", ""), "wb") as file:
        file.truncate(1 << 40)
    start = time.monotonic()
    text = w.run("add", w.path("huge"), "--as", "huge", "--key", w.key("targets"), status=65)
    check("larger than the 8589934592 bytes" in text, text)
    check(time.monotonic() - start < 5, "it was copied")
    same(w.role("targets")["staged"], None, "what is staged")


@test
def two_writers_do_not_mix(place):
    w = Writer(place).init("--bins", "16")
    running = []
    for i in range(6):
        path = w.write(f"n/{i}", str(i))
        running.append(subprocess.Popen(w.command("add", path, "--as", f"n/{i}", "--key", w.key("targets")),
                                        env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
    for child in running:
        same((child.wait(LIMIT), child.stderr.read()), (0, b""), "a writer")
        child.stderr.close()
    w.publish()
    w.both(*[f"n/{i}" for i in range(6)])


@test
def wrong_command_lines_are_said(place):
    w = Writer(place)
    for words in (["init"], ["add"], ["what"], ["add", "x"], ["status", "x", "y"], ["status", "x", "--key", "k"],
                  ["rotate", "x"], ["sign", "x", "--passphrase-file", "a", "--passphrase-fd", "3"]):
        done = subprocess.run([GRAFT, "repo", *words], capture_output=True, text=True, timeout=LIMIT, check=False)
        same((done.returncode, done.stderr.count("\n")), (2, 1), f"{words}: {done.stderr}")
    text = w.run("status", status=66)
    check("graft repo init" in text, text)
    check("root has no key" in w.run("init", "--bins", "4", status=65), "no keys")
    on = w.key("online", guarded=False)
    keys = ["--key", f"root={w.key('root')}", "--key", f"targets={w.key('targets')}", "--key",
            f"snapshot={on}", "--key", f"timestamp={on}"]
    check("a threshold of 2, and 1 keys" in w.run("init", *keys, "--threshold", "targets=2", status=65), "")
    check("a power of two" in w.run("init", *keys, "--bins", "3", status=65), "bins")
    check("roles are" in w.run("init", *keys, "--days", "tagrets=2", status=65), "a role")
    w.init()
    check("there is a repository" in w.run("init", *keys, status=84), "init")
    odd = w.write("odd.json", '{"\U0001f600": 1}')
    check("beyond U+FFFF" in w.run("add", w.write("f", "x"), "--custom", odd, status=65), "custom")
    for path in "a\U0001f600", "/a", "a//b", "../a", "a/.b", "a?", "", "a%2f", "a\n":
        check("no path of a target" in w.run("add", w.write("f", "x"), "--as", path, status=65), path)
    check("no such target" in w.run("remove", "nobody", status=66), "remove")
    check("no key of the role" in w.run("rotate", "root", "--remove", "abcdef", status=66), "rotate")
    check("what is to be another" in w.run("rotate", "root", status=65), "rotate")
    check("nothing is staged" in w.publish(status=66), "publish")
    w.add("a")
    w.add("b")
    w.publish()
    w.run("remove", "a", "--key", w.key("targets"))
    w.publish()
    same([l.split()[-1] for l in w.run("list").splitlines()], ["b"], "what is left")
    w.fetch("b")
    w.fetch("a", name="other", status=1)


@each([(day, day) for day in ("1970-01-01", "1999-01-01", "2025-12-31")])
def a_clock_that_was_never_set_signs_nothing(place, day):
    w = Writer(place).init()
    w.add("b")
    before = sorted(os.listdir(os.path.join(w.dir, "public/metadata")))
    for words in ("publish", "--key", w.online), ("refresh", "--key", w.online):
        done = subprocess.run([*later(at=f"@{day} 12:00:00"), *w.command(*words)], env={**ENV, "TZ": "UTC"}, capture_output=True,
                              text=True, check=False, timeout=LIMIT, stdin=subprocess.DEVNULL)
        same(done.returncode, 84, done.stderr)
        check(f"the clock of this host is wrong: it says {day}T12:00" in done.stderr, done.stderr)
    same(sorted(os.listdir(os.path.join(w.dir, "public/metadata"))), before, "what is served")
    w.publish()

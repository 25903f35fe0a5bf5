# SPDX-License-Identifier: Apache-2.0
"""`graft compliance`: a host says where it stands, signed; reports of several are collected, carried
out and verified; and what a courier can do about that."""
import copy
import datetime
import functools
import io
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import tempfile

from carrying import Server
from keys import Key, canonical
from stage import ENV, LIMIT, Skip, check, each, later, same, test
from releasing import make, release
from updating import Device, begin, nobody
from victim import until
from writer import GRAFT, PASSPHRASE, Writer

NOW = datetime.datetime.now(datetime.timezone.utc)
BIG = 1 << 20


def instant(days=0.0):
    return (NOW + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def graft(*words, status=0, state="", after=0, env=None):
    """Run graft; returns what it printed, and what was wrong."""
    head = [*later(after), GRAFT] + (["--state-dir", state] if state else [])
    done = subprocess.run([*head, *words], env={**ENV, **(env or {})}, capture_output=True, text=True, timeout=LIMIT,
                          check=False, stdin=subprocess.DEVNULL)
    check(status is None or done.returncode == status, f"{words}: {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def comply(*words, **more):
    return graft("compliance", *words, **more)


@functools.cache
def sample():
    """What a host that never looked for releases signs."""
    with tempfile.TemporaryDirectory() as folder:
        return json.loads(comply("report", "--name", "sample", state=f"{folder}/s")[0])["signed"]


class Host:
    """A host whose key and reports are made here: it says what it likes."""

    def __init__(self, fleet, name):
        self.fleet, self.name, self.key, self.serial = fleet, name, Key(), 100

    def signed(self, **more):
        self.serial += 1
        return {**copy.deepcopy(sample()), "host": self.name, "key": self.key.public, "serial": self.serial,
                "made": instant(), "expires": instant(14), **more}

    def report(self, signer=None, **more):
        key, signed = signer or self.key, self.signed(**more)
        return self.sealed(signed, key)

    def sealed(self, signed, key=None):
        key = key or self.key
        says = {"signatures": [{"keyid": key.id, "sig": key.sign(canonical(signed).encode())}], "signed": signed}
        return json.dumps(says, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    def enroll(self, *words, **more):
        says = {"_type": "graft-compliance-key", "host": self.name, "key": self.key.public}
        return self.fleet.comply("enroll", self.fleet.dir, self.fleet.write("key", json.dumps(says)), *words, **more)


class Fleet(Writer):
    """A directory outside, with what was brought there."""

    def __init__(self, place):
        super().__init__(place)
        self.dir = self.path("fleet")
        os.makedirs(self.path("state"))

    def comply(self, *words, **more):
        return comply(*words, **more)

    def host(self, name):
        host = Host(self, name)
        host.enroll()
        return host

    def bundle(self, *parts):
        """A bundle; a part is a name and bytes, or what tarfile knows of it."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            for name, data in parts:
                info = data if isinstance(data, tarfile.TarInfo) else tarfile.TarInfo(name)
                if not isinstance(data, tarfile.TarInfo):
                    info.size = len(data)
                tar.addfile(info, io.BytesIO(data) if isinstance(data, bytes) else None)
        return out.getvalue()

    def bring(self, *parts, flags=(), status=0, data=None, path=None, **more):
        """Import parts; returns how many were new and known, and why others were refused."""
        path = path or self.write("bundle.tar", self.bundle(*parts) if data is None else data)
        said = json.loads(self.comply("import", path, self.dir, "--json", *flags, status=status, **more)[0])
        return said["new"], said["known"], [(r["name"], r["code"], r["message"]) for r in said["refused"]]

    def take(self, host, data, **more):
        return self.bring((f"reports/{host.name}.json", data), **more)

    def refused(self, host, data, code, words, **more):
        """A report is refused, and what is stored is as it was."""
        before = self.stored()
        new, known, why = self.take(host, data, status=4, **more)
        same((new, known, len(why), why[0][1]), (0, 0, 1, code), why)
        check(words in why[0][2], why)
        same(self.stored(), before, "what is stored")

    def stored(self):
        found = {}
        for folder, _, names in os.walk(self.dir):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    found[os.path.relpath(os.path.join(folder, name), self.dir)] = file.read()
        return found

    def status(self, *words, **more):
        return json.loads(self.comply("status", self.dir, "--json", *words, **more)[0])

    def states(self, **more):
        return {h["host"]: h["state"] for h in self.status(**more)["hosts"]}


@test
def reports_go_out_of_an_air_gap_and_are_counted(place):
    fleet = Fleet(place)
    inside = fleet.path("inside")
    os.makedirs(inside)
    for name in "web-1", "web-2":
        state = fleet.path(f"state-{name}")
        comply("key", "--name", name, "-o", fleet.path(f"{name}.key"), state=state)
        comply("report", "--name", name, "-o", inside, state=state)
        same(os.stat(f"{state}/compliance/key.pem").st_mode & 0o777, 0o600, "mode of the key")
    fleet.write("inside/README", "none")
    same(fleet.comply("collect", fleet.path("b.tar"), inside)[0], "2 reports\n", "collected")
    # Plain tar, and the same reports are the same bundle.
    with tarfile.open(fleet.path("b.tar")) as tar:
        same(tar.getnames(), ["reports/web-1.json", "reports/web-2.json"], "names")
    fleet.comply("collect", fleet.path("c.tar"), f"{inside}/web-2.json", inside)
    with open(fleet.path("b.tar"), "rb") as one, open(fleet.path("c.tar"), "rb") as other:
        same(one.read() == other.read(), True, "the same bundle")
    same(fleet.comply("enroll", fleet.dir, fleet.path("web-1.key"), fleet.path("web-2.key"))[0], "web-1\nweb-2\n", "")
    same(fleet.comply("import", fleet.path("b.tar"), fleet.dir)[0], "2 new, 0 known, 0 refused\n", "imported")
    same(fleet.comply("import", fleet.path("b.tar"), fleet.dir)[0], "0 new, 2 known, 0 refused\n", "once more")
    same(fleet.states(status=4), {"web-1": "unknown", "web-2": "unknown"}, "states")
    text = fleet.comply("status", fleet.dir, status=4)[0]
    check(text.endswith("2 hosts: unknown 2, silent 0; late 0\n"), text)
    # One report alone, without a bundle.
    comply("report", "--name", "web-1", "-o", inside, state=fleet.path("state-web-1"))
    same(fleet.comply("import", f"{inside}/web-1.json", fleet.dir)[0], "1 new, 0 known, 0 refused\n", "alone")
    # Forgotten.
    fleet.comply("remove", fleet.dir, "web-2")
    same(list(fleet.states(status=4)), ["web-1"], "removed")
    fleet.comply("remove", fleet.dir, "web-2", status=66)


@test
def a_device_says_what_it_has_and_should_have(place):
    w = begin(place)
    device = Device(w)

    def report(after=0):
        return json.loads(comply("report", "--name", "d", state=device.state, after=after)[0])["signed"]
    said = report()
    same((said["state"], said["look"], said["update"]), ("unknown", None, None), "before it looked")
    same((said["facts"]["level"], said["facts"]["baseline"], said["facts"]["edition"]),
         ("2026-10", "2026-10", "server"), "facts")
    device.is_at("2026-10", "2026-10", "held = yes\n")
    device.update(status=4)
    said = report()
    same(said["state"], "not-ready", "held")
    same([(r["reason"], r["owner"], r["remedy"]) for r in said["update"]["device"]["reasons"]],
         [("held", "administrator", "release the hold")], "reasons")
    same((said["look"]["failures"], said["look"]["error"]), (0, None), "look")
    device.is_at("2026-10", "2026-10")
    # A look that fails leaves what the last one said; a dry run nothing.
    with Server(os.path.join(w.dir, "public")) as server:
        server.odd = nobody
        device.update(urls=[server.url], status=65)
        device.update(urls=[server.url], status=65)
    device.update("--dry-run")
    said = report()
    same((said["look"]["failures"], said["state"]), (2, "not-ready"), "after two that failed")
    check("a value is expected" in said["look"]["error"], said["look"])
    check(said["look"]["good_at"] <= said["look"]["at"], said["look"])
    device.update()
    said = report()
    same((said["facts"]["level"], said["update"]["device"]["target"]), ("2026-12", "2026-12"), "levels")
    check(said["state"] in ("current", "partly"), said)
    same([(r["id"], r["level"], r["memory"], r["disk"]) for r in said["releases"]],
         [("GP-2026-0005", "2026-12", "yes", "yes")], "releases")
    same(said["look"]["failures"], 0, "failures")
    # What was for memory alone did not outlive a restart, unless somebody saw to it.
    path = f"{device.state}/update/last.json"
    with open(path, encoding="utf-8") as file:
        last = json.load(file)
    last["taken"][0].update(memory_only=True, boot_id="01234567-89ab-cdef-0123-456789abcdef")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(last, file)
    said = report()
    same([(r["memory"], r["disk"]) for r in said["releases"]], [("unknown", "no")], "after a restart")
    check(said["state"] == "partly" or said["processes"]["hotpatched"], said)
    # What it should have and has not.
    device.is_at("2026-10", "2026-10")
    same(report()["state"], "behind", "behind")
    numbers = [report()["serial"] for _ in range(3)]
    same(numbers, sorted(set(numbers)), "numbers")


@test
def what_a_courier_does_to_a_report_is_found_out(place):
    fleet = Fleet(place)
    a, b = fleet.host("a"), fleet.host("b")
    first, second = a.report(), a.report()
    same(fleet.take(a, second), (1, 0, []), "the second")
    fleet.refused(a, first, "rollback", "its number is 101, and 102 was seen")
    same(fleet.take(a, second), (0, 1, []), "again")
    same(fleet.take(a, a.report(serial=102, agent="0.2"), status=4)[2][0][1], "rollback", "another with its number")
    fleet.refused(a, a.report(signer=b.key), "bad-signature", "it is signed by the key")
    fleet.refused(a, a.report(signer=b.key).replace(b.key.id.encode(), a.key.id.encode()), "bad-signature", "forged")
    # One host speaks for no other, under either name.
    fleet.refused(b, a.report(host="b"), "bad-signature", "that of b is")
    fleet.refused(b, a.report(), "bad-input", "it is of a, and called otherwise")
    fleet.refused(a, a.report(made=instant(-20), expires=instant(-6)), "expired", "it was good until")
    fleet.refused(a, a.report(made=instant(3), expires=instant(9)), "expired", "which is to come")
    fleet.refused(a, a.report(expires=instant(100)), "bad-input", "more than 92 days")
    fleet.refused(a, a.report(expires=instant(-1)), "bad-input", "good for no time")
    c = Host(fleet, "c")
    fleet.refused(c, c.report(), "not-found", "c is not enrolled")
    # Every byte: what is changed is refused, or says the same in other words.
    whole = a.report()
    body = json.loads(whole)["signed"]
    for i in range(0, len(whole), 3):
        data = bytearray(whole)
        data[i] ^= 1 << (i % 7)
        new, known, why = fleet.take(a, bytes(data), status=None if json_same(data, body) else 4)
        check(not new or json_same(data, body), f"byte {i}: {why}")
    # What stands beside what was signed is not stored.
    more = json.dumps({"x": 1, **json.loads(a.report())}).encode()
    same(fleet.take(a, more), (1, 0, []), "with something beside it")
    same(sorted(json.loads(fleet.stored()["reports/a.json"])), ["signatures", "signed"], "what is stored")


def json_same(data, body):
    try:
        return json.loads(bytes(data))["signed"] == body
    except (ValueError, KeyError, TypeError):
        return False


ODD = [("no JSON", b"{", "bad-input", ""), ("empty", b"", "bad-input", ""),
       ("deep", b'{"signatures":' + b"[" * 5000, "limit", ""),
       ("huge", b" " * (BIG + 1), "limit", "more than 1048576 bytes"),
       ("twice", b'{"signed":{},"signed":{},"signatures":[]}', "bad-input", ""),
       ("no signature", b'{"signed":{},"signatures":[]}', "bad-input", "0 signatures"),
       ("a number", b"7", "bad-input", "")]


@each([(name, name, *rest) for name, *rest in ODD])
def a_part_that_is_no_report_is_refused_and_the_rest_kept(place, name, data, code, words):
    fleet = Fleet(place)
    hosts = [fleet.host(n) for n in ("a", "b", "c")]
    parts = [(f"reports/{h.name}.json", h.report()) for h in hosts]
    parts[1] = (parts[1][0], data)
    new, known, why = fleet.bring(*parts, status=5)
    same((new, known, len(why), why[0][1]), (2, 0, 1, code), why)
    check(words in why[0][2], why)
    same(fleet.states(status=4), {"a": "unknown", "b": "silent", "c": "unknown"}, name)


@test
def of_a_bundle_full_of_rubbish_is_told_no_more_than_anybody_reads(place):
    fleet = Fleet(place)
    a = fleet.host("a")
    path = fleet.write("bundle.tar", fleet.bundle(*[(f"reports/x{i}.json", b"{") for i in range(300)],
                                                  ("reports/a.json", a.report())))
    out, err = fleet.comply("import", path, fleet.dir, "--json", status=5)
    said = json.loads(out)
    same((said["new"], len(said["refused"]), said["not_told"]), (1, 256, 44), "told")
    check("44 more parts are refused" in err and len(err.splitlines()) == 257, err[-500:])


@test
def members_that_are_missing_or_odd_are_refused_by_name(place):
    fleet = Fleet(place)
    a = fleet.host("a")
    for key in sample():
        signed = a.signed()
        if key in ("quarantine", "left_out"):
            continue
        del signed[key]
        fleet.refused(a, a.sealed(signed), "bad-input", key)
    look = {"at": instant(), "good_at": None, "failures": 0, "error": None}
    reason = {"reason": "x", "text": "x", "owner": "x", "remedy": "x"}
    update = {"device": {"decision": "hotpatch", "target": "2026-10", "reasons": []}, "releases": []}
    for more, words in (
            ({"_type": "root"}, "no report of compliance"), ({"serial": 0}, "serial"), ({"serial": -1}, "serial"),
            ({"host": "../a"}, "host"), ({"host": "a" * 65}, "host"), ({"host": ".a"}, "host"),
            ({"made": "yesterday"}, "made"), ({"state": "fine"}, "state"), ({"facts": {}}, "edition"),
            ({"facts": {**sample()["facts"], "edition": "x" * 99}}, "edition"),
            ({"processes": {}}, "hotpatched"), ({"hotpatches": [1]}, "hotpatches"), ({"releases": {}}, "releases"),
            ({"look": {**look, "at": 3}}, "at"), ({"look": {**look, "failures": -3}}, "failures"),
            ({"update": {**update, "releases": [{"level": "x", "date": "x"}]}}, "level"),
            ({"update": {**update, "releases": [{"level": "2026-10", "date": "2026-99-99"}]}}, "date"),
            ({"update": {**update, "device": {**update["device"], "reasons": [{**reason, "text": 1}]}}}, "text"),
            ({"restart": {}}, "restart_at"), ({"agent": "x" * 99}, "agent"), ({"key": 3}, "key")):
        fleet.refused(a, a.report(**more), "bad-input", words)
    fleet.refused(a, a.report(format=2), "unsupported", "of the format 2")
    fleet.refused(a, a.report(hotpatches=[{}] * 1025), "limit", "hotpatches")
    # What is not known is signed with the rest.
    same(fleet.take(a, a.report(more={"x": [1]}, look=look, update=update)), (1, 0, []), "more")


@test
def a_bundle_that_was_cut_off_or_holds_other_things(place):
    fleet = Fleet(place)
    hosts = [fleet.host(n) for n in ("a", "b", "c")]
    parts = [(f"reports/{h.name}.json", h.report()) for h in hosts]
    link = tarfile.TarInfo("reports/a.json")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard = tarfile.TarInfo("reports/b.json")
    hard.type, hard.linkname = tarfile.LNKTYPE, "reports/a.json"
    new, known, why = fleet.bring(parts[0], ("", link), ("", hard), ("metadata/root.json", b"x"),
                                  ("../reports/c.json", b"x"), ("reports/../c.json", parts[2][1]), parts[1], status=5)
    same((new, known, [w[1] for w in why]), (2, 0, ["bad-input"] * 5), why)
    # Each prefix: what came whole is kept, and what it ends with is said.
    whole = fleet.bundle(*parts)
    part = 512 + -(-len(parts[0][1]) // 512) * 512
    for kept, cut in (0, 100), (0, 512), (0, 700), (1, part), (1, part + 100), (1, part + 600), (2, 2 * part + 700):
        shutil.rmtree(fleet.dir)
        for host in hosts:
            host.enroll()
        new, known, why = fleet.bring(data=whole[:cut], status=None)
        # At the border of two parts it is a shorter tar.
        same((new, len(why)), (kept, int(cut != part)), f"{cut}: {why}")
    fleet.bring(data=b"\x1f\x8b" + whole, status=4)
    new, known, why = fleet.bring(parts[0], parts[0], parts[1], parts[2])
    same(new + known, 4, "the same twice in one bundle")
    # A name that this locale does not know keeps no other part back.
    new, known, why = fleet.bring(parts[0], ("reports/\u009b31m\u00e4.json", b"x"), parts[1], status=5, env={"LC_ALL": "C"})
    same((new, known, [w[1] for w in why]), (0, 2, ["bad-input"]), why)
    # Nor does one with holes.
    os.truncate(fleet.write("hole", b""), BIG)
    subprocess.run(["tar", "-C", fleet.folder, "--sparse", "--transform", "s,^,reports/,", "-cf", fleet.path("hole.tar"), "hole"],
                   check=True)
    with open(fleet.path("hole.tar"), "rb") as file:
        hole = file.read().rstrip(b"\0")
    data = hole + bytes(-len(hole) % 512) + fleet.bundle(parts[0])
    same([w[1] for w in fleet.bring(data=data, status=5)[2]], ["bad-input"], "a hole")
    # What was wiped on its way is not a bundle of which all is good.
    for data in b"", bytes(10240), fleet.bundle():
        same([w[1] for w in fleet.bring(data=data, status=4)[2]], ["bad-input"], "nothing")


@test
def what_is_no_file_is_not_replaced_nor_half_read(place):
    fleet = Fleet(place)
    a = fleet.host("a")
    report, link, pipe = fleet.write("a.json", a.report()), fleet.path("link"), fleet.path("pipe")
    os.symlink(fleet.path("elsewhere"), link)
    os.mkfifo(pipe)
    for path in link, pipe, fleet.path("state"):
        _, wrong = fleet.comply("collect", path, report, status=None)
        check(path in wrong, wrong)
        same((os.path.islink(link), os.path.exists(fleet.path("elsewhere"))), (True, False), path)
    check(stat.S_ISFIFO(os.stat(pipe).st_mode), "the pipe")
    # It would wait for ever, or look at the first byte, which is gone then.
    new, _, why = fleet.bring(status=4, path=pipe)
    check(not new and "not a regular file" in why[0][2] and why[0][2].count(pipe) == 1, why)


@test
def who_has_the_name_of_another_takes_nobodys_place(place):
    fleet = Fleet(place)
    a, twin = fleet.host("a"), Host(fleet, "a")
    twin.serial = 1 << 40
    names = [fleet.write(f"{i}.json", h.report()) for i, h in enumerate((twin, a, a, twin))]
    same(fleet.comply("collect", fleet.path("b.tar"), *names)[0], "2 reports\n", "the newest of each")
    new, _, why = fleet.bring(path=fleet.path("b.tar"), status=5)
    same((new, [w[1] for w in why]), (1, ["bad-signature"]), why)
    same(json.loads(fleet.stored()["reports/a.json"])["signed"]["serial"], 102, "its last one")


@test
def what_a_host_says_drives_no_terminal(place):
    fleet = Fleet(place)
    a = fleet.host("a")
    odd = "\x1b[31m\x9b2J\x7f\u009d"
    reason = dict.fromkeys(("reason", "text", "owner", "remedy"), odd)
    said = a.report(look={"at": instant(), "good_at": None, "failures": 1, "error": odd},
                    update={"device": {"decision": odd, "target": "2026-10", "reasons": [reason]}, "releases": []})
    same(fleet.take(a, said), (1, 0, []), "taken")
    for words in [], ["--json"], ["--facts"]:
        text = fleet.comply("status", fleet.dir, *words, status=None)[0]
        same([c for c in text if ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160], [], words)
    same(json.loads(fleet.comply("status", fleet.dir, "--json", status=4)[0])["hosts"][0]["report"]["look"]["error"], odd,
         "and nothing is lost")


@test
def first_use_is_only_where_a_flag_says_so(place):
    fleet = Fleet(place)
    known, new = fleet.host("known"), Host(fleet, "new")
    fleet.refused(new, new.report(), "not-found", "--first-use")
    same(fleet.take(new, new.report(), flags=["--first-use"]), (1, 0, []), "first use")
    same([(h["host"], h["first_use"]) for h in fleet.status(status=4)["hosts"]], [("known", False), ("new", True)], "")
    # From then on its key is the one that counts, and no flag exchanges it.
    other = Host(fleet, "new")
    fleet.refused(new, other.report(serial=900), "bad-signature", "that of new is", flags=["--first-use"])
    fleet.refused(known, Host(fleet, "known").report(serial=900), "bad-signature", "that of known is",
                  flags=["--first-use"])
    # What is stale, forged, or of a key that is another host's does not enroll anybody.
    third = Host(fleet, "third")
    fleet.refused(third, third.report(made=instant(-20), expires=instant(-6)), "expired", "", flags=["--first-use"])
    fleet.refused(third, third.report(signer=known.key), "bad-signature", "", flags=["--first-use"])
    third.key = known.key
    fleet.refused(third, third.report(), "refused", "is that of known", flags=["--first-use"])
    third.enroll(status=84)
    # Enrolled by hand afterwards, it is as any other.
    new.enroll()
    same([h["first_use"] for h in fleet.status(status=4)["hosts"]], [False, False], "enrolled")


@test
def who_brings_one_name_under_two_keys_enrolls_neither(place):
    fleet = Fleet(place)
    a, b, twin = Host(fleet, "a"), Host(fleet, "b"), Host(fleet, "b")
    parts = [(f"reports/{h.name}.json", h.report()) for h in (a, b, twin)]
    # Whichever of the two comes first, and whatever of theirs is stale.
    parts.append(("reports/b.json", twin.report(made=instant(-20), expires=instant(-6))))
    for order in parts, parts[::-1], [parts[1], parts[3]]:
        new, _, why = fleet.bring(*order, flags=["--first-use"], status=None)
        same((new, sorted({w[1] for w in why})), (int(parts[0] in order), ["refused"]), why)
        check(all("2 keys speak for b" in w[2] for w in why) and len(why) == len(order) - new, why)
        check("keys/b.json" not in fleet.stored(), "one of them was enrolled")
        shutil.rmtree(fleet.dir)
    # What nobody signed says nothing of anybody's key.
    new, _, why = fleet.bring(parts[1], ("reports/b.json", twin.report(signer=a.key)), flags=["--first-use"], status=5)
    same((new, [w[1] for w in why]), (1, ["bad-signature"]), why)
    # One that is known is in nobody's hands any more.
    new, _, why = fleet.bring(*parts, flags=["--first-use"], status=5)
    same((new, [w[1] for w in why]), (1, ["bad-signature"] * 2), why)
    # Enrolled by hand, its own key counts, beside the other.
    shutil.rmtree(fleet.dir)
    twin.enroll()
    new, _, why = fleet.bring(*parts[:3], flags=["--first-use"], status=5)
    same((new, [w[1] for w in why]), (2, ["bad-signature"]), why)
    # More than are sorted at once, each twice.
    shutil.rmtree(fleet.dir)
    many = [a] + [Host(fleet, f"h{i}") for i in range(1100)] + [b, twin]
    parts = [(f"reports/{h.name}.json", h.report()) for h in many]
    new, known, why = fleet.bring(*parts, *parts, flags=["--first-use"], status=5)
    same((new, known, {w[0] for w in why}, len(why)), (1101, 1101, {"b.json"}, 4), why)


@test
def who_brings_one_key_under_two_names_enrolls_neither(place):
    fleet = Fleet(place)
    a, b, copied = Host(fleet, "a"), Host(fleet, "b"), Host(fleet, "c")
    copied.key = b.key
    parts = [(f"reports/{h.name}.json", h.report()) for h in (a, b, copied)]
    for order in parts, parts[::-1]:
        new, _, why = fleet.bring(*order, flags=["--first-use"], status=5)
        same((new, sorted((w[0], w[1]) for w in why)), (1, [("b.json", "refused"), ("c.json", "refused")]), why)
        check({"the key of b is that of c, too", "the key of c is that of b, too"} == {w[2].split(": ")[1] for w in why}, why)
        same([name for name in fleet.stored() if name.startswith("keys/")], ["keys/a.json"], "enrolled")
        shutil.rmtree(fleet.dir)
    # The one that was enrolled by hand goes on, the other is refused as its copy.
    b.enroll()
    new, _, why = fleet.bring(*parts, flags=["--first-use"], status=5)
    same((new, [w[0] for w in why]), (2, ["c.json"]), why)


# A child counts what its parent had when it was made, so that one is small.
MEASURE = "import os, sys; p = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:]); " \
          "print(os.wait4(p, 0)[2].ru_maxrss, file=sys.stderr)"


def peak_of_status(fleet, *words):
    """Print where a fleet stands; returns the most memory that took, in MB, and how much came out."""
    with open(fleet.path("out"), "wb") as out:
        done = subprocess.run([sys.executable, "-S", "-c", MEASURE, GRAFT, "compliance", "status", fleet.dir, *words],
                              stdout=out, stderr=subprocess.PIPE, env=ENV, check=True, timeout=LIMIT)
    return int(done.stderr) / 1024, os.path.getsize(fleet.path("out")) / BIG


@each([(w.strip("-"), w) for w in ("--json", "--facts")])
def a_fleet_that_is_printed_takes_no_memory_of_its_size(place, word):
    # Names of files, or facts that nobody knows.
    big = {"more": ["x" * 1000] * 900} if word == "--json" else \
        {"facts": {**sample()["facts"], "more": ["x" * 1000] * 900}}
    peaks = []
    fleet = Fleet(place)
    for first, last in (0, 2), (2, 90):
        hosts = [Host(fleet, f"h{i}") for i in range(first, last)]
        parts = [(f"reports/{h.name}.json", h.report(**big)) for h in hosts]
        same(fleet.bring(*parts, flags=["--first-use"]), (last - first, 0, []), "taken")
        peaks.append(peak_of_status(fleet, word))
    with open(fleet.path("out"), encoding="utf-8") as file:
        said = json.load(file)
    same(len(said["hosts"] if word == "--json" else said), 90, "hosts")
    (few, _), (many, size) = peaks
    check(size > 70 and many - few < 12, f"{few:.0f} MB, and {many:.0f} MB for {size:.0f} MB")


@test
def another_key_is_taken_only_if_somebody_says_so(place):
    fleet = Fleet(place)
    a = fleet.host("a")
    old = a.report()
    fleet.take(a, old)
    late = a.report()
    a.key = Key()
    check("--replace" in a.enroll(status=84)[1], "what helps")
    a.enroll("--replace")
    # What the old one signed does not count, nor its numbers.
    same(fleet.states(status=4), {"a": "silent"}, "after another key")
    fleet.refused(a, late, "bad-signature", "it is signed by the key")
    a.serial = 1
    same(fleet.take(a, a.report()), (1, 0, []), "from the new one")


@test
def silent_late_and_behind(place):
    fleet = Fleet(place)
    names = ["fine", "late", "blind", "old", "never"]
    hosts = {n: fleet.host(n) for n in names}
    at = {"edition": "server", "architecture": "amd64", "distribution": "debian-12", "level": "2026-10"}

    def look(days):
        return {"at": instant(), "good_at": instant(-days), "failures": 0, "error": None}

    def update(target, day):
        return {"device": {"decision": "hotpatch", "target": target, "reasons": []},
                "releases": [{"id": "GP-1", "level": target, "date": instant(-day)[:10]}]}
    fleet.take(hosts["fine"], hosts["fine"].report(state="current", facts=at, look=look(1), update=update("2026-10", 90)))
    fleet.take(hosts["late"], hosts["late"].report(state="behind", facts=at, look=look(1), update=update("2026-11", 20)))
    fleet.take(hosts["blind"], hosts["blind"].report(state="current", facts=at, look=look(30),
                                                     update=update("2026-10", 90)))
    fleet.take(hosts["old"], hosts["old"].report(state="current", facts=at, made=instant(-10), expires=instant(1)))
    said = fleet.status(status=5)
    same({h["host"]: (h["state"], h["late"]) for h in said["hosts"]},
         {"fine": ("current", False), "late": ("behind", True), "blind": ("current", True), "old": ("current", False),
          "never": ("silent", False)}, "states")
    same((said["count"], said["states"]["current"], said["states"]["silent"], said["late"]), (5, 3, 1, 2), "sums")
    same(fleet.status("--late", "25", status=5)["late"], 1, "who is late after 25 days")
    # Two days later one more is silent, since it last spoke.
    said = fleet.status(status=5, after=2)
    old = next(h for h in said["hosts"] if h["host"] == "old")
    same((old["state"], old["silent_since"], said["states"]["silent"]), ("silent", instant(-10), 2), "silent")
    text = fleet.comply("status", fleet.dir, status=5)[0]
    check("a release that it should have is 20 days old" in text and "for 30 days" in text, text)
    # The facts of those that speak are what a forecast is made of.
    facts, _ = fleet.comply("status", fleet.dir, "--facts")
    policy = fleet.write("policy", "live-baseline = 2026-10 2026-11\nspace = 0\n")
    same(sorted(f["name"] for f in json.loads(facts)), ["blind", "fine", "late", "old"], "names")
    done = subprocess.run([GRAFT, "eligible", "--facts", fleet.write("facts", facts), "--policy", policy, "--json"],
                          env=ENV, capture_output=True, text=True, check=False, timeout=LIMIT)
    same({d["name"]: d["decision"] for d in json.loads(done.stdout)["devices"]},
         dict.fromkeys(["blind", "fine", "late", "old"], "cumulative"), "forecast")


@test
def who_leaves_the_track_is_counted_by_reports(place):
    w, fleet = Writer(place).init(), Fleet(place)
    make(w, "libx1_1.1_amd64.deb")
    device = {"edition": "server", "architecture": "amd64", "distribution": "debian-12", "baseline": "2026-10",
              "level": "2026-10", "space": 1 << 30, "agent": "0.1",
              "abilities": ["ptrace", "memory-write", "pidfd", "kcmp"]}
    policy = w.write("policy.conf", "live-baseline = 2026-10\ndistributions = any\nspace = 0\n")

    def leave(status=0, inventory=fleet.dir, **more):
        return make(w, "libx1_1.2_amd64.deb", id="GP-2026-0010", line="out-of-band", date="2026-10-20",
                    level="2026-10.1", cve="CVE-2026-1002", keeps_track="no", status=status,
                    options=["--inventory", inventory, "--policy", policy,
                             *(x for k, v in more.items() for x in ("--" + k.replace("_", "-"), v))])
    # Where there are no hosts there is no fleet that nobody leaves.
    leave(status=66, leaves_track="0")
    os.makedirs(f"{fleet.dir}/keys")
    check("no host is enrolled" in leave(status=66, leaves_track="0"), "an empty directory")
    hosts = {n: fleet.host(n) for n in ["s1", "s2", "home", "gone", "never"]}
    for name in "s1", "s2", "home":
        facts = {**device, "edition": "home" if name == "home" else "server"}
        fleet.take(hosts[name], hosts[name].report(facts=facts))
    soon = (datetime.datetime.now(datetime.timezone.utc) - NOW).total_seconds() + 3
    fleet.take(hosts["gone"], hosts["gone"].report(facts=device, made=instant(-10), expires=instant(soon / 86400)))
    until(lambda: fleet.states(status=4)["gone"] == "silent", "it still speaks")
    said = leave(status=84)
    check("3 of 4 devices would leave the hotpatch track (of 1 more nothing is known)" in said, said)
    leave(status=84, leaves_track="2")
    # What somebody changed in the directory does not count.
    path = f"{fleet.dir}/reports/s1.json"
    with open(path, "rb") as file:
        data = file.read()
    with open(path, "wb") as file:
        file.write(data.replace(b'"server"', b'"home"'))
    check("2 of 3 devices" in leave(status=84, leaves_track="3"), "changed")
    with open(path, "wb") as file:
        file.write(data)
    leave(leaves_track="3")
    same(json.loads(release(w, "show", w.dir, "GP-2026-0010", "--json"))["leaves_track"], 3, "said")


@test
def what_is_stored_is_verified_again(place):
    fleet = Fleet(place)
    a, b = fleet.host("a"), fleet.host("b")
    fleet.take(a, a.report())
    fleet.take(b, b.report())
    path = f"{fleet.dir}/reports/a.json"
    with open(path, "rb") as file:
        data = file.read()
    with open(path, "wb") as file:
        file.write(data.replace(b'"state":"unknown"', b'"state":"current"'))
    said = fleet.status(status=4)
    same([(h["host"], h["state"], bool(h["wrong"])) for h in said["hosts"]],
         [("a", "silent", True), ("b", "unknown", False)], "states")
    # Nothing comes in its place by itself: its number is not known.
    new, _, why = fleet.take(a, a.report(), status=4)
    check(not new and "damaged" in why[0][2], why)
    os.remove(path)
    same(fleet.take(a, a.report()), (1, 0, []), "removed")
    # A key that is damaged keeps its host out, and nobody else.
    with open(f"{fleet.dir}/keys/a.json", "w", encoding="utf-8") as file:
        file.write("{")
    same([bool(h["wrong"]) for h in fleet.status(status=4)["hosts"]], [True, False], "keys")
    new, _, why = fleet.bring(("reports/a.json", a.report()), ("reports/b.json", b.report()), status=5)
    same((new, why[0][0]), (1, "reports/a.json" if why[0][0].startswith("reports") else "a.json"), why)


@test
def keys_are_guarded(place):
    fleet = Fleet(place)
    state = fleet.path("state")
    key = fleet.key("host")
    said = comply("report", "--name", "k", "--key", key, "--passphrase-file", fleet.passphrases, state=state)[0]
    public = json.loads(comply("key", "--name", "k", "--key", key, "--passphrase-file", fleet.passphrases,
                               state=state)[0])
    fleet.comply("enroll", fleet.dir, fleet.write("k", json.dumps(public)))
    same(fleet.comply("import", fleet.write("r", said), fleet.dir)[0], "1 new, 0 known, 0 refused\n", "with a passphrase")
    check(not os.path.exists(f"{state}/compliance/key.pem"), "one was made that nobody asked for")
    for kind in "ecdsa", "rsa":
        own = fleet.key(kind, kind, guarded=False)
        comply("report", "--name", "k", "--key", own, state=state)
    os.chmod(key, 0o644)
    wrong = comply("report", "--name", "k", "--key", key, "--passphrase-file", fleet.passphrases, state=state, status=86)
    check(PASSPHRASE not in wrong[1], wrong)
    comply("report", "--name", "k", "--key", fleet.public("host2"), state=state, status=84)
    # What is no key of a host, and the private half least of all.
    fleet.comply("enroll", fleet.dir, fleet.key("plain", guarded=False), status=65)
    # By the configuration.
    config = fleet.write("graftd.conf", f"report-name = by-config\nreport-key = {fleet.key('c', guarded=False)}\n"
                                        "report-days = 3\n")
    said = json.loads(comply("report", "--config", config, state=state)[0])["signed"]
    same(said["host"], "by-config", "name")
    days = [datetime.datetime.fromisoformat(said[k].rstrip("Z")) for k in ("made", "expires")]
    same((days[1] - days[0]).days, 3, "days")
    check("'no name'" in comply("report", "--name", "no name", state=state, status=65)[1], "a name")


@test
def a_clock_that_was_never_set_is_said(place):
    fleet = Fleet(place)
    for day in "1969-12-31", "1970-01-01", "2025-06-01":
        done = subprocess.run([*later(at=f"@{day} 12:00:00"), GRAFT, "--state-dir", fleet.path("state"), "compliance",
                               "report", "--name", "a"], env={**ENV, "TZ": "UTC"}, capture_output=True, text=True,
                              timeout=LIMIT, check=False)
        same((done.returncode, done.stdout), (84, ""), done.stderr)
        check(f"the clock of this host is wrong: it says {day}T12:00" in done.stderr, done.stderr)


@test
def a_host_that_has_no_name_is_called_by_a_hash(place):
    if not os.path.exists("/etc/machine-id"):
        raise Skip("no machine-id here")
    with open("/etc/machine-id", encoding="utf-8") as file:
        machine = file.read().strip()
    if len(machine) != 32:
        raise Skip("no machine-id here")
    fleet = Fleet(place)
    text = comply("report", state=fleet.path("state"))[0]
    check(machine not in text, "the machine-id is told")
    check(len(json.loads(text)["signed"]["host"]) == 32, text)
    same(json.loads(comply("key", state=fleet.path("state2"))[0])["host"], json.loads(text)["signed"]["host"], "the same")


@each([(p, p) for p in ("file-write", "file-rename", "compliance-reported")])
def a_report_that_is_killed_uses_no_number_twice(place, point):
    fleet = Fleet(place)
    state, seen = fleet.path("state"), []
    for turn in range(1, 8):
        done = subprocess.run([GRAFT, "--state-dir", state, "compliance", "report", "--name", "a"],
                              env={**ENV, "GRAFT_FAULT": f"{point}:{turn}:kill"}, capture_output=True, check=False,
                              timeout=LIMIT, stdin=subprocess.DEVNULL)
        check(done.returncode in (0, -signal.SIGKILL), done.stderr)
        if not done.returncode:
            seen.append(json.loads(done.stdout)["signed"])
        seen.append(json.loads(comply("report", "--name", "a", state=state)[0])["signed"])
        if not done.returncode:
            break
    check(turn > 1, f"nothing passes {point}")
    # What a write that was killed left beside, a private key too, went with the next run.
    same(sorted(os.listdir(f"{state}/compliance")), ["key.pem", "report.json"], "what is there")
    numbers = [s["serial"] for s in seen]
    same(numbers, sorted(set(numbers)), "numbers")
    same(len({s["key"]["keyval"]["public"] for s in seen}), 1, "one key")


@each([(p, p) for p in ("file-write", "file-rename", "compliance-key")])
def an_import_that_is_killed_is_the_old_state_or_the_new_one(place, point):
    fleet = Fleet(place)
    hosts = [fleet.host("a"), fleet.host("b"), Host(fleet, "c")]
    before = [h.report(agent="old") for h in hosts]
    fleet.bring(*[(f"reports/{h.name}.json", r) for h, r in zip(hosts, before)], flags=["--first-use"])
    after = [h.report(agent="new") for h in hosts]
    path = fleet.write("bundle.tar", fleet.bundle(*[(f"reports/{h.name}.json", r) for h, r in zip(hosts, after)]))
    for turn in range(1, 20):
        done = subprocess.run([GRAFT, "compliance", "import", path, fleet.dir, "--first-use"],
                              env={**ENV, "GRAFT_FAULT": f"{point}:{turn}:kill"}, capture_output=True, check=False,
                              timeout=LIMIT, stdin=subprocess.DEVNULL)
        check(done.returncode in (0, -signal.SIGKILL), done.stderr)
        stored = fleet.stored()
        for host, old, new in zip(hosts, before, after):
            check(stored[f"reports/{host.name}.json"] in (old, new), f"{point} {turn}: {host.name}")
        fleet.states(status=4)
        if not done.returncode:
            break
    check(turn > 1, f"nothing passes {point}")
    same([fleet.stored()[f"reports/{h.name}.json"] for h in hosts], after, "in the end")
    same(sorted(fleet.stored()), [f"{d}/{n}.json" for d in ("keys", "reports") for n in "abc"], "and nothing beside")


@test
def a_clock_that_goes_back_repeats_no_number(place):
    fleet = Fleet(place)
    state = fleet.path("state")
    numbers = [json.loads(comply("report", "--name", "a", state=state, after=days)[0])["signed"]["serial"]
               for days in (3, 0, 2, 0)]
    same(numbers, sorted(set(numbers)), "numbers")
    # What it said last cannot be read: nobody guesses.
    with open(f"{state}/compliance/report.json", "w", encoding="utf-8") as file:
        file.write("{")
    check("the number of the last report is not known" in comply("report", "--name", "a", state=state, status=65)[1], "")


@test
def the_timer_makes_what_is_carried(place):
    fleet = Fleet(place)
    units, build = fleet.path("etc/systemd/system"), os.path.dirname(GRAFT)
    os.makedirs(units)
    shutil.copy(f"{build}/graft-compliance.service", units)
    shutil.copy(os.path.join(os.path.dirname(__file__), "../../systemd/graft-compliance.timer"), units)
    with open(f"{units}/graft-compliance.service", encoding="utf-8") as file:
        lines = dict(line.split("=", 1) for line in file.read().splitlines() if "=" in line and line[0] != "#")
    # What it runs, with other folders, gives a file that is taken.
    words = lines["ExecStart"].split()
    same((words[0].rsplit("/", 1)[1], words[-1]), ("graft", f"/var/lib/{lines['StateDirectory']}"), words)
    folder = fleet.path("out")
    os.makedirs(folder)
    graft(*words[1:-1], folder, "--name", "a", state=fleet.path("state"))
    same(fleet.comply("import", f"{folder}/a.json", fleet.dir, "--first-use")[0], "1 new, 0 known, 0 refused\n", "taken")
    # systemd understands it, and it is off until somebody enables it.
    if not shutil.which("systemd-analyze") or not shutil.which("systemctl"):
        raise Skip("no systemd here")
    # The program is not where it will be.
    with open(f"{units}/graft-compliance.service", encoding="utf-8") as file:
        text = file.read().replace(words[0], GRAFT)
    with open(f"{units}/graft-compliance.service", "w", encoding="utf-8") as file:
        file.write(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", f"{units}/graft-compliance.service",
                           f"{units}/graft-compliance.timer"], capture_output=True, text=True, check=False, timeout=LIMIT)
    same((done.returncode, [line for line in done.stderr.splitlines() if "graft-compliance" in line]), (0, []), done.stderr)

    def systemctl(*words):
        return subprocess.run(["systemctl", "--root", fleet.folder, *words], capture_output=True, text=True, check=False,
                              timeout=LIMIT)
    same(systemctl("is-enabled", "graft-compliance.timer").stdout, "disabled\n", "before")
    same(systemctl("enable", "graft-compliance.timer").returncode, 0, "enable")
    same(systemctl("is-enabled", "graft-compliance.timer").stdout, "enabled\n", "after")

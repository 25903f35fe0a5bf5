# SPDX-License-Identifier: Apache-2.0
"""What somebody with the directory alone puts among what is staged: a signer is shown all of
it, or it is refused; never signed unseen."""
import hashlib
import json
import os
import subprocess

from keys import Key, canonical
from stage import ENV, LIMIT, check, each, same, test
from victim import until
from writer import Writer


def tamper(w, role, how):
    """Change what a staged role says; signatures stay, and fit no more."""
    path = os.path.join(w.dir, f"staged/metadata/{role}.json")
    with open(path, encoding="utf-8") as file:
        says = json.load(file)
    how(says["signed"])
    with open(path, "w", encoding="utf-8") as file:
        json.dump(says, file)


def exchange_key(says, role="targets"):
    """Another key under an id that people know."""
    holder = says.get("delegations", says)
    keyid = (says["roles"][role] if "roles" in says else
             next(r for r in holder["roles"] if r["name"] == role))["keyids"][0]
    holder["keys"][keyid] = Key().public


def add_key_of_other_id(says):
    """An id that is known from elsewhere, and a key that is not of it."""
    keyid = hashlib.sha256(b"ben").hexdigest()
    says["keys"][keyid] = Key().public
    says["roles"]["targets"]["keyids"].append(keyid)


def begin(place):
    w = Writer(place).init()
    for name in "one", "two":
        w.run("delegate", name, "--paths", "x/*", "--add", w.key(name), "--key", w.key("targets"))
    w.run("sign", "--key", w.key("one"), "--key", w.key("two"))
    w.publish()
    return w


def stage(w, role):
    """Have the next version of a role staged, as its owner would."""
    w.run("rotate", "root", "--days", "100") if role == "root" else w.run("refresh", "--role", role)


@each([("a key of the root", "root", exchange_key),
       ("a key of a delegation", "targets", lambda s: exchange_key(s, "one")),
       ("a new key of another's id", "root", add_key_of_other_id)])
def another_key_under_an_id_is_refused(place, role, how):
    w = begin(place)
    stage(w, role)
    tamper(w, role, how)
    text = w.run("sign", "--role", role, "--key", w.key(role), status=84)
    check("is not the SHA-256 of the key" in text and "graft repo reset" in text, text)
    same(w.metadata(f"{role}.json", "staged")["signatures"], [], "signatures")


def swap(says):
    says["delegations"]["roles"].reverse()


@each([("snapshots that change in place", "root", lambda s: s.update(consistent_snapshot=False),
        "~ consistent_snapshot false"),
       ("the order of delegations", "targets", swap, "~ another order of delegations: two, one"),
       ("a member of the root", "root", lambda s: s.update({"x-new": {"a": 1}}), '+ x-new {"a":1}'),
       ("a member that goes", "targets", lambda s: s.pop("x-graft-role"), "- x-graft-role"),
       ("another specification", "targets", lambda s: s.update(spec_version="1.9"),
        '~ spec_version "1.9"'),
       ("a member of a delegation", "targets",
        lambda s: s["delegations"]["roles"][0].update({"x-new": 7}), "+ one: x-new 7"),
       ("a role of the root", "root", lambda s: s["roles"].update(mirrors={"threshold": 1}),
        '+ roles: mirrors {"threshold":1}'),
       ("a delegation before others", "targets", lambda s: s["delegations"]["roles"].insert(
           0, {**s["delegations"]["roles"][0], "name": "first"}),
        "~ another order of delegations: first, one, two")])
def each_change_is_shown(place, role, how, words):
    w = begin(place)
    stage(w, role)
    tamper(w, role, how)
    text = w.run("sign", "--role", role, "--key", w.key(role))
    check(f"  {words}\n" in text, text)
    changes = w.role(role)["changes"]
    check(words[2:] in [c["what"] for c in changes], changes)


@test
def who_may_sign_is_shown_before_many_targets(place):
    w = begin(place)
    for i in range(100):
        w.write(f"many/t{i}", str(i))
    w.run("add", w.path("many"), "--role", "targets")
    w.run("delegate", "zz", "--paths", "*", "--add", w.public("evil"))
    text = w.run("sign", "--role", "targets", "--key", w.key("targets"))
    check(f"  + zz: key {w.id(w.public('evil'))}\n" in text, text)
    check("  and 60 more targets: graft repo status --json lists all\n" in text, text)
    same(len([c for c in w.role("targets")["changes"] if c["what"].startswith("t")]), 100, "in JSON")


@test
def a_role_that_says_it_is_another_is_refused(place):
    w = begin(place)
    stage(w, "one")
    tamper(w, "one", lambda s: s.update({"x-graft-role": "targets"}))
    text = w.run("sign", "--role", "one", "--key", w.key("one"), status=65)
    check("it says that it is of role targets" in text and "graft repo reset" in text, text)


@test
def a_file_of_another_role_is_not_built_upon(place):
    w = Writer(place).init("--bins", "2")
    w.run("refresh", "--role", "bins", "--key", w.key("targets"))
    w.publish()
    os.remove(os.path.join(w.dir, "public/metadata/2.bin-1.json"))
    os.link(os.path.join(w.dir, "public/metadata/2.bin-0.json"),
            os.path.join(w.dir, "public/metadata/2.bin-1.json"))
    text = w.add("a", status=65)
    check("it says that it is of role bin-0" in text, text)


@test
def a_role_that_is_delegated_to_twice_is_not_signed(place):
    w = begin(place)
    stage(w, "targets")
    tamper(w, "targets", lambda s: s["delegations"]["roles"].append(
        {**s["delegations"]["roles"][0], "paths": ["y/*"]}))
    text = w.run("sign", "--role", "targets", "--key", w.key("targets"), status=65)
    check("role one stands twice" in text, text)


@test
def what_cannot_be_shown_is_not_signed(place):
    w = begin(place)
    stage(w, "targets")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(w.command("sign", "--role", "targets", "--key", w.key("targets")), stdout=full,
                              env=ENV, stderr=subprocess.PIPE, text=True, check=False, timeout=LIMIT)
    check(done.returncode == 71 and "nothing was signed" in done.stderr, done)
    same(w.metadata("targets.json", "staged")["signatures"], [], "signatures")


@each([("a file", "b", "secret/b"), ("a folder", "b", "secret")])
def no_link_that_comes_later_leads_out_of_a_folder_that_is_added(place, name, secret):
    """Who may write where releases are built has a private file of who adds them published."""
    w = Writer(place).init()
    w.write("secret/b", "private")
    w.write("secret/b2", "private")
    with open(w.write("built/a", ""), "wb") as file:
        file.truncate(256 << 20)
    inside = w.write("built/b" if secret.endswith("b") else "built/b/b2", "public")
    child = subprocess.Popen(w.command("add", w.path("built"), "--key", w.key("targets")), env=ENV,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until(lambda: child.poll() is not None or os.path.isdir(os.path.join(w.dir, "staged/targets")), "it begins")
    same(child.poll(), None, "it is at the first file")
    os.rename(w.path(f"built/{name}"), w.path("aside"))
    os.symlink(w.path(secret), w.path(f"built/{name}"))
    check(inside, "a path")
    said = child.communicate(timeout=LIMIT)[1]
    check(child.returncode != 0 and "Too many levels of symbolic links" in said, said)
    same(w.role("targets")["staged"], None, "what is staged")

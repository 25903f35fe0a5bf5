# SPDX-License-Identifier: Apache-2.0
"""Each attack that the framework names, on each role, a delegated one too.

A client has seen a good state. The next one is good but for one role, of which something else is served. What
the client trusts stays as it was, byte for byte; and when the repository is good again, it goes on.
"""
import copy

from keys import Key
from repository import wrapped
from stage import check, days, each, same

CHAIN = ["root", "delegated", "targets", "snapshot", "timestamp"]
# What lists a role, up to the timestamp.
ABOVE = {"root": [], "delegated": ["snapshot", "timestamp"], "targets": ["snapshot", "timestamp"],
         "snapshot": ["timestamp"], "timestamp": []}
LISTED = ["delegated", "targets", "snapshot"]


def threshold(repo, role):
    """The number of signatures that a role needs, where it can be changed."""
    if role != "delegated":
        return repo.root["roles"][role]
    return repo.says["targets"]["delegations"]["roles"][0]


def forge(repo, role, keys=None, **more):
    """What is newest of a role says more, or is signed by others; in the version in which it is listed."""
    repo.says[role].update(more)
    repo.published[role][-1] = wrapped(repo.says[role], keys or repo.keys[role])


def url(repo, role):
    number = "" if role == "timestamp" else f"{len(repo.published[role])}."
    return f"metadata/{number}{role}.json"


def two_signatures(repo, role):
    threshold(repo, role)["threshold"] = 2
    repo.add_key(role, delegator="targets" if role == "delegated" else "root")


def rollback(repo, role):
    if role in ("root", "timestamp"):
        repo.published[role][-1] = repo.published[role][-3]
        return "it is version"
    repo.says[role]["version"] = 1 if role == "snapshot" else 0
    repo.publish(role, *ABOVE[role])
    return "was seen before"


def expired(repo, role):
    forge(repo, role, expires=days(-1))
    return "it expired at"


def wrong_key(repo, role):
    forge(repo, role, [Key()])
    return "0 good signatures, 1 are needed"


def wrong_key_by_a_right_name(repo, role):
    key = Key()
    key.id = repo.keys[role][0].id
    forge(repo, role, [key])
    return "0 good signatures, 1 are needed"


def key_of_another_role(repo, role):
    forge(repo, role, repo.keys["targets" if role == "timestamp" else "timestamp"])
    return "0 good signatures, 1 are needed"


def too_few(repo, role):
    forge(repo, role, repo.keys[role][:1])
    return "1 good signatures, 2 are needed"


def one_key_by_two_names(repo, role):
    key = copy.copy(repo.keys[role][0])
    # Another key for whoever goes by its members. None is taken away, which would make a client forget.
    key.public = {**key.public, "x-name": "other"}
    key.id = "ab" * 32
    repo.add_key(role, key, "targets" if role == "delegated" else "root")
    threshold(repo, role)["threshold"] = 3
    forge(repo, *(["targets"] if role == "delegated" else ["root"]))
    forge(repo, role)
    return "2 good signatures, 3 are needed"


def another_type(repo, role):
    forge(repo, role, _type="mirrors")
    return "_type"


def mixed(repo, role):
    repo.published[role][-1] = repo.published[role][-2]
    return "where version"


def exchanged(repo, role):
    forge(repo, role, expires=days(29))
    return "is not the one that is signed"


def endless(repo, role):
    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(2000):
            handler.wfile.write(b" " * 65536)
    repo.instead[url(repo, role)] = answer
    return "bytes that are accepted"


def cut_off(repo, role):
    def answer(handler):
        handler.send(repo.metadata(role)[:50], 5000)
        handler.close_connection = True
    repo.instead[url(repo, role)] = answer
    return "cut off after 50 bytes"


def missing(repo, role):
    repo.instead[url(repo, role)] = lambda handler: handler.send_error(404)
    return "the server does not have it"


ATTACKS = [(f"{fn.__name__.replace('_', ' ')}, {role}", fn, role, hashes, two)
           for fn, roles, hashes, two in (
               (rollback, CHAIN, False, False), (rollback, LISTED, True, False), (expired, CHAIN, False, False),
               (wrong_key, CHAIN, False, False), (wrong_key_by_a_right_name, CHAIN, False, False),
               (key_of_another_role, CHAIN, False, False), (too_few, CHAIN, False, True),
               (one_key_by_two_names, CHAIN[1:], False, True), (another_type, CHAIN, False, False),
               (mixed, LISTED, False, False), (exchanged, LISTED, True, False), (endless, CHAIN, False, False),
               (endless, LISTED, True, False), (cut_off, CHAIN, False, False), (missing, CHAIN[1:], False, False))
           for role in roles]


def stored(client):
    return {role: client.stored(role) for role in CHAIN}


@each(ATTACKS)
def an_attack_on_a_role_is_refused_and_forgets_nothing(place, strike, role, hashes, two):
    repo, client = place.begin()
    repo.with_hashes = hashes
    repo.delegate("targets", "delegated", ["d/*"])
    for name in "one", "two":
        repo.add_target("delegated", f"d/{name}", name.encode())
    if two:
        two_signatures(repo, role)
    repo.publish(*CHAIN)
    repo.publish(*CHAIN)
    same(client.download("d/one"), 0, client.said)
    before, good = stored(client), copy.deepcopy((repo.says, repo.keys))
    repo.publish(*CHAIN)
    after = copy.deepcopy(repo.published)
    words = strike(repo, role)
    same(client.download("d/two"), 1, "status")
    client.tells(role, words)
    same(client.targets(), {"d%2Fone": b"one"}, "targets")
    now = stored(client)
    # A root that expired is the newest all the same, and ends it behind that.
    same(now[role], repo.metadata("root") if (strike, role) == (expired, "root") else before[role], role)
    # What comes before it was good, and is kept.
    for one in CHAIN:
        check(now[one] in (before[one], repo.metadata(one)), f"{one} is something else")
    # Good again.
    versions = {one: says["version"] for one, says in repo.says.items()}
    repo.says, repo.keys = good
    repo.published, repo.instead = after, {}
    for one, says in repo.says.items():
        says["version"] = max(versions[one], says["version"] + 1)
    if role == "root":
        repo.published["root"].pop()
        repo.says["root"]["version"] -= 1
        if strike is expired:
            repo.published["root"].append(now["root"])
            repo.says["root"]["version"] += 1
    for one in CHAIN[1:]:
        while len(repo.published[one]) < repo.says[one]["version"]:
            repo.published[one].append(b"")
    repo.publish(*CHAIN)
    same(client.download("d/two"), 0, client.said)
    same(client.targets(), {"d%2Fone": b"one", "d%2Ftwo": b"two"}, "targets")

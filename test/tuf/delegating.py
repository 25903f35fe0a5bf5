# SPDX-License-Identifier: Apache-2.0
"""Delegations: the order of the search, patterns, and for whom a role is trusted."""
import hashlib

from keys import Key
from stage import check, each, same, test

# (delegator, role, what else), and the roles that a search for what is nowhere asks for.
GRAPHS = [
    ("one", [("targets", "A")], "A"),
    ("two", [("targets", "A"), ("targets", "B")], "AB"),
    ("two levels", [("targets", "A"), ("targets", "B"), ("B", "C")], "ABC"),
    ("two levels, depth first", [("targets", "A"), ("targets", "B"), ("A", "C"), ("A", "D")],
     "ACDB"),
    ("three levels, depth first", [("targets", "A"), ("targets", "B"), ("A", "C"), ("C", "D")],
     "ACDB"),
    ("a terminating one ends all", [("targets", "A"), ("targets", "B"),
                                    ("A", "C", {"terminating": True}), ("A", "D")], "AC"),
    ("a terminating one and what is below", [("targets", "A"), ("targets", "B"),
                                             ("A", "C", {"terminating": True}), ("C", "D")],
     "ACD"),
    ("a terminating one ends what is left of all above",
     [("targets", "A"), ("targets", "B"), ("targets", "E"), ("A", "C", {"terminating": True})],
     "AC"),
    ("before a terminating one", [("targets", "A"), ("targets", "B", {"terminating": True}),
                                  ("targets", "C")], "AB"),
    ("a pattern that does not match", [("targets", "A", {"paths": ["*.py"]}), ("targets", "B"),
                                       ("A", "C")], "B"),
    ("a pattern that does not match, below", [("targets", "A"), ("targets", "B"),
                                              ("A", "C", {"paths": ["*.py"]}), ("C", "D")], "AB"),
    ("a circle", [("targets", "A"), ("targets", "B"), ("B", "C"), ("C", "D"), ("D", "B")], "ABCD"),
    ("two that delegate to a third", [("targets", "A"), ("targets", "B"), ("B", "C"), ("A", "C")],
     "ACB"),
    ("two that delegate to a third, one no such path",
     [("targets", "A"), ("targets", "B"), ("B", "C"), ("A", "C", {"paths": ["*.py"]})], "ABC"),
]

TREE = [("targets", "A", {"paths": ["*.doc", "*.md"]}), ("targets", "B", {"paths": ["releases/*/*"]}),
        ("B", "C", {"paths": ["releases/x/*"]}), ("B", "D", {"paths": ["releases/y/*.zip"]}),
        ("targets", "E", {"paths": ["releases/v?"]})]
FILES = {"targetfile": "targets", "README.md": "A", "releases/x/x_v1": "C",
         "releases/y/y_v1.zip": "D", "releases/z/z_v1.zip": "D", "readme.MD": "A",
         "releases/x/deep/x_v1": "C", "releases/v1": "E", "releases/v10": "E", "releases/v/": "E"}
SEARCHES = [
    ("no delegation", "targetfile", True, ""),
    ("a star", "README.md", True, "A"),
    ("slashes", "releases/x/x_v1", True, "BC"),
    ("slashes and a star", "releases/y/y_v1.zip", True, "BD"),
    ("not by all in the chain", "releases/z/z_v1.zip", False, "B"),
    ("a question mark", "releases/v1", True, "E"),
    ("a question mark is one", "releases/v10", False, ""),
    ("a question mark is no slash", "releases/v/", False, "B"),
    ("upper case", "readme.MD", False, ""),
    ("a star does not cross a slash", "releases/x/deep/x_v1", False, ""),
]


def build(repo, graph):
    """Delegate, each role with a key of its own for all that delegate to it."""
    keys, roles = {}, {"targets"}
    for delegator, role, *more in graph:
        first = role not in keys
        key = keys.setdefault(role, Key())
        repo.delegate(delegator, role, key=key, **(more[0] if more else {}))
        if not first:
            repo.keys[role].pop()
        roles.add(role)
    return sorted(roles)


def publish(repo, roles):
    repo.publish(*roles, "snapshot", "timestamp")


def asked(repo):
    """The delegated roles that were asked for, in their order."""
    return "".join(role for role, _ in repo.asked[4:])


@each(GRAPHS)
def a_search_goes_its_way(place, graph, order):
    repo, client = place.begin()
    publish(repo, build(repo, graph))
    same(client.download("nowhere"), 1, "status")
    client.tells("nowhere: the repository has no such target")
    same(asked(repo), order, "asked")


@each(SEARCHES)
def a_target_is_searched_for(place, path, found, order):
    repo, client = place.begin()
    roles = build(repo, TREE)
    for name, role in FILES.items():
        repo.add_target(role, name, f"{name} by {role}".encode())
    publish(repo, roles)
    same(client.download(path), 0 if found else 1, client.said)
    same(list(client.targets().values()), [repo.artifacts[path]] if found else [], "targets")
    same(asked(repo), order, "asked")


@test
def the_first_role_that_has_it_answers(place):
    repo, client = place.begin()
    roles = build(repo, [("targets", "A"), ("targets", "B")])
    repo.add_target("B", "file", b"of B")
    repo.add_target("A", "file", b"of A")
    publish(repo, roles)
    same(client.download("file"), 0, client.said)
    same(client.targets(), {"file": b"of A"}, "targets")
    same(asked(repo), "A", "asked")


@test
def prefixes_of_hashes_delegate_too(place):
    repo, client = place.begin()
    digits = hashlib.sha256(b"file").hexdigest()
    other = f"{int(digits[0], 16) ^ 1:x}"
    repo.delegate("targets", "A", path_hash_prefixes=[other])
    repo.delegate("targets", "B", path_hash_prefixes=[other, digits[:3]])
    repo.add_target("B", "file", b"of B")
    publish(repo, ["A", "B", "targets"])
    same(client.download("file"), 0, client.said)
    same(asked(repo), "B", "asked")


@test
def a_search_ends_after_so_many_roles(place):
    repo, client = place.begin()
    for n in range(40):
        repo.delegate("targets", f"r{n:02}")
    repo.add_target("r39", "file", b"x")
    publish(repo, [f"r{n:02}" for n in range(40)] + ["targets"])
    same(client.download("file"), 1, "status")
    client.tells("the first 32 roles")
    same(len(repo.asked[4:]), 32, "asked")


@test
def a_role_that_the_snapshot_does_not_list_is_refused(place):
    repo, client = place.begin()
    repo.delegate("targets", "role")
    repo.add_target("role", "file", b"x")
    repo.publish("role", "targets")
    del repo.says["snapshot"]["meta"]["role.json"]
    repo.publish("snapshot", "timestamp")
    same(client.download("file"), 1, "status")
    client.tells("graft-tuf: file: role: the snapshot does not list it")
    same((asked(repo), client.stored("role"), client.targets()), ("", None, {}), "taken")


@each([("in one run", True), ("in two runs", False)])
def a_role_is_verified_for_who_delegates_to_it_now(place, at_once):
    repo, client = place.begin()
    build(repo, [("targets", "A", {"paths": ["a"]}), ("targets", "B", {"paths": ["b"]}),
                 ("A", "C")])
    # B delegates to C, too, but to a key that did not sign it.
    repo.delegate("B", "C", key=Key())
    repo.keys["C"].pop()
    repo.add_target("C", "a", b"1")
    repo.add_target("C", "b", b"2")
    publish(repo, ["A", "B", "C", "targets"])
    if at_once:
        same(client.download("a", "b"), 1, "status")
    else:
        same(client.download("a"), 0, client.said)
        same(client.download("b"), 1, "status")
    client.tells("graft-tuf: b: C: ", "0 good signatures, 1 are needed")
    same(client.targets(), {"a": b"1"}, "targets")


@test
def a_stored_role_whose_key_its_delegator_changed_is_got_anew(place):
    repo, client = place.begin()
    repo.delegate("targets", "A")
    repo.add_target("A", "file", b"x")
    publish(repo, ["A", "targets"])
    same(client.download("file"), 0, client.said)
    delegation = repo.says["targets"]["delegations"]["roles"][0]
    delegation["keyids"].clear()
    repo.keys["A"].clear()
    repo.add_key("A", delegator="targets")
    repo.publish("targets", "snapshot", "timestamp")
    same(client.download("other"), 1, "status")
    client.tells("graft-tuf: other: A: ", "0 good signatures")
    repo.publish("A", "snapshot", "timestamp")
    same(client.download("file"), 0, client.said)
    same(client.stored("A"), repo.metadata("A"), "A")


@each([(name, name) for name in ("root", "timestamp", "snapshot", "targets", "")])
def a_delegated_role_takes_no_name_of_the_four(place, name):
    repo, client = place.begin()
    repo.says["targets"]["delegations"] = {"keys": {}, "roles": [
        {"name": name, "keyids": [], "threshold": 1, "terminating": False, "paths": ["*"]}]}
    repo.publish("targets", "snapshot", "timestamp")
    client.refused("graft-tuf: targets: ", "no name that can be delegated to")
    check("targets" not in client.versions(), "stored")


@each([(name, name, quoted) for name, quoted in
       (("?", "%3F"), ("#", "%23"), ("/delegatedrole", "%2Fdelegatedrole"),
        ("../delegatedrole", "..%2Fdelegatedrole"))])
def an_odd_name_of_a_role_is_quoted(place, name, quoted):
    repo, client = place.begin()
    repo.delegate("targets", name)
    repo.publish(name, "targets", "snapshot", "timestamp")
    same(client.download("nowhere"), 1, "status")
    check((quoted, 1) in repo.asked, repo.asked)
    same(len(client.versions()), 5, "stored")
    import os
    same(sorted(os.listdir(place.state)), ["initial.json", "metadata", "targets"], "beside")


@each([("as another role", "b", 1), ("as itself", "a", 0), ("as no name", 7, 1)])
def a_file_that_says_its_role_is_taken_for_no_other(place, name, status):
    repo, client = place.begin()
    repo.delegate("targets", "a")
    key = repo.keys["a"][0]
    repo.delegate("targets", "b", key=key)
    repo.says["a"]["x-graft-role"] = name
    repo.add_target("a", "file", b"content")
    repo.publish("a", "b", "targets", "snapshot", "timestamp")
    same(client.download("file"), status, client.said)
    if status:
        client.tells("a: http", "it says that it is of role")
        same(client.stored("a"), None, "stored")


@test
def a_role_that_is_delegated_to_twice_is_refused_by_clients(place):
    repo, client = place.begin()
    repo.delegate("targets", "a", ["x/*"])
    repo.delegate("targets", "b")
    repo.says["targets"]["delegations"]["roles"].append(
        dict(repo.says["targets"]["delegations"]["roles"][0], paths=["y/*"]))
    repo.publish("a", "b", "targets", "snapshot", "timestamp")
    client.refused("targets: http", "role a stands twice")
    same(client.versions()["snapshot"], 2, "what was verified before")

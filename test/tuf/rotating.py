# SPDX-License-Identifier: Apache-2.0
"""Rotation: sequences of roots, and of the keys of other roles.

A step is (keys, threshold, who signs), keys by number.
"""
from keys import Key
from repository import wrapped
from stage import each, same

KEYS = [Key() for _ in range(10)]
FIVE = [0, 1, 2, 3, 4]
OTHER = [0, 1, 3, 4, 5]

ROOTS = [
    ("one key for another", True, ([1], 1, [1]), ([2], 1, [2, 1]), ([2], 1, [2])),
    ("one key for another, with others that sign", True, ([1], 1, [3, 1, 4]),
     ([2], 1, [3, 2, 1, 4]), ([2], 1, [3, 2, 4])),
    ("3 of 5, others each time", True, (FIVE, 3, [0, 2, 4]), (FIVE, 3, [0, 4, 1]),
     (FIVE, 3, [0, 1, 3]), (FIVE, 3, [0, 1, 3])),
    ("3 of 5, one rotated", True, (FIVE, 3, [0, 2, 4]), (OTHER, 3, [0, 4, 1])),
    ("3 of 5, one rotated, with a step between", True, (FIVE, 3, [0, 2, 4]),
     (OTHER, 3, [0, 2, 4, 5]), (OTHER, 3, [0, 4, 5])),
    ("3 of 5, all rotated", True, (FIVE, 3, [0, 2, 4]), ([5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]),
     ([5, 6, 7, 8, 9], 3, [5, 6, 7])),
    ("threshold 1 to 2 of 3", True, ([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [1, 2])),
    ("threshold 2 to 1 of 3", True, ([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1, 2]),
     ([1, 2, 3], 1, [1])),
    ("threshold 1 to 2, with a key more", True, ([1], 1, [1]), ([1, 2], 2, [1, 2])),
    ("not signed by the old key", False, ([1], 1, [1]), ([2], 1, [2, 3, 4])),
    ("not signed by the new key", False, ([1], 1, [1]), ([2], 1, [1, 3, 4])),
    ("3 of 5, not by three of the new", False, (FIVE, 3, [0, 2, 4]), (OTHER, 3, [0, 2, 4])),
    ("3 of 5, not by three of the old", False, (FIVE, 3, [0, 2, 4]), (OTHER, 3, [0, 4, 5])),
    ("threshold 1 to 2, the new one not reached", False, ([1, 2, 3], 1, [1]),
     ([1, 2, 3], 2, [2])),
    ("threshold 2 to 1, the old one not reached", False, ([1, 2, 3], 2, [1, 2]),
     ([1, 2, 3], 1, [1])),
]

ROLES = [
    ("to another key", True, [2], 1, [2]),
    ("with others that sign", True, [1], 1, [3, 1, 4]),
    ("not signed by the new key", False, [2], 1, [1, 3, 4]),
    ("3 of 5, one of them no key of the role", False, OTHER, 3, [0, 2, 4]),
    ("3 of 5, two signed", False, OTHER, 3, [0, 4]),
    ("3 of 5, one way", True, FIVE, 3, [0, 2, 4]),
    ("3 of 5, a second way", True, FIVE, 3, [0, 4, 1]),
    ("3 of 5, a third way", True, FIVE, 3, [0, 1, 3]),
    ("3 of 5, a fourth way", True, FIVE, 3, [1, 2, 3]),
    ("3 of 5, a fifth way", True, FIVE, 3, [2, 3, 4]),
]


def set_keys(repo, role, keys, threshold, signs):
    of = repo.root["roles"][role]
    of["keyids"].clear()
    of["threshold"] = threshold
    repo.keys[role] = []
    for number in keys:
        repo.add_key(role, KEYS[number], signs=False)
    repo.keys[role] = [KEYS[number] for number in signs]


@each(ROOTS)
def roots_follow_each_other(place, good, *steps):
    repo, client = place.begin(init=False)
    del repo.published["root"]
    repo.root["version"] = 1
    for step in steps:
        set_keys(repo, "root", *step)
        repo.publish("root")
    client.init(repo.metadata("root", 1))
    same(client.refresh(), 0 if good else 1, client.said)
    same(client.stored("root"), repo.published["root"][-1 if good else -2], "root")


@each(ROLES)
def keys_of_other_roles_change(place, good, *step):
    repo, client = place.begin()
    for role in ("timestamp", "snapshot", "targets"):
        set_keys(repo, role, *step)
        # Signed anew, in the same version.
        repo.published[role][-1] = wrapped(repo.says[role], repo.keys[role])
        repo.publish("root")
        if good:
            client.ok()
            same(client.stored(role), repo.metadata(role), role)
            continue
        client.refused(f"graft-tuf: {role}: ", "are needed")
        same(client.stored(role), None, role)
        return

# SPDX-License-Identifier: Apache-2.0
"""Keys, kinds of them, thresholds, and signatures that are not good."""
import json

from keys import Key
from stage import each, same, test


def change(repo, role, how):
    """Change the file that a role has newest; its bytes only."""
    file = json.loads(repo.published[role].pop())
    how(file)
    repo.published[role].append(json.dumps(file).encode())


@test
def below_the_threshold_is_refused(place):
    repo, client = place.begin()
    repo.root["roles"]["snapshot"]["threshold"] = 3
    repo.add_key("snapshot")
    repo.add_key("snapshot")
    repo.publish("root", "targets", "snapshot", "timestamp")
    client.ok()
    repo.keys["snapshot"].pop()
    repo.publish("targets", "snapshot", "timestamp")
    client.refused("graft-tuf: snapshot: ", "2 good signatures, 3 are needed")
    same(client.versions()["snapshot"], 2, "snapshot")


@test
def a_role_with_fewer_keys_than_its_threshold_cannot_be_signed(place):
    repo, client = place.begin()
    for _ in range(4):
        repo.add_key("snapshot")
    repo.root["roles"]["snapshot"]["threshold"] = 6
    repo.publish("root", "snapshot", "timestamp")
    client.refused("graft-tuf: snapshot: ", "5 good signatures, 6 are needed")
    same(client.versions(), {"root": 2, "timestamp": 2}, "trusted")


@test
def a_key_that_is_listed_often_does_not_count_often(place):
    repo, client = place.begin()
    key = Key()
    for n in range(9):
        repo.add_key("snapshot", key, signs=n == 0)
    repo.root["roles"]["snapshot"]["threshold"] = 6
    repo.publish("root", "snapshot", "timestamp")
    change(repo, "snapshot", lambda f: f["signatures"].extend(f["signatures"][-1:] * 8))
    client.refused()
    same(client.stored("snapshot"), None, "snapshot")


@test
def two_signatures_of_one_keyid_are_refused(place):
    repo, client = place.begin()
    change(repo, "snapshot", lambda f: f["signatures"].append(f["signatures"][0]))
    client.refused("graft-tuf: snapshot: ", "two signatures of one keyid")
    same(client.stored("snapshot"), None, "snapshot")


@each([("rsa", "rsa"), ("ecdsa", "ecdsa"), ("ed25519", "ed25519")])
def a_kind_of_key_signs(place, keytype):
    repo, client = place.begin()
    key = repo.add_key("root", Key(keytype))
    repo.root["roles"]["root"]["threshold"] = 2
    repo.publish("root")
    client.ok()
    same(client.versions()["root"], 2, "root")
    # A signature of the same key over something else.
    repo.publish("root")
    change(repo, "root", lambda f: f["signatures"][1].update(sig=key.sign(b"other")))
    client.refused("graft-tuf: root: ", "1 good signatures, 2 are needed")
    same(client.versions()["root"], 2, "root")


@each([("of another text", None), ("empty", ""), ("no hexadecimal digits", "what?")])
def a_bad_signature_beside_enough_good_ones_does_no_harm(place, sig):
    repo, client = place.begin()
    repo.add_key("timestamp")
    repo.publish("root", "timestamp")
    if sig is None:
        sig = json.loads(repo.published["timestamp"][0])["signatures"][0]["sig"]
    change(repo, "timestamp", lambda f: f["signatures"][0].update(sig=sig))
    client.ok()
    same(client.versions()["timestamp"], 2, "timestamp")


@test
def a_kind_of_key_that_is_unknown_does_no_harm(place):
    repo, client = place.begin()
    odd = Key()
    odd.public = {"keytype": "post-quantum", "scheme": "x", "keyval": {"new": [1]}}
    repo.add_key("timestamp", odd)
    repo.publish("root", "timestamp")
    client.ok()
    # But it signs nothing.
    repo.root["roles"]["timestamp"]["threshold"] = 2
    repo.publish("root", "timestamp")
    client.refused("graft-tuf: timestamp: ", "1 good signatures, 2 are needed")


@test
def a_keyid_without_a_key_does_no_harm(place):
    repo, client = place.begin()
    repo.root["roles"]["timestamp"]["keyids"].append("ab" * 32)
    repo.publish("root", "timestamp")
    client.ok()
    same(client.versions()["root"], 2, "root")

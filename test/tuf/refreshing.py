# SPDX-License-Identifier: Apache-2.0
"""What a refresh asks for, stores, and refuses."""
import json

from keys import Key
from stage import check, each, same, test

FIRST = [("root", 2), ("timestamp", None), ("snapshot", 1), ("targets", 1)]
ALL = ("root", "targets", "snapshot", "timestamp")


@test
def a_refresh_asks_for_each_file_once(place):
    repo, client = place.begin()
    same(repo.asked, [], "init asks nobody")
    client.ok()
    same(repo.asked, FIRST, "asked")
    client.ok()
    same(repo.asked, FIRST + FIRST[:2], "asked")


@test
def what_is_stored_is_what_was_served(place):
    repo, client = place.begin()
    # Other bytes than anybody would write.
    repo.published["timestamp"][-1] += b" \n"
    client.ok()
    for role in ALL:
        same(client.stored(role), repo.metadata(role), role)


@test
def a_repository_may_be_without_consistent_snapshots(place):
    repo, client = place.begin(consistent=False)
    repo.add_target("targets", "a/b", b"content")
    repo.publish("targets", "snapshot", "timestamp")
    same(client.download("a/b"), 0, client.said)
    same(repo.asked, [("root", 2), ("timestamp", None), ("snapshot", None), ("targets", None)],
         "asked")
    same(repo.asked_targets, [("a/b", None)], "asked")


@test
def a_download_refreshes_first(place):
    repo, client = place.begin()
    same(client.download("not there"), 1, "status")
    client.tells("not there", "no such target")
    same(repo.asked, FIRST, "asked")
    same(client.versions(), dict.fromkeys(ALL, 1), "trusted")


@test
def without_a_trusted_root_nobody_is_asked(place):
    repo, client = place.begin(init=False)
    client.refused("no such directory")
    import os
    check(not os.path.exists(client.metadata_dir), "made by a refresh")
    os.mkdir(client.metadata_dir)
    client.refused("no root is trusted there", "init")
    same(repo.asked, [], "asked")


@test
def a_first_root_that_is_malformed_is_not_trusted(place):
    repo, client = place.begin(init=False)
    root = json.loads(repo.metadata("root", 1))
    del root["signed"]["version"]
    client.init(json.dumps(root).encode(), 1)
    client.tells('there is no "version"')
    same((client.refresh(), repo.asked), (1, []), "refresh")


@test
def a_first_root_that_is_not_signed_is_not_trusted(place):
    repo, client = place.begin(init=False)
    root = json.loads(repo.metadata("root", 1))
    root["signatures"][0]["sig"] = "3045022100ee" + "ab" * 60
    client.init(json.dumps(root).encode(), 1)
    client.tells("0 good signatures, 1 are needed")
    same((client.refresh(), repo.asked), (1, []), "refresh")


@each([("root", {"root": 1}), ("timestamp", {"root": 2}), ("snapshot", {"root": 2, "timestamp": 2}),
       ("targets", {"root": 2, "snapshot": 2, "timestamp": 2})])
def what_is_not_signed_is_refused(place, trusted):
    role = [r for r in ("root", "timestamp", "snapshot", "targets") if r not in trusted or
            trusted == {"root": 1} and r == "root"][0]
    repo, client = place.begin()
    repo.keys[role].pop()
    repo.publish("root", "targets", "snapshot", "timestamp")
    client.refused(f"graft-tuf: {role}: ", "0 good signatures, 1 are needed")
    same(client.versions(), trusted, "trusted")


@each([("root", {"root": 1}), ("snapshot", {"root": 2, "timestamp": 2}),
       ("targets", {"root": 2, "snapshot": 2, "timestamp": 2})])
def a_version_that_is_not_that_of_the_name_is_refused(place, trusted):
    role = {1: "root", 2: "snapshot", 3: "targets"}[len(trusted)]
    repo, client = place.begin()
    repo.says[role]["version"] += 1
    repo.publish("root", "targets", "snapshot", "timestamp")
    # What lists it says 3, and what is served as 3 says so: list 2, where 3 is served.
    if role != "root":
        listing = {"snapshot": "timestamp", "targets": "snapshot"}[role]
        repo.says[listing]["meta"][f"{role}.json"]["version"] = 2
        for one in ("snapshot", "timestamp")[listing == "timestamp":]:
            repo.published[one].pop()
            repo.says[one]["version"] -= 1
            repo.publish(one)
    client.refused(f"graft-tuf: {role}: ", "it is version 3")
    same(client.versions(), trusted, "trusted")


@test
def a_timestamp_of_the_same_version_changes_nothing(place):
    repo, client = place.begin()
    client.ok()
    before = client.stored("timestamp")
    repo.says["timestamp"]["meta"]["snapshot.json"]["version"] = 100
    del repo.published["timestamp"]
    repo.publish("timestamp")
    client.ok()
    same(repo.asked[-1], ("timestamp", None), "asked last")
    same(client.stored("timestamp"), before, "stored")


@test
def hashes_of_metadata_are_checked(place):
    repo, client = place.begin()
    repo.with_hashes = True
    repo.publish("targets", "snapshot", "timestamp")
    client.ok()
    repo.publish("targets")
    repo.says["snapshot"]["meta"]["targets.json"]["hashes"]["sha256"] = "46" * 32
    repo.publish("snapshot", "timestamp")
    client.refused("graft-tuf: targets: ", "its sha256 is not the one that is signed")
    same(client.versions(), {"root": 1, "timestamp": 3, "snapshot": 3, "targets": 2}, "trusted")


@test
def a_snapshot_of_another_hash_is_refused(place):
    repo, client = place.begin()
    repo.with_hashes = True
    repo.publish("snapshot")
    repo.says["timestamp"]["meta"]["snapshot.json"]["hashes"]["sha256"] = "46" * 32
    repo.publish("timestamp")
    client.refused("graft-tuf: snapshot: ", "its sha256 is not the one that is signed")
    same(client.versions(), {"root": 1, "timestamp": 2}, "trusted")


@each([("longer", 1), ("shorter", -1)])
def a_length_of_metadata_is_checked(place, change):
    repo, client = place.begin()
    repo.with_hashes = True
    repo.publish("targets")
    repo.says["snapshot"]["meta"]["targets.json"]["length"] += change
    repo.publish("snapshot", "timestamp")
    client.refused("graft-tuf: targets: ")
    same(client.versions(), {"root": 1, "timestamp": 2, "snapshot": 2}, "trusted")


@test
def members_that_are_unknown_are_signed_with_the_rest(place):
    repo, client = place.begin()
    client.ok()
    key = Key(**{"extra-field": {"a": 1, "b": [True, None, "\u00e9\n\"\\"]}})
    repo.root["custom-field"] = "value"
    repo.add_key("root", key)
    repo.root["roles"]["root"]["another-field"] = "value"
    repo.publish("root")
    client.ok()
    same(client.versions()["root"], 2, "root")
    # They count: another value is another text.
    repo.publish("root")
    served = json.loads(repo.published["root"].pop())
    served["signed"]["custom-field"] = "other"
    repo.published["root"].append(json.dumps(served).encode())
    client.refused("graft-tuf: root: ", "0 good signatures")


@test
def keyid_hash_algorithms_means_nothing(place):
    repo, client = place.begin()
    repo.root["roles"]["snapshot"]["keyids"].clear()
    repo.keys["snapshot"].clear()
    repo.add_key("snapshot", Key(keyid_hash_algorithms="md5"))
    repo.publish("root", "snapshot", "timestamp")
    client.ok()
    same(client.versions(), {"root": 2, "timestamp": 2, "snapshot": 2, "targets": 1}, "trusted")


@test
def a_snapshot_that_is_missing_is_said(place):
    repo, client = place.begin()
    client.ok()
    repo.says["timestamp"]["meta"]["snapshot.json"]["version"] += 1
    repo.publish("timestamp")
    client.refused("graft-tuf: snapshot: ", "2.snapshot.json", "the server does not have it")
    same(repo.asked[-1], ("snapshot", 2), "asked last")
    same(client.versions(), {"root": 1, "timestamp": 2, "snapshot": 1, "targets": 1}, "trusted")


@test
def targets_that_are_missing_are_said(place):
    repo, client = place.begin()
    client.ok()
    repo.says["snapshot"]["meta"]["targets.json"]["version"] += 1
    repo.publish("snapshot", "timestamp")
    client.refused("graft-tuf: targets: ", "the server does not have it")
    same(repo.asked[-1], ("targets", 2), "asked last")
    same(client.versions(), {"root": 1, "timestamp": 2, "snapshot": 2, "targets": 1}, "trusted")


@test
def a_timestamp_that_is_missing_is_said(place):
    repo, client = place.begin()
    client.ok()
    del repo.published["timestamp"]
    client.refused("graft-tuf: timestamp: ", "the server does not have it", "another")
    same(repo.asked[-1], ("timestamp", None), "asked last")


@test
def a_file_of_another_type_is_refused(place):
    repo, client = place.begin()
    # A snapshot that is a good timestamp in everything else.
    repo.add_key("snapshot", repo.keys["timestamp"][0])
    repo.says["snapshot"]["meta"] = {"snapshot.json": {"version": 1}}
    repo.publish("root", "snapshot")
    repo.published["timestamp"].append(repo.published["snapshot"].pop())
    client.refused("graft-tuf: timestamp: ", 'its _type is not "timestamp"')
    same(client.versions(), {"root": 2}, "trusted")

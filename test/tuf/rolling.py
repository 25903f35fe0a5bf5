# SPDX-License-Identifier: Apache-2.0
"""Versions that go back, and the way on when they had been made too high."""
from stage import each, same, test

HASHES = [("", False), ("with hashes", True)]


@test
def an_older_timestamp_is_refused(place):
    repo, client = place.begin()
    repo.publish("timestamp")
    client.ok()
    repo.published["timestamp"].pop()
    client.refused("graft-tuf: timestamp: ", "it is version 1, where version 2 was seen before")
    same(client.versions()["timestamp"], 2, "timestamp")
    same(repo.asked[-1], ("timestamp", None), "asked last")


@each(HASHES)
def a_timestamp_that_lists_an_older_snapshot_is_refused(place, with_hashes):
    repo, client = place.begin()
    repo.with_hashes = with_hashes
    repo.publish("snapshot", "timestamp")
    client.ok()
    repo.says["snapshot"]["version"] = 0
    repo.publish("snapshot", "timestamp")
    client.refused("graft-tuf: timestamp: ", "it lists snapshot version 1")
    same(client.versions(), {"root": 1, "timestamp": 2, "snapshot": 2, "targets": 1}, "trusted")
    same(repo.asked[-1], ("timestamp", None), "asked last")


@test
def an_older_snapshot_that_nobody_lists_is_not_asked_for(place):
    repo, client = place.begin()
    repo.publish("snapshot", "timestamp")
    client.ok()
    repo.published["snapshot"].pop()
    client.ok()
    same(client.versions()["snapshot"], 2, "snapshot")
    same(repo.asked[-1], ("timestamp", None), "asked last")


@each(HASHES)
def older_targets_are_refused(place, with_hashes):
    repo, client = place.begin()
    repo.with_hashes = with_hashes
    repo.publish("targets", "targets", "snapshot", "timestamp")
    client.ok()
    repo.says["targets"]["version"] = 1
    repo.publish("targets", "snapshot", "timestamp")
    client.refused("graft-tuf: snapshot: ", "targets.json: it is version 2, where version 3 was")
    same(client.versions(), {"root": 1, "timestamp": 3, "snapshot": 2, "targets": 3}, "trusted")


@test
def a_role_that_a_snapshot_no_longer_lists_is_missed(place):
    repo, client = place.begin()
    repo.delegate("targets", "role")
    repo.publish("role", "targets", "snapshot", "timestamp")
    client.ok()
    del repo.says["snapshot"]["meta"]["role.json"]
    repo.publish("snapshot", "timestamp")
    client.refused("graft-tuf: snapshot: ", "it does not list role.json any more")
    same(client.versions()["snapshot"], 2, "snapshot")


@test
def targets_too_high_are_left_by_a_new_key_of_the_snapshot(place):
    repo, client = place.begin()
    for _ in range(99):
        repo.publish("targets")
    repo.publish("snapshot", "timestamp")
    client.ok()
    same(client.versions()["targets"], 100, "targets")
    repo.rotate("snapshot")
    repo.publish("root")
    repo.says["targets"]["version"] = 1
    repo.publish("targets", "snapshot", "timestamp")
    client.ok()
    same(client.versions()["targets"], 2, "targets")


@each([("and timestamp", True), ("alone", False)])
def a_snapshot_too_high_is_left_by_a_new_key_of_the_snapshot(place, both):
    repo, client = place.begin()
    repo.says["snapshot"]["version"] = 99998
    repo.published["snapshot"] *= 99998
    repo.publish("snapshot", "timestamp")
    client.ok()
    same(client.versions()["snapshot"], 99999, "snapshot")
    repo.rotate("snapshot")
    if both:
        repo.rotate("timestamp")
    repo.says["snapshot"]["version"] = 1
    repo.publish("root", "snapshot", "timestamp")
    repo.published["snapshot"][1] = repo.published["snapshot"][-1]
    client.ok()
    same(client.versions()["snapshot"], 2, "snapshot")


@test
def a_timestamp_too_high_is_left_by_a_new_key_of_it(place):
    repo, client = place.begin()
    for _ in range(99):
        repo.publish("timestamp")
    client.ok()
    same(client.versions()["timestamp"], 100, "timestamp")
    repo.rotate("timestamp")
    repo.says["timestamp"]["version"] = 1
    repo.publish("root", "timestamp")
    client.ok()
    same(client.versions()["timestamp"], 2, "timestamp")


@test
def a_key_more_lets_nothing_go_back(place):
    repo, client = place.begin()
    repo.publish("timestamp", "timestamp")
    client.ok()
    repo.add_key("timestamp")
    repo.publish("root")
    repo.says["timestamp"]["version"] = 1
    repo.publish("timestamp")
    client.refused("graft-tuf: timestamp: ", "it is version 2, where version 3 was seen before")

# SPDX-License-Identifier: Apache-2.0
"""Time: of the repository, of the machine, and of what was stored."""
from stage import days, same, test


@test
def time_is_that_of_the_c_library(place):
    repo, client = place.begin()
    repo.root["expires"] = days(7)
    repo.publish("root")
    client.ok()
    client.refused("graft-tuf: root: ", "it expired at", "the clock of this machine says",
                   after=18)


@test
def an_expired_root_is_stored_and_ends_the_update(place):
    repo, client = place.begin()
    client.ok()
    repo.publish("root")
    client.ok()
    repo.root["expires"] = days(-1)
    repo.publish("root", "targets", "snapshot", "timestamp")
    client.refused("graft-tuf: root: version 3: it expired")
    same(client.versions(), {"root": 3, "timestamp": 1, "snapshot": 1, "targets": 1}, "trusted")


@test
def an_expired_root_in_between_is_none(place):
    repo, client = place.begin()
    repo.root["expires"] = days(-1)
    repo.publish("root")
    repo.root["expires"] = days(1)
    repo.publish("root")
    client.ok()
    same(client.versions()["root"], 3, "root")


@test
def an_expired_timestamp_is_refused(place):
    repo, client = place.begin()
    client.ok()
    repo.says["timestamp"]["expires"] = days(-5)
    repo.publish("timestamp")
    client.refused("graft-tuf: timestamp: ", "it expired")
    same(client.versions()["timestamp"], 1, "timestamp")


@test
def an_expired_snapshot_is_refused(place):
    repo, client = place.begin()
    client.ok()
    repo.says["snapshot"]["expires"] = days(-5)
    repo.publish("snapshot", "timestamp")
    client.refused("graft-tuf: snapshot: ", "it expired")
    same(client.versions(), {"root": 1, "timestamp": 2, "snapshot": 1, "targets": 1}, "trusted")


@test
def expired_targets_are_refused(place):
    repo, client = place.begin()
    client.ok()
    repo.says["targets"]["expires"] = days(-5)
    repo.publish("targets", "snapshot", "timestamp")
    client.refused("graft-tuf: targets: ", "it expired")
    same(client.versions(), {"root": 1, "timestamp": 2, "snapshot": 2, "targets": 1}, "trusted")


@test
def from_an_expired_root_that_is_stored_one_comes_to_a_new_one(place):
    repo, client = place.begin()
    repo.root["expires"] = days(7)
    repo.publish("root")
    client.ok()
    repo.root["expires"] = days(21)
    repo.publish("root")
    client.ok(after=18)
    same(client.versions()["root"], 3, "root")


@test
def from_an_expired_timestamp_that_is_stored_one_comes_to_a_new_one(place):
    repo, client = place.begin()
    repo.says["timestamp"]["expires"] = days(7)
    repo.publish("timestamp")
    client.ok()
    repo.says["timestamp"]["expires"] = days(21)
    repo.publish("targets", "snapshot", "timestamp")
    client.ok(after=18)
    same(client.versions(), {"root": 1, "timestamp": 3, "snapshot": 2, "targets": 2}, "trusted")


@test
def an_expired_timestamp_still_says_what_is_older(place):
    repo, client = place.begin()
    repo.says["timestamp"]["expires"] = days(7)
    repo.publish("timestamp", "timestamp")
    client.ok()
    repo.says["timestamp"].update(version=1, expires=days(21))
    repo.publish("timestamp")
    client.refused("graft-tuf: timestamp: ", "it is version 2, where version 3 was seen", after=18)


@test
def a_stored_timestamp_that_expired_is_not_good_because_it_is_the_newest(place):
    repo, client = place.begin()
    repo.says["timestamp"]["expires"] = days(7)
    repo.publish("timestamp")
    client.ok()
    client.refused("graft-tuf: timestamp: ", "it expired", after=18)


@test
def stored_targets_that_expired_are_not_used(place):
    repo, client = place.begin()
    repo.add_target("targets", "a", b"1")
    repo.says["targets"]["expires"] = days(7)
    repo.publish("targets", "snapshot", "timestamp")
    client.ok()
    same(client.download("a", after=18), 1, "status")
    client.tells("graft-tuf: targets: ", "it expired")
    same(client.targets(), {}, "targets")


@test
def an_expired_delegated_role_is_refused(place):
    repo, client = place.begin()
    repo.delegate("targets", "delegated", ["d/*"])
    repo.says["delegated"]["expires"] = days(-1)
    repo.add_target("delegated", "d/target", b"content")
    repo.publish("delegated", "targets", "snapshot", "timestamp")
    client.ok()
    same(client.download("d/target"), 1, "status")
    client.tells("graft-tuf: d/target: delegated: ", "it expired")
    same(client.targets(), {}, "targets")
    same(client.stored("delegated"), None, "stored")


@test
def a_delegated_role_that_expired_is_refused_until_it_is_new(place):
    repo, client = place.begin()
    repo.delegate("targets", "delegated", ["d/*"])
    repo.says["delegated"]["expires"] = days(7)
    repo.add_target("delegated", "d/one", b"1")
    repo.add_target("delegated", "d/two", b"2")
    repo.publish("delegated", "targets", "snapshot", "timestamp")
    same(client.download("d/one"), 0, client.said)
    same(client.download("d/two", after=18), 1, "status")
    same(client.targets(), {"d%2Fone": b"1"}, "targets")
    repo.says["delegated"]["expires"] = days(21)
    repo.publish("delegated", "snapshot", "timestamp")
    same(client.download("d/two", after=18), 0, client.said)
    same(client.targets(), {"d%2Fone": b"1", "d%2Ftwo": b"2"}, "targets")


@test
def a_clock_that_stands_at_its_beginning_is_said(place):
    repo, client = place.begin()
    client.refused("the clock of this machine says 1970-01-02T", "set it", at="1970-01-02 12:00:00")
    same(repo.asked, [], "asked")

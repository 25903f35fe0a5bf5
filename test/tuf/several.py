# SPDX-License-Identifier: Apache-2.0
"""`graft update` with two repositories, a vendor's and one of the house: both must agree, or the
configuration says who counts; and what one of them can do that is out of order, or in other hands."""
import functools
import json
import os
import shutil
import time

from carrying import Server, read
from releasing import built, make, spec, two_months
from stage import Skip, check, each, same, test
from updating import Daemon, Device, begin, by_hand, releases
from victim import until
from writer import Writer


class House(Writer):
    """A repository with keys of its own."""

    def key(self, name, kind="ed25519", guarded=True):
        return super().key(name if name.startswith("house-") else f"house-{name}", kind, guarded)


def house(place, last=True):
    """One that has what the vendor has, or all but the last month's hotpatch."""
    vendor = place.state
    w = House(place).init("--bins", "2")
    more = two_months(w)
    if last:
        make(w, "fix13.graft", "memory13.graft", **more)
    w.publish()
    w.more = more
    place.state, w.vendor = vendor, vendor
    return w


class Pair:
    """A device of both."""

    def __init__(self, place, last=True):
        self.vendor, self.house = begin(place), house(place, last)
        self.device = Device(self.vendor)
        self.root = self.vendor.write("house.json", read(self.house, "public/metadata/1.root.json"))
        self.urls = {"main": f"file://{self.vendor.dir}/public", "own": f"file://{self.house.dir}/public"}

    def config(self, more="", names=("main", "own"), root=True):
        lines = [f"repository = {'' if n == 'main' else n + ' '}{self.urls[n]}" for n in names]
        return "\n".join([*lines, *([f"trusted-root = own {self.root}"] if root and "own" in names else []), more]) + "\n"

    def update(self, *words, more="", names=("main", "own"), **other):
        return self.device.update(*words, urls=[], config=self.config(more, names), **other)

    def close(self):
        shutil.rmtree(self.house.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def by_hand_and_house(place, files):
    """A vendor's repository whose targets are put there by hand, a device of it, and a house that has only the last
    hotpatch. @return What by_hand() does, and the house with the lines that configure it."""
    repo, device, urls = by_hand(place, *files)
    vendor = place.state
    own = House(place).init()
    make(own, "fix13.graft", **two_months(own))
    own.publish()
    place.state = vendor
    own.root = read(own, "public/metadata/1.root.json")
    own.config = f"repository = own file://{own.dir}/public\ntrusted-root = own {device.w.write('house.json', own.root)}\n"
    return repo, device, urls, own


def ids(said):
    return [r["id"] for r in said["releases"]]


def pool(device):
    return [n for n in device.stored() if "pool" in n or "partial/" in n]


@test
def what_one_repository_says_alone_does_not_count(place):
    with Pair(place, last=False) as two:
        said = two.update("--json")
        # The one that the house has not is not the one that is taken.
        same((ids(said), said["device"]["target"]), (["GP-2026-0003"], "2026-11"), "decided")
        same([(d["release"], d["repository"], d["what"], d["counts"]) for d in said["disagreements"]],
             [("GP-2026-0005", "own", "does not list it", False)], "disagreements")
        same([(r["name"], r["source"]) for r in said["repositories"]], list(two.urls.items()), "repositories")
        check("GP-2026-0005 does not count: repository own does not list it\n" in two.update(status=3), "text")
        make(two.house, "fix13.graft", "memory13.graft", **two.house.more)
        two.house.publish()
        said = two.update("--json")
        same((ids(said), said["disagreements"], said["raised"]), (["GP-2026-0005"], [], True), "agreed")
        # Each has its own state.
        names = set(two.device.stored())
        check({"releases/trusted/root.json", "repositories/own/trusted/root.json"} <= names, names)


@test
def what_they_contradict_each_other_about_is_named_and_nothing_is_done(place):
    with Pair(place, last=False) as two:
        make(two.house, "fix13.graft", "memory13.graft", **{**two.house.more, "title": "Others", "severity": "low"})
        two.house.publish()
        conf = two.device.conf()
        said = two.update("--json", status=69)
        check("GP-2026-0005: the repositories main and own do not say the same of it (severity, title): nothing is done"
              in said["error"]["message"], said)
        same((two.device.conf(), pool(two.device)), (conf, []), "what was done")
        # Who is to count is said by the administrator, and then it is noted.
        said = two.update("--dry-run", "--json", more="agreement = first")
        same((ids(said), [r["title"] for r in said["releases"]]), (["GP-2026-0005"], ["Fixes"]), "the first")
        same([(d["repository"], d["what"], d["counts"]) for d in said["disagreements"]],
             [("own", "describes it otherwise (severity, title); what main says counts", True)], "disagreements")
        said = two.update("--dry-run", "--json", more="agreement = first", names=("own", "main"))
        same([r["title"] for r in said["releases"]], ["Others"], "the other order")
        said = two.update("--dry-run", "--json", more="decides = own hotpatch")
        same([r["title"] for r in said["releases"]], ["Others"], "who decides the line")


@test
def a_file_must_be_the_same_in_both(place):
    repo, device, urls, own = by_hand_and_house(place, releases())
    repo.publish("targets", "snapshot", "timestamp")
    for name in built():
        for one in ("0001/libx1_1.1_amd64.deb", "0002/libx1_1.2_amd64.deb", "0003/fix12.graft", "0003/memory12.graft",
                    "0004/libx1_1.3_amd64.deb", "0005/fix13.graft"):
            if one.endswith("/" + name):
                repo.add_target("targets", f"pool/GP-2026-{one}", built()[name])
    repo.publish("targets", "snapshot", "timestamp")
    config = own.config
    try:
        conf = device.conf()
        same(ids(device.update("--dry-run", "--json", urls=urls, config=config)), ["GP-2026-0005"], "they agree")
        # The same description, and another file under its name.
        repo.add_target("targets", "pool/GP-2026-0005/fix13.graft", built()["fix12.graft"])
        repo.publish("targets", "snapshot", "timestamp")
        said = device.update(urls=urls, config=config, status=65)
        check("repository main: pool/GP-2026-0005/fix13.graft: the repository has another file" in said, said)
        repo.add_target("targets", "pool/GP-2026-0005/fix13.graft", built()["fix13.graft"])
        repo.publish("targets", "snapshot", "timestamp")
        # Who has the file only in its metadata: the bytes come from the other.
        shutil.rmtree(f"{own.dir}/public/targets/pool")
        device.update(urls=urls, config=config)
        device.is_at("2026-10", "2026-10")
        gone = device.w.write("gone.json", own.root + b"\n")
        own_first = (f"{config}repository = gone http://127.0.0.1:1\ntrusted-root = gone {gone}\n"
                     f"repository = {urls[0]}\nagreement = first\n")
        device.update(urls=[], config=own_first)
        check("level = 2026-12" in device.conf(), device.said)
        # Each is named once, and the one of whom it is true.
        same(["repository own is left: " in line for line in device.said.splitlines() if " is left: " in line],
             [False, True], device.said)
        check("left: repository" not in device.said, device.said)
        check(conf != device.conf() and not pool(device), device.stored().keys())
    finally:
        shutil.rmtree(own.folder)


def gone(two, _):
    two.urls["own"] = "http://127.0.0.1:1"


def rolled_back(two, old):
    shutil.rmtree(f"{two.house.dir}/public")
    shutil.copytree(old, f"{two.house.dir}/public")


def forged(two, _):
    path = f"{two.house.dir}/public/metadata/timestamp.json"
    with open(path, encoding="utf-8") as file:
        text = json.load(file)
    text["signed"]["version"] += 1
    with open(path, "w", encoding="utf-8") as file:
        json.dump(text, file)


def mixed(two, _):
    # Its targets are those of the vendor, who signed them with other keys.
    shutil.rmtree(f"{two.house.dir}/public/metadata")
    shutil.copytree(f"{two.vendor.dir}/public/metadata", f"{two.house.dir}/public/metadata")



@each([("cannot be reached", gone, 92, "127.0.0.1"), ("serves what is old", rolled_back, 91, "old"),
       ("serves what nobody signed", forged, 68, "timestamp"), ("serves what another signed", mixed, 68, "")])
def one_that_is_out_of_order_keeps_from_all_or_is_left_and_said(place, harm, status, word):
    with Pair(place) as two:
        old = two.vendor.path("old")
        shutil.copytree(f"{two.house.dir}/public", old)
        two.house.add("more", "more")
        two.house.publish()
        two.update("--dry-run")
        conf, stored = two.device.conf(), two.device.stored()
        harm(two, old)
        said = two.update("--json", status=status)
        check(said["error"]["message"].startswith("repository own: ") and word in said["error"]["message"], said)
        same((two.device.conf(), pool(two.device)), (conf, []), "what was done")
        changed = {n for n, data in two.device.stored().items() if stored.get(n) != data}
        check(not any(n.startswith("repositories/own/trusted") for n in changed), changed)
        # Where the first that knows is enough, it is left, and that is said.
        said = two.update("--json", more="agreement = first", names=("own", "main"))
        same([(r["name"], "left" in r) for r in said["repositories"]], [("own", True), ("main", False)], "who was left")
        check("repository own is left: " in two.device.said and word in two.device.said, two.device.said)
        same((ids(said), said["raised"]), (["GP-2026-0005"], True), "the other")
        # And nothing of it was forgotten.
        changed = {n for n, data in two.device.stored().items() if stored.get(n) != data}
        check(not any(n.startswith("repositories/own/trusted") for n in changed), changed)


@test
def one_that_expired_keeps_from_all(place):
    with Pair(place) as two:
        two.update("--dry-run")
        same(two.update("--json", status=90, after=3)["error"]["message"].split(":")[0], "repository main", "frozen")
        two.vendor.run("refresh", "--key", two.vendor.online, after=3)
        said = two.update("--json", status=90, after=3)["error"]["message"]
        check(said.startswith("repository own: ") and "expired" in said, said)


@test
def graftd_says_what_they_do_not_agree_about_and_who_is_left(place):
    if os.geteuid() or os.path.exists("/etc/graft/policy.conf"):
        raise Skip("not root, or this host has a policy")
    with Pair(place, last=False) as two:
        with Daemon(two.device, [], *two.config().splitlines()) as daemon:
            until(lambda: "release: GP-2026-0005 does not count: repository own does not list it\n" in daemon.said(),
                  "it says nothing")
            same(two.device.conf().count("level = 2026-11"), 1, two.device.conf())
        two.urls["own"] = "http://127.0.0.1:1"
        with Daemon(two.device, [], *two.config("agreement = first").splitlines()) as daemon:
            until(lambda: "release: repository own is left: root: http://127.0.0.1:1/" in daemon.said(), "it says nothing")
            until(lambda: "level = 2026-12" in two.device.conf(), daemon.said())
            time.sleep(12)
            same(daemon.said().count("is left"), 1, daemon.said())
        with Daemon(two.device, [], *two.config().splitlines()) as daemon:
            until(lambda: "release: repository own: root: " in daemon.said(), "it says nothing")


@test
def none_of_them_is_said_when_none_can_be_asked(place):
    with Pair(place) as two:
        two.urls = {n: "http://127.0.0.1:1" for n in two.urls}
        check("no repository can be asked; repository main: " in two.update(more="agreement = first", status=92), "none")


@test
def who_decides_a_line_is_the_only_one_who_is_heard_of_it(place):
    with Pair(place, last=False) as two:
        # The house has no hotpatch of that month; the vendor alone decides about hotpatches.
        said = two.update("--dry-run", "--json", more="decides = main hotpatch")
        same((ids(said), said["disagreements"]), (["GP-2026-0005"], []), "the vendor's line")
        # The house alone: what the vendor lists of that line is not heard, whatever the order is.
        for more in "decides = own hotpatch", "agreement = first\ndecides = own hotpatch":
            said = two.update("--dry-run", "--json", more=more)
            same(ids(said), ["GP-2026-0003"], more)
            same([(d["release"], d["counts"]) for d in said["disagreements"]], [("GP-2026-0005", False)], more)
        # Of another line all must agree still.
        said = two.update("--dry-run", "--json", more="decides = main cumulative")
        same(ids(said), ["GP-2026-0003"], "another line")


@test
def what_was_trusted_is_not_forgotten_by_another_name_or_by_being_left_out(place):
    with Pair(place) as two:
        old = two.vendor.path("old")
        shutil.copytree(f"{two.house.dir}/public", old)
        two.house.add("more", "more")
        two.house.publish()
        two.update("--dry-run")
        # Taken out of the configuration, and put back.
        two.update("--dry-run", names=("main",))
        rolled_back(two, old)
        check("old" in two.update("--dry-run", status=91), "a rollback")
        # The same with another name.
        own = two.root
        config = f"repository = {two.urls['main']}\nrepository = house {two.urls['own']}\ntrusted-root = house {own}\n"
        said = two.device.update("--dry-run", urls=[], config=config, status=84)
        check(f"is not forgotten, mv {two.device.state}/repositories/own {two.device.state}/repositories/house" in said, said)
        os.rename(f"{two.device.state}/repositories/own", f"{two.device.state}/repositories/house")
        check("repository house: " in two.device.update("--dry-run", urls=[], config=config, status=91), "still")
        # One repository cannot agree with itself.
        two.root = two.device.root
        two.urls["own"] = two.urls["main"]
        said = two.update("--dry-run", status=84)
        check("the repositories main and own have the same root: they are one" in said, said)
        # Nor is another root taken for one that is known.
        config = f"repository = {two.urls['main']}\nrepository = house file://{two.house.dir}/public\n"
        said = two.device.update("--dry-run", urls=[], config=f"{config}trusted-root = house {two.device.root}\n", status=84)
        check("repository house: " in said and "is not the root that was trusted first" in said, said)


@test
def a_repository_is_known_again_by_each_root_that_it_had(place):
    with Pair(place) as two:
        house, update, state = two.house, two.device.update, two.device.state
        two.update("--dry-run")
        for n in 2, 3, 4:
            house.run("rotate", "root", "--add", house.key(f"root{n}"), "--key", house.key("root"))
            house.publish()
        two.update("--dry-run")
        roots = {n: two.vendor.write(f"root{n}.json", read(house, f"public/metadata/{n}.root.json")) for n in (1, 2, 3, 4)}
        same(two.device.stored()["repositories/own/trusted/root.json"], read(house, "public/metadata/4.root.json"), "trusted")

        def config(name, root):
            return f"repository = {two.urls['main']}\nrepository = {name} {two.urls['own']}\ntrusted-root = {name} {root}\n"

        # Under another name, by each of them: the first, those in between, the present one.
        for root in roots.values():
            said = update("--dry-run", urls=[], config=config("house", root), status=84)
            check(f"is not forgotten, mv {state}/repositories/own {state}/repositories/house" in said, said)
        # Under its own name each of them is good, and none of them is forgotten by that.
        for n in 3, 2, 4, 1, 3:
            update("--dry-run", urls=[], config=config("own", roots[n]))
        for root in roots.values():
            update("--dry-run", urls=[], config=config("house", root), status=84)
        same(two.device.stored()["repositories/own/trusted/root.json"], read(house, "public/metadata/4.root.json"), "trusted")
        # That of another repository is not.
        said = update("--dry-run", urls=[], config=config("own", two.device.root), status=84)
        check("is not the root that was trusted first" in said, said)
        # Two names of one repository, of which one is new and begins in between.
        both = config("own", roots[1]) + f"repository = house {two.urls['own']}\ntrusted-root = house {roots[2]}\n"
        check("have the same root: they are one" in update("--dry-run", urls=[], config=both, status=84), "one")


@test
def two_names_of_one_repository_leave_nothing_behind(place):
    with Pair(place) as two:
        root, url = two.root, two.urls["own"]
        two.root, two.urls["own"] = two.device.root, two.urls["main"]
        check("they are one" in two.update("--dry-run", status=84), two.device.said)
        names = two.device.stored()
        check(not any("trusted/" in n for n in names), sorted(names))
        # Whoever sees his mistake has nothing to remove.
        two.root, two.urls["own"] = root, url
        two.update("--dry-run")


@test
def what_is_named_on_the_command_line_is_of_one_repository(place):
    with Pair(place, last=False) as two:
        moved = two.vendor.path("moved")
        os.rename(f"{two.house.dir}/public", moved)
        two.update("--dry-run", status=66)
        # It does not take the place of the other, which must agree as ever.
        said = two.update("--dry-run", "--json", "--from", f"own=file://{moved}/")
        same((ids(said), [r["source"] for r in said["repositories"]]),
             (["GP-2026-0003"], [two.urls["main"], f"file://{moved}"]), "of the house")
        two.update("--dry-run", "--from", f"file://{two.vendor.dir}/public", status=66)
        check("no repository is called other" in two.update("--from", f"other=file://{moved}", status=66), "a name")
        two.root = "/nowhere"
        root = two.vendor.path("house.json")
        shutil.rmtree(f"{two.device.state}/repositories")
        words = ["--dry-run", "--from", f"own=file://{moved}"]
        check("repository own: the root of the repository" in two.update(*words, status=66), "no root")
        two.update(*words, "--trusted-root", f"own={root}")


@test
def a_repository_that_breaks_a_rule_keeps_nobody_from_the_first(place):
    repo, device, urls, own = by_hand_and_house(place, releases())
    broken_one = releases()["GP-2026-0005"].replace("GP-2026-0005", "GP-2026-0006").replace(
        '"supersedes":["GP-2026-0003"]', '"supersedes":[]')
    repo.add_target("targets", "releases/GP-2026-0006.json", broken_one.encode())
    repo.publish("targets", "snapshot", "timestamp")
    good = own.config
    try:
        for order in (good + f"repository = {urls[0]}\n", f"repository = {urls[0]}\n" + good):
            said = device.update("--dry-run", "--json", urls=[], config=order + "agreement = first\n")
            same(ids(said), ["GP-2026-0005"], order)
            check("C-07" in next(r["left"] for r in said["repositories"] if r["name"] == "main"), said)
            check("C-07" in device.update("--dry-run", urls=[], config=order, status=84), "all")
    finally:
        shutil.rmtree(own.folder)

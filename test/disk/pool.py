# SPDX-License-Identifier: Apache-2.0
"""Packages that come with releases: a host whose archives do not have them gets its cumulative update all
the same, by a real apt-get, with the refusals that it has of an archive's; and kills everywhere."""
import glob
import os
import shutil

from cumulative import OTHER, Host, Releases, archive, hours, releases, small, until_done
from stage import LIB, NAME, NEW, OLD, cc, check, deb, same, test


def pool(layer):
    return sorted(os.path.basename(p) for p in glob.glob(f"{layer.root}/graft-test/state/restart/pool/*"))


def fetched(layer):
    """Files of packages that lie in the state directory, in whatever form."""
    return [p for top in ("releases/public/targets/pool", "releases/partial", "restart/pool")
            for _, _, names in os.walk(f"{layer.root}/graft-test/state/{top}") for p in names]


@test
def a_host_without_an_archive_gets_its_packages_with_the_release(place):
    with place.layer() as layer:
        archive(layer)
        host = Host(layer, releases(place), hours(-1, 2), packages="any")
        before = layer.state()
        said = host.update("--dry-run", "--json")
        name = f"pool/GP-2026-0001/{os.path.basename(place.new)}"
        same([(f["path"], f["result"]) for f in said["files"]], [(name, "wanted")], "a dry run")
        same((layer.state(), host.record(), fetched(layer)), (before, False, []), "a dry run")
        said = host.update("--json")
        same([(f["path"], f["result"]) for f in said["files"]], [(name, "installed")], said)
        same((said["upgraded"], said["waits"], said["bytes"]), ([f"{NAME} {NEW}"], True, os.path.getsize(place.new)), said)
        same((layer.state(), host.levels(), fetched(layer)), (f"ii {NEW}", [None, None], []), "before the restart")
        host.restart("go")
        host.boot()
        same(host.restart("go", "--json")["done"], "confirmed", "confirmed")
        same(host.levels(), ["2026-10", "2026-10"], "afterwards")


@test
def who_says_where_packages_come_from_is_obeyed(place):
    with place.layer() as layer:
        # What the archive calls the new version is another build.
        def change(root):
            cc("int one(int x) { return x * 5; }", f"{root}{LIB}/libone.so", "-shared", "-fPIC")
        archive(layer, place.old, deb(place, NEW, change))
        layer.must("apt-get", "update")
        host = Host(layer, releases(place), packages="archive")
        check(f"{LIB}/libone.so is the build " in host.update(status=84), "the archive's is not the release's")
        layer.must("rm", "-rf", "/graft-test/state")
        layer.must("dpkg", "--force-downgrade", "-i", layer.bring(place.old))
        host = Host(layer, releases(place), packages="repository")
        same((host.update("--json")["waits"], layer.state()), (True, f"ii {NEW}"), "the repository's")
        layer.must("rm", "-rf", "/graft-test/state")
        layer.must("dpkg", "--force-downgrade", "-i", layer.bring(place.old))
        archive(layer, place.old)
        layer.must("apt-get", "update")
        host = Host(layer, releases(place), packages="archive")
        said = host.update(status=84)
        check("was not found" in said, said)
        same((layer.state(), fetched(layer)), (f"ii {OLD}", []), "the archive alone")


@test
def what_apt_would_do_beyond_the_release_is_refused_of_a_file_too(place):
    others = {v: small(place, OTHER, v) for v in ("1", "2")}
    cases = [("remove graft-other", f"Conflicts: {OTHER}\n"), ("upgrade graft-other", f"Depends: {OTHER} (>= 2)\n"),
             ("graft-nowhere but it is not installable", "Depends: graft-nowhere\n")]
    for what, extra in cases:
        own = Releases(place).make(deb(place, NEW, extra=extra)).publish()
        with place.layer() as layer:
            archive(layer, place.old, *others.values())
            layer.dpkg(others["1"])
            layer.must("apt-get", "update")
            host = Host(layer, own, packages="repository")
            before = layer.must("dpkg-query", "-W")
            said = host.update("--json", status=84)
            check(what in said["error"]["message"], f"{what}: {said}")
            same((layer.must("dpkg-query", "-W"), host.record()), (before, False), what)
            # What is newly needed comes from the archive.
    own = Releases(place).make(deb(place, NEW, extra="Depends: graft-fresh\n")).publish()
    with place.layer() as layer:
        archive(layer, place.old, small(place, "graft-fresh", "1"))
        layer.must("apt-get", "update")
        host = Host(layer, own, packages="repository")
        layer.must("apt-mark", "hold", NAME)
        check("eld packages were changed" in host.update(status=84), "a hold")
        same((layer.state(), host.record()), (f"hi {OLD}", False), "a hold")
        layer.must("apt-mark", "unhold", NAME)
        said = host.update("--json")
        same((said["upgraded"], said["added"]), ([f"{NAME} {NEW}"], ["graft-fresh 1"]), said)


@test
def a_file_that_is_not_what_the_release_names_is_not_given_to_apt(place):
    with place.layer() as layer:
        archive(layer)
        host = Host(layer, releases(place), packages="any")
        served = glob.glob(f"{layer.root}/graft-test/repo/targets/pool/*/*.deb")[0]
        with open(served, "r+b") as file:
            file.seek(-9, os.SEEK_END)
            byte = file.read(1)
            file.seek(-9, os.SEEK_END)
            file.write(bytes([byte[0] ^ 1]))
        host.update(status=65)
        same((layer.state(), host.record(), fetched(layer)), (f"ii {OLD}", False, []), "another byte")
        # Nor is one that somebody put where the right one would lie.
        host = Host(layer, releases(place), packages="any")
        path = f"{layer.root}/graft-test/state/restart/pool"
        os.makedirs(path)
        shutil.copy(deb(place, NEW, lambda root: os.remove(f"{root}{LIB}/tool-again")), f"{path}/{NAME}.deb")
        host.update()
        check(os.path.exists(f"{layer.root}{LIB}/tool-again"), "it was installed")
        # A file with a name that says nothing is not looked for among all the others.
        layer.must("rm", "-rf", "/graft-test/state")
        layer.must("dpkg", "--force-downgrade", "-i", layer.bring(place.old))
        other = f"{place.dir}/packet.deb"
        shutil.copy(place.new, other)
        host = Host(layer, Releases(place).make(other).publish(), packages="any")
        said = host.update(status=84)
        check(f"no release has {NAME} in version {NEW} as a file" in said, said)
        # One of another name is none, whatever its file is called.
        liar = f"{place.dir}/{NAME}_9_amd64.deb"
        shutil.copy(small(place, "graft-liar", "9"), liar)
        layer.must("rm", "-rf", "/graft-test/state")
        host = Host(layer, Releases(place).make(other, liar).publish(), packages="any")
        said = host.update(status=84)
        check(f"no file of the releases is {NAME} in version {NEW} for this machine" in said, said)
        same((layer.state(), host.record(), fetched(layer)), (f"ii {OLD}", False, []), "afterwards")


POINTS = ["mirror-rename", "update-pool", "update-begin", "update-begun", "update-apt", "update-apt-done", "update-record:2"]


@test
def a_kill_at_each_point_is_gone_on_from_without_a_network(place):
    with place.layer() as layer:
        archive(layer)
        for number, point in enumerate(POINTS):
            layer.must("rm", "-rf", "/graft-test/state", "/graft-test/asked", "/graft-test/away")
            layer.must("dpkg", "--force-downgrade", "-i", layer.bring(place.old))
            host = Host(layer, releases(place), hours(-1, 2), packages="any")
            word, _, count = point.partition(":")
            # mirror-rename: the file of the release comes before the package.
            count = count or ("2" if word == "mirror-rename" else "1")
            host.update(status=None, fault=f"{word}:{count}:kill")
            same(host.levels(), [None, None], point)
            if host.record():
                # What has begun needs no server any more.
                layer.must("mv", "/graft-test/repo", "/graft-test/away")
                host.restart("go", status=None)
                same((layer.state(), fetched(layer)), (f"ii {NEW}", []), f"without a network after {point}")
                layer.must("mv", "/graft-test/away", "/graft-test/repo")
            if number % 2:
                host.boot()
            same(until_done(host), ["2026-10", "2026-10"], f"after {point}")
            same((layer.state(), fetched(layer)), (f"ii {NEW}", []), point)
            same(layer.must("dpkg", "--audit"), "", "dpkg --audit")


@test
def two_repositories_agree_about_a_package_and_either_may_bring_it(place):
    with place.layer() as layer:
        archive(layer)
        own = Releases(place).make(place.new).publish()
        host = Host(layer, releases(place), packages="repository")
        shutil.copytree(f"{own.repo}/public", f"{layer.root}/graft-test/own")
        with open(f"{layer.root}/graft-test/graftd.conf", "a", encoding="utf-8") as file:
            file.write("repository = own file:///graft-test/own\ntrusted-root = own /graft-test/own/metadata/1.root.json\n")
        # The first one lost the file, and says so only when it is asked for it.
        shutil.rmtree(f"{layer.root}/graft-test/repo/targets/pool")
        said = host.update()
        check("repository main is left: " in said and "its packages are here" in said, said)
        same(layer.state(), f"ii {NEW}", "the other's file")
        # With another package under the same name nothing is done.
        layer.must("rm", "-rf", "/graft-test/state")
        layer.must("dpkg", "--force-downgrade", "-i", layer.bring(place.old))
        other = Releases(place).make(deb(place, NEW, lambda root: os.remove(f"{root}{LIB}/tool-again"))).publish()
        host = Host(layer, other, packages="repository")
        with open(f"{layer.root}/graft-test/graftd.conf", "a", encoding="utf-8") as file:
            file.write("repository = own file:///graft-test/own\ntrusted-root = own /graft-test/own/metadata/1.root.json\n")
        said = host.update(status=69)
        check("the repositories main and own do not say the same of it (forms" in said, said)
        same((layer.state(), host.record(), fetched(layer)), (f"ii {OLD}", False, []), "afterwards")

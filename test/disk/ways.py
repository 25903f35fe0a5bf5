# SPDX-License-Identifier: Apache-2.0
"""Hosts that are not as a fresh one: paths left out, files edited, diverted or of no package,
an administrator's policy, another root; and a package of the archive."""
import os
import shutil
import subprocess
import sys

from stage import (DOC, GRAFT, LIB, NAME, NEW, OLD, ONE, Daemon, Skip, cc, check, put, said, same,
                   test, tidy, whole)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/test/archive")
import archive  # noqa: E402

EXCLUDE = ("path-exclude /usr/share/doc/*\npath-include /usr/share/doc/*/copyright\n"
           "path-exclude /usr/share/man/*\n")
THEIRS = "#!/bin/sh\necho \"$@\" >>/asked\nexit 0\n"


def by_dpkg(place, prepare):
    """What dpkg itself makes of NEW on a host that was prepared."""
    with place.layer(install=False) as layer:
        prepare(layer)
        layer.dpkg(place.new)
        return layer.files(), layer.stanza()


def by_graft(place, prepare):
    with place.layer(install=False) as layer:
        prepare(layer)
        before = layer.files(), layer.stanza()
        answer = said(layer.install(place.fix, "--json"))
        after = layer.files(), layer.stanza()
        said(layer.graft("rollback", "--json"))
        same(layer.files(), before[0], "after the rollback")
        same(layer.stanza(), before[1], "dpkg's database after the rollback")
        tidy(layer)
        return answer, after


def as_by_dpkg(place, prepare):
    answer, found = by_graft(place, prepare)
    wanted = by_dpkg(place, prepare)
    same(sorted(found[0]), sorted(wanted[0]), "paths")
    for path, what in wanted[0].items():
        same(found[0][path], what, path)
    for name, what in wanted[1].items():
        same(found[1][name], what, name)
    return answer, found[0]


@test
def paths_that_the_host_leaves_out_stay_out(place):
    def prepare(layer):
        put(layer.root, "/etc/dpkg/dpkg.cfg.d/minimal", EXCLUDE)
        layer.dpkg(place.old)
    answer, files = as_by_dpkg(place, prepare)
    same(answer["disk"]["left_out"], 3, "left out")
    check(f"{DOC}/copyright" in files and f"{DOC}/changelog.Debian.gz" not in files, files)


@test
def configuration_files_that_were_edited_or_removed_stay_so(place):
    def prepare(layer):
        layer.dpkg(place.old)
        put(layer.root, f"/etc/{NAME}.conf", "changed by hand\n")
        put(layer.root, f"/etc/{NAME}/same.conf", "this too\n")
        os.remove(f"{layer.root}/etc/init.d/{NAME}")
    _, files = as_by_dpkg(place, prepare)
    check(f"/etc/init.d/{NAME}" not in files, "it came back")


@test
def diversions_and_overrides_of_the_host_count(place):
    def prepare(layer):
        layer.dpkg(place.old)
        layer.must("dpkg-divert", "--local", "--rename", "--divert", f"{LIB}/large.other", "--add",
                   f"{LIB}/large.dat")
        put(layer.root, f"{LIB}/large.dat", "of the administrator\n")
        layer.must("dpkg-statoverride", "--update", "--add", "games", "games", "0700",
                   f"{LIB}/own")
    _, files = as_by_dpkg(place, prepare)
    same(files[f"{LIB}/own"][0], oct(0o100700), "mode")


@test
def a_policy_of_the_administrator_is_asked_and_gets_its_place_back(place):
    with place.layer() as layer:
        put(layer.root, "/usr/sbin/policy-rc.d", THEIRS, 0o755)
        said(layer.install(place.fix, "--no-memory", "--json"))
        same(layer.read("/usr/sbin/policy-rc.d"), THEIRS, "its place")
        same(layer.restarts(), [], "restarts")
        # Left behind by a kill, ours changes nothing for others, and asks theirs.
        said(layer.graft("rollback", "--json"))
        done = layer.install(place.fix, "--no-memory", fault="disk-dpkg:1:kill")
        check(done.returncode in (137, -9), done.stderr)
        check("graft" in layer.read("/usr/sbin/policy-rc.d"), "ours is not there")
        layer.must("invoke-rc.d", NAME, "restart")
        same(layer.restarts(), ["restart"], "for others")
        check("restart" in layer.read("/asked"), "theirs was not asked")
        layer.forget_restarts()
        layer.must("rm", "/asked")
        same(layer.graft("recover").returncode, 0, "recover")
        same((layer.read("/usr/sbin/policy-rc.d"), layer.restarts()), (THEIRS, []), "afterwards")


@test
def a_dry_run_changes_nothing(place):
    with place.layer() as layer:
        daemon = Daemon(layer)
        answer = said(layer.install(place.fix, "--dry-run", "--json"))
        same((answer["disk"]["result"], [p["result"] for p in answer["processes"]]),
             ("can-be-installed", ["can-be-hotpatched"]), "what would be")
        same(daemon.ask(), "7", "OLD's answer")
        whole(place, layer, OLD)
        same(layer.graft("rollback").returncode, 66, "nothing to take back")
        daemon.close()


@test
def a_process_that_is_named_is_switched_and_others_are_not(place):
    with place.layer() as layer:
        one, other = Daemon(layer), Daemon(layer)
        pid = layer.must("pgrep", "-o", "-x", NAME).strip()
        answer = said(layer.install(place.fix, "--pid", pid, "--json"))
        same([(p["pid"], p["result"]) for p in answer["processes"]], [(int(pid), "hotpatched")],
             "of processes")
        same([one.ask(), other.ask()], ["8", "7"], "answers")
        # A kill between disk and memory: the next run goes on with all.
        said(layer.graft("rollback", "--json"))
        same([one.ask(), other.ask()], ["7", "7"], "answers after the rollback")
        done = layer.install(place.fix, fault="disk-switch:1:kill")
        check(done.returncode in (137, -9), done.stderr)
        same((layer.state(), one.ask()), (f"ii {NEW}", "7"), "in between")
        same(layer.graft("recover").returncode, 0, "recover")
        same([one.ask(), other.ask()], ["8", "8"], "after recover")
        one.close()
        other.close()


@test
def processes_are_left_alone_where_that_is_asked_for(place):
    with place.layer() as layer:
        daemon = Daemon(layer)
        said(layer.install(place.fix, "--no-memory", "--json"))
        same((layer.state(), daemon.ask()), (f"ii {NEW}", "7"), "after an install")
        said(layer.graft("rollback", "--json"))
        said(layer.install(place.fix, "--json"))
        said(layer.graft("rollback", "--no-memory", "--json"))
        same((layer.state(), daemon.ask()), (f"ii {OLD}", "8"), "after a rollback")
        same(layer.graft("recover").returncode, 3, "nothing is left open")
        daemon.close()


@test
def a_package_of_another_root_is_installed_there(place):
    with place.layer() as layer:
        # The same root by another path.
        layer.must("mkdir", "/other")
        layer.must("mount", "--rbind", "/", "/other")
        daemon = Daemon(layer)
        answer = said(layer.install(place.fix, "--root", "/other", "--json"))
        same((answer["disk"]["result"], answer["processes"]), ("installed", []), "in the root")
        same(daemon.ask(), "7", "nobody was named")
        whole(place, layer, NEW)
        said(layer.graft("rollback", "--json"))
        whole(place, layer, OLD)
        daemon.close()
        layer.must("mkdir", "-p", "/empty/usr/sbin", "/empty/var/lib/dpkg")
        layer.must("touch", "/empty/var/lib/dpkg/status")
        same(layer.install(place.fix, "--root", "/empty").returncode, 66, "not there")


def files_of(place, layer):
    """A program of no package in the layer, with attributes; its hotpatch."""
    for side in (OLD, NEW):
        os.makedirs(f"{place.dir}/tree-{side}/lib", exist_ok=True)
        cc(ONE[side], f"{place.dir}/tree-{side}/lib/libown.so", "-shared", "-fPIC")
        cc(ONE[side].replace("one", "two"), f"{place.dir}/tree-{side}/libtwo.so", "-shared",
           "-fPIC")
    fix = place.diff(f"{place.dir}/tree-{OLD}", f"{place.dir}/tree-{NEW}", "--disk")
    shutil.copytree(f"{place.dir}/tree-{OLD}", f"{layer.root}/srv/own")
    path = f"{layer.root}/srv/own/lib/libown.so"
    os.chown(path, 1, 60)
    os.chmod(path, 0o6751)
    os.setxattr(path, "user.note", b"mine")
    os.setxattr(path, "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    os.utime(path, (1000000000, 1000000001))
    return fix, path


def attributes(path):
    st = os.stat(path)
    return (oct(st.st_mode), st.st_uid, st.st_gid, st.st_mtime,
            {name: os.getxattr(path, name) for name in os.listxattr(path)})


@test
def files_of_no_package_are_replaced_with_all_that_they_had(place):
    with place.layer(install=False) as layer:
        fix, path = files_of(place, layer)
        before = attributes(path)
        same(len(before[4]) >= 2, True, "attributes")
        refuse = layer.install(fix)
        check(refuse.returncode == 84 and "--in" in refuse.stderr, refuse.stderr)
        # What lies behind a link is not followed.
        layer.must("ln", "-s", "/srv/own", "/srv/link")
        layer.must("mkdir", "/srv/linked")
        layer.must("ln", "-s", "/srv/own/lib", "/srv/linked/lib")
        layer.must("cp", "/srv/own/libtwo.so", "/srv/linked/libtwo.so")
        refuse = layer.install(fix, "--in", "/srv/linked")
        check(refuse.returncode == 84 and "a link leads there" in refuse.stderr, refuse.stderr)
        for fault in (None, "disk-replace:2:fail", "disk-replace:2:kill", "disk-replaced:1:kill"):
            done = layer.install(fix, "--in", "/srv/own", "--json", fault=fault)
            if fault and fault.endswith("fail"):
                check("the old files are back" in done.stderr, done.stderr)
            elif fault:
                check(done.returncode in (137, -9), done.stderr)
                same(layer.graft("recover").returncode, 0, "recover")
            else:
                same(said(done)["disk"]["result"], "installed", "result")
            side = OLD if fault and fault.endswith("fail") else NEW
            for name in ("lib/libown.so", "libtwo.so"):
                with open(f"{layer.root}/srv/own/{name}", "rb") as file, \
                        open(f"{place.dir}/tree-{side}/{name}", "rb") as wanted:
                    same(file.read() == wanted.read(), True, f"{name} after {fault}")
            same(attributes(path), before, f"attributes after {fault}")
            same(sorted(os.listdir(f"{layer.root}/srv/own")), ["lib", "libtwo.so"], "beside")
            if side == NEW:
                said(layer.graft("rollback", "--json"))
            same(attributes(path), before, "attributes after the rollback")
        with open(path, "ab") as file:
            file.write(b"more")
        refuse = layer.install(fix, "--in", "/srv/own")
        check(refuse.returncode == 84 and "lib/libown.so: is not the old file" in refuse.stderr,
              refuse.stderr)


@test
def files_that_a_package_owns_are_left_to_dpkg(place):
    with place.layer() as layer:
        for side in (OLD, NEW):
            os.makedirs(f"{place.dir}/owned-{side}", exist_ok=True)
        shutil.copy(f"{layer.root}{LIB}/libone.so", f"{place.dir}/owned-{OLD}/libone.so")
        cc(ONE[NEW], f"{place.dir}/owned-{NEW}/libone.so", "-shared", "-fPIC")
        fix = place.diff(f"{place.dir}/owned-{OLD}", f"{place.dir}/owned-{NEW}", "--disk")
        done = layer.install(fix, "--in", LIB)
        check(done.returncode == 84 and f"belongs to the package {NAME}" in done.stderr,
              done.stderr)


def of_the_archive(place, name):
    """Install a package of the archive in both ways; what is different."""
    archive.CACHE = os.path.join(archive.BUILD, "archive")
    try:
        old, new = (archive.download(name, version) for version in archive.pair(name))
    except (archive.Missing, OSError, subprocess.TimeoutExpired) as why:
        raise Skip(why) from why
    fix = place.diff(old, new)
    look = ("stat -c '%n %a %u %g %s %F' \"$@\"; "
            "for path; do [ ! -f \"$path\" ] || sha256sum \"$path\"; done")
    found = []
    for graft in (True, False):
        with place.layer(install=False) as layer:
            # Of the host's packages some may ask for the old version.
            layer.run("dpkg", "--purge", "--force-depends", f"{name.rstrip('0123456789')}-dev")
            layer.must("DEBIAN_FRONTEND=noninteractive", "dpkg", "--force-all", "-i",
                       layer.bring(old))
            if graft:
                said(layer.install(fix, "--no-memory", "--json"))
            else:
                layer.must("DEBIAN_FRONTEND=noninteractive", "dpkg", "--force-all", "-i",
                           layer.bring(new))
            same(layer.must("dpkg", "--verify", name), "", "dpkg --verify")
            paths = [path for path in layer.must("dpkg", "-L", name).splitlines()
                     if not os.path.isdir(layer.root + path)]
            found.append([layer.must("dpkg", "-s", name),
                          layer.must("sh", "-c", look, "sh", *sorted(paths))])
    same(found[0], found[1], "by graft and by dpkg")


@test
def a_library_of_the_archive_is_what_dpkg_makes_of_it(place):
    of_the_archive(place, "liblzma5")


@test
def a_daemon_of_the_archive_is_what_dpkg_makes_of_it(place):
    of_the_archive(place, "nscd")

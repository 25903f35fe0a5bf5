# SPDX-License-Identifier: Apache-2.0
"""Several packages in one hotpatch: what asks for each other by number is upgraded and taken
back together, by one dpkg."""
import os
import subprocess
import sys

from family import (ALL, DEV, DOCS, LIB, TOOLS, WHERE, build, dpkg, family, look, states,
                    wholly)
from stage import NEW, OLD, WORDS, Daemon, Skip, check, put, said, same, test, tidy

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "archive"))
import archive  # noqa: E402


def results(answer):
    return {one["package"]: one["result"] for one in answer["disk"]["packages"]}


def refused(layer, done, *words, status=84):
    same(done.returncode, status, f"exit status: {done.stdout}{done.stderr}")
    for word in words:
        check(word in done.stderr, f"{word!r} is not said: {done.stderr}")
    same(len(done.stderr.splitlines()), 1, f"lines: {done.stderr}")
    tidy(layer)


def fix_of(place, *pairs):
    """A hotpatch of pairs of packages."""
    with_ = [word for pair in pairs[1:] for word in ("--with", *pair)]
    return place.diff(*pairs[0], *with_)


@test
def packages_that_need_each_other_go_and_come_back_together(place):
    kin = family(place)
    with place.layer(install=False) as layer:
        dpkg(layer, kin.some(OLD))
        one, other = Daemon(layer, "/usr/bin/kin-one"), Daemon(layer, "/usr/bin/kin-other")
        same((one.ask(), other.ask()), ("7", "15"), "OLD's answers")
        dry = said(layer.install(kin.fix, "--dry-run", "--json"))
        same(results(dry), dict.fromkeys(ALL, "can-be-installed"), "what would be")
        wholly(place, layer, OLD)
        answer = said(layer.install(kin.fix, "--json"))
        same((answer["disk"]["result"], results(answer)),
             ("installed", dict.fromkeys(ALL, "installed")), "of the disk")
        # Each library of that name has its own new code.
        same((one.ask(), other.ask()), ("8", "17"), "NEW's answers")
        wholly(place, layer, NEW)
        same(layer.restarts(), [], "restarts")
        again = said(layer.install(kin.fix, "--json"), 3)
        same(results(again), dict.fromkeys(ALL, "already"), "again")
        back = said(layer.graft("rollback", "--json"))
        same(sorted(one["package"] for one in back["disk"]["packages"]), sorted(ALL), "rollback")
        same((one.ask(), other.ask()), ("7", "15"), "OLD's answers again")
        wholly(place, layer, OLD)
        same(layer.restarts(), [], "restarts")
        same(layer.graft("rollback").returncode, 66, "nothing to take back")
        one.close()
        other.close()


@test
def one_package_alone_of_those_is_refused_as_ever(place):
    kin = family(place)
    fix = place.diff(*(kin.debs[LIB, version] for version in (OLD, NEW)))
    with place.layer(install=False) as layer:
        dpkg(layer, kin.some(OLD))
        refused(layer, layer.install(fix), f"depends on {LIB} (= {OLD})", "at once")
        wholly(place, layer, OLD)


@test
def a_package_that_is_not_installed_is_left_out_and_said(place):
    kin = family(place)
    with place.layer(install=False) as layer:
        refused(layer, layer.install(kin.fix), "none of the 4 packages", status=66)
        dpkg(layer, kin.some(OLD, (LIB, DEV)))
        dry = layer.install(kin.fix, "--dry-run")
        same(dry.returncode, 0, dry.stderr)
        check(f"{TOOLS}:amd64 {OLD} -> {NEW}: is not installed here: left out" in dry.stdout
              and f"{DEV}:amd64 {OLD} -> {NEW}: can be installed" in dry.stdout, dry.stdout)
        answer = said(layer.install(kin.fix, "--json"))
        same(results(answer), {LIB: "installed", DEV: "installed", TOOLS: "not-there",
                               DOCS: "not-there"}, "results")
        wholly(place, layer, NEW, (LIB, DEV))
        same(states(layer, (TOOLS, DOCS)), {TOOLS: "", DOCS: ""}, "the others")
        said(layer.graft("rollback", "--json"))
        wholly(place, layer, OLD, (LIB, DEV))


@test
def one_that_is_new_already_stays_so_on_the_way_back(place):
    kin = family(place)
    with place.layer(install=False) as layer:
        dpkg(layer, kin.some(OLD))
        dpkg(layer, kin.some(NEW, (DOCS,)))
        answer = said(layer.install(kin.fix, "--json"))
        same((answer["disk"]["result"], results(answer)[DOCS], results(answer)[LIB]),
             ("installed", "already", "installed"), "results")
        wholly(place, layer, NEW)
        said(layer.graft("rollback", "--json"))
        same(states(layer), {LIB: f"ii {OLD}", DEV: f"ii {OLD}", TOOLS: f"ii {OLD}",
                             DOCS: f"ii {NEW}"}, "states")
        tidy(layer)


@test
def one_that_lacks_what_it_needs_refuses_all(place):
    """Forced onto the host: dpkg would leave the new one as half done as the old one."""
    pairs = [[build(place, name, version, extra=extra) for version in (OLD, NEW)]
             for name, extra in ((LIB, ""), (DOCS, "Depends: kin-missing\n"))]
    with place.layer(install=False) as layer:
        layer.must("dpkg", "--force-depends", "-i", *(layer.bring(old) for old, _ in pairs))
        refused(layer, layer.install(fix_of(place, *pairs)),
                f"the new version of {DOCS} depends on kin-missing, which is not installed")
        same(states(layer, (LIB, DOCS)), dict.fromkeys((LIB, DOCS), f"ii {OLD}"), "states")


@test
def one_that_is_held_half_done_or_of_another_version_refuses_all(place):
    kin = family(place)
    with place.layer(install=False) as layer:
        dpkg(layer, kin.some(OLD))
        layer.must("sh", "-c", f"echo {DEV} hold | dpkg --set-selections")
        refused(layer, layer.install(kin.fix), f"{DEV}:amd64 is on hold", "apt-mark unhold")
        layer.must("sh", "-c", f"echo {DEV} install | dpkg --set-selections")
        layer.must("dpkg", "--unpack", layer.bring(kin.debs[TOOLS, OLD]))
        refused(layer, layer.install(kin.fix), f"{TOOLS} {OLD}", "is unpacked but not configured",
                "dpkg --configure -a")
        layer.must("dpkg", "--configure", TOOLS)
        third = build(place, DOCS, "1.0-3")
        dpkg(layer, [third])
        refused(layer, layer.install(kin.fix), f"{DOCS} 1.0-3 is installed", f"for {OLD}")
        same(states(layer, (LIB, DEV, TOOLS)), dict.fromkeys((LIB, DEV, TOOLS), f"ii {OLD}"),
             "the others")
        dpkg(layer, kin.some(OLD, (DOCS,)))
        with open(f"{layer.root}/usr/include/kin.h", "a", encoding="utf-8") as file:
            file.write("int mine;\n")
        refused(layer, layer.install(kin.fix), "usr/include/kin.h",
                f"apt-get install --reinstall {DEV}={OLD}")
        dpkg(layer, kin.some(OLD, (DEV,)))
        wholly(place, layer, OLD)


@test
def what_others_need_of_the_new_version_is_not_taken_back(place):
    kin = family(place)
    with place.layer(install=False) as layer:
        dpkg(layer, kin.some(OLD, (LIB, DEV)))
        said(layer.install(kin.fix, "--json"))
        dpkg(layer, kin.some(NEW, (TOOLS,)))
        refused(layer, layer.graft("rollback"), f"{TOOLS} depends on {LIB} (= {NEW})")
        layer.must("dpkg", "--purge", TOOLS)
        # What was removed since is left out.
        layer.must("dpkg", "--purge", DEV)
        said(layer.graft("rollback", "--json"))
        wholly(place, layer, OLD, (LIB,))
        same(states(layer, (DEV,)), {DEV: ""}, "what was removed")


@test
def an_old_package_that_came_after_the_others_is_refused(place):
    kin = family(place)
    with place.layer(install=False) as layer:
        dpkg(layer, kin.some(OLD, (LIB,)))
        said(layer.install(kin.fix, "--json"))
        dpkg(layer, kin.some(OLD, (DOCS,)))
        refused(layer, layer.install(kin.fix), "an old package was added since", "rollback")
        said(layer.graft("rollback", "--json"))
        wholly(place, layer, OLD, (LIB, DOCS))


@test
def one_that_breaks_and_takes_from_another_comes_and_goes(place):
    """Each breaks the older other one, and one has a path of it; then the other way round."""
    path = f"{WHERE}/moved"

    def pairs(*moves):
        """A path of the first in OLD that is the second's in NEW, of each."""
        olds, news = [], []
        for name, other in (LIB, TOOLS), (TOOLS, LIB):
            def change(version, name=name):
                def fill(root):
                    for number, move in enumerate(moves):
                        if move[version == NEW] == name:
                            put(root, f"{path}{number}", f"{version} of {name}\n")
                return fill
            olds.append(build(place, name, OLD, change=change(OLD)))
            news.append(build(place, name, NEW, change=change(NEW), extra=
                              f"Breaks: {other} (<< {NEW})\nReplaces: {other} (<< {NEW})\n"))
        return olds, news
    for move in (LIB, TOOLS), (TOOLS, LIB):
        olds, news = pairs(move)
        fix = fix_of(place, *zip(olds, news))
        with place.layer(install=False) as layer:
            dpkg(layer, olds)
            for version, words in ((OLD, None), (NEW, ("install", layer.bring(fix))),
                                   (OLD, ("rollback",))):
                if words:
                    said(layer.graft(*words, "--no-memory", "--json"))
                same(states(layer, (LIB, TOOLS)), dict.fromkeys((LIB, TOOLS), f"ii {version}"),
                     "states")
                owner = move[version == NEW]
                same((layer.read(f"{path}0"), layer.must("dpkg", "-S", f"{path}0")),
                     (f"{version} of {owner}\n", f"{owner}: {path}0\n"), f"in {version}")
                same(layer.must("dpkg", "--verify", LIB, TOOLS), "", "dpkg --verify")
                tidy(layer)
    # What both take from each other is not given back by any order.
    olds, news = pairs((LIB, TOOLS), (TOOLS, LIB))
    with place.layer(install=False) as layer:
        dpkg(layer, olds)
        refused(layer, layer.install(fix_of(place, *zip(olds, news))), "have paths of each other")
        # Of somebody else, breaking is refused before anything is done.
        dpkg(layer, [build(place, "kin-third", OLD, source="third",
                           change=lambda root: put(root, "/usr/share/third", "x\n"))])
        third = build(place, LIB, NEW, extra="Breaks: kin-third (<< 2)\n")
        refused(layer, layer.install(fix_of(place, (olds[0], third), (olds[1], news[1]))),
                f"{LIB} does not go with kin-third (<< 2)")
        same(states(layer, (LIB, TOOLS)), dict.fromkeys((LIB, TOOLS), f"ii {OLD}"), "states")


@test
def what_is_needed_before_unpacking_is_configured_first(place):
    """As libpam-modules asks for libpam-modules-bin: in two runs of dpkg. What others need
    then, too, comes with the first."""
    pairs = []
    for version in OLD, NEW:
        pairs.append([build(place, LIB, version),
                      build(place, TOOLS, version, extra=f"Pre-Depends: {DEV} (= {version})\n"),
                      build(place, DEV, version)])
    fix = fix_of(place, *zip(*pairs))
    names = LIB, TOOLS, DEV
    with place.layer(install=False) as layer:
        dpkg(layer, pairs[0][::2])
        dpkg(layer, pairs[0][1:2])
        for fault in None, "disk-dpkg:2:kill", "disk-dpkg-done:1:kill":
            done = layer.install(fix, "--no-memory", fault=fault)
            if fault:
                check(done.returncode in (137, -9), f"{fault}: {done.stderr}")
                same(states(layer, names), {LIB: f"ii {NEW}", TOOLS: f"ii {OLD}",
                                            DEV: f"ii {NEW}"}, "between two runs")
                same(layer.graft("recover").returncode, 0, "recover")
            same(states(layer, names), dict.fromkeys(names, f"ii {NEW}"), "states")
            said(layer.graft("rollback", "--json"))
            same(states(layer, names), dict.fromkeys(names, f"ii {OLD}"), "states")
            tidy(layer)


@test
def both_architectures_of_a_library_go_together_or_not_at_all(place):
    same_ = "Multi-Arch: same\n"

    def foreign(version):
        def change(root):
            put(root, "/usr/lib/i386-linux-gnu/kin.dat", f"{version} {WORDS}")
            put(root, f"/usr/share/doc/{LIB}/read.me", f"{LIB} {version}\n")
            put(root, f"/usr/share/doc/{LIB}/copyright", "free\n")
            put(root, "/etc/init.d/kin", "#!/bin/sh\necho \"$1\" >>/restarted\n", 0o755)
        return build(place, LIB, version, arch="i386", extra=same_, change=change)
    ours = [build(place, LIB, version, extra=same_) for version in (OLD, NEW)]
    theirs = [foreign(version) for version in (OLD, NEW)]
    both = fix_of(place, theirs, ours)
    shown = place.show(both)
    same([(disk["package"], disk["architecture"]) for disk in shown["disks"]],
         [(LIB, "amd64"), (LIB, "i386")], "parts")
    names = [f"{LIB}:amd64", f"{LIB}:i386"]
    with place.layer(install=False) as layer:
        layer.must("dpkg", "--add-architecture", "i386")
        dpkg(layer, [ours[0], theirs[0]])
        refused(layer, layer.install(place.diff(*ours)), f"{LIB}:i386 {OLD} is installed too",
                "one version")
        said(layer.install(both, "--no-memory", "--json"))
        same(states(layer, names), dict.fromkeys(names, f"ii {NEW}"), "states")
        same(layer.must("dpkg", "--verify", *names), "", "dpkg --verify")
        said(layer.graft("rollback", "--json"))
        same(states(layer, names), dict.fromkeys(names, f"ii {OLD}"), "states")
        tidy(layer)
        # Where only one of them is there, the other is left out.
        layer.must("dpkg", "--purge", f"{LIB}:i386")
        answer = said(layer.install(both, "--no-memory", "--json"))
        same([one["result"] for one in answer["disk"]["packages"]], ["installed", "not-there"],
             "results")


@test
def scripts_of_every_package_are_looked_at_first(place):
    kin = family(place)
    loud = build(place, TOOLS, NEW, scripts={"postinst": "#!/bin/sh\nsystemctl restart kin\n"})
    fix = fix_of(place, kin.some(OLD, (LIB,)) + kin.some(NEW, (LIB,)), (kin.debs[TOOLS, OLD], loud))
    with place.layer(install=False) as layer:
        dpkg(layer, kin.some(OLD, (LIB, TOOLS)))
        done = layer.install(fix)
        same(done.returncode, 84, done.stderr)
        check(f"postinst of {TOOLS} {NEW}, line 2: systemctl restart kin" in done.stderr,
              done.stderr)
        wholly(place, layer, OLD, (LIB, TOOLS))
        # Who does not have that package is not asked about it.
        layer.must("dpkg", "--purge", TOOLS)
        said(layer.install(fix, "--no-memory", "--json"))
        wholly(place, layer, NEW, (LIB,))


@test
def room_is_counted_for_all_of_them(place):
    def large(name, version):
        return build(place, name, version, change=lambda root: put(
            root, f"/usr/share/kin-large/{name}", b"0" * (4 << 20) + version.encode()))
    pairs = [[large(name, version) for version in (OLD, NEW)] for name in (LIB, DOCS)]
    fix = fix_of(place, *pairs)
    with place.layer(install=False) as layer:
        layer.must("mkdir", "-p", "/graft-test/state")
        layer.must("mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", "/graft-test/state")
        # There is room for each of them alone.
        for old, _ in pairs:
            dpkg(layer, [old])
            said(layer.install(fix, "--dry-run", "--json"))
            layer.must("dpkg", "--purge", LIB if old is pairs[0][0] else DOCS)
        dpkg(layer, [old for old, _ in pairs])
        refused(layer, layer.install(fix, "--dry-run"), "/graft-test/state", "KiB are needed",
                status=71)


@test
def one_that_fails_takes_all_of_them_back(place):
    kin = family(place)
    broken = build(place, TOOLS, NEW,
                   scripts={"postinst": f"#!/bin/sh\n[ \"$2\" != {OLD} ] || exit 7\n"})
    fix = fix_of(place, kin.some(OLD, (LIB,)) + kin.some(NEW, (LIB,)),
                 (kin.debs[TOOLS, OLD], broken))
    with place.layer(install=False) as layer:
        dpkg(layer, kin.some(OLD, (LIB, TOOLS)))
        done = layer.install(fix)
        check(done.returncode == 84 and "the old files are back" in done.stderr
              and "exit status 7" in done.stderr, done.stderr)
        wholly(place, layer, OLD, (LIB, TOOLS))


@test
def packages_of_the_archive_are_what_dpkg_makes_of_them(place):
    names = "librabbitmq4", "librabbitmq-dev"
    archive.CACHE = os.path.join(archive.BUILD, "archive")
    try:
        pairs = [[archive.download(name, version) for version in archive.pair(name)]
                 for name in names]
    except (archive.Missing, OSError, subprocess.TimeoutExpired) as why:
        raise Skip(why) from why
    fix = fix_of(place, *pairs)
    found = []
    for graft in True, False:
        with place.layer(install=False) as layer:
            for debs in list(zip(*pairs))[:1 if graft else 2]:
                dpkg(layer, debs)
            if graft:
                answer = said(layer.install(fix, "--no-memory", "--json"))
                same(results(answer), dict.fromkeys(names, "installed"), "results")
            same(layer.must("dpkg", "--verify", *names), "", "dpkg --verify")
            found.append(look(layer, names))
    same(sorted(found[0]), sorted(found[1]), "paths")
    for what in found[0]:
        same(found[0][what], found[1][what], what)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How large one hotpatch for all packages of a source is, beside the packages themselves.

    GRAFT=build/graft bench/sets.py [-n 10] [--table]

Sources of the archive that have at least three packages (of amd64, or of all architectures) in
the same two versions, the oldest and the newest that apt knows, whose new packages are together
not over 16 MiB; in the order of a hash of their names, until so many of them gave a hotpatch.
Each package is put together again from OLD's files alone, in a root in which all of OLD are
installed, or several where some have the same paths (`graft install --dry-run --root`, which
compares every file with its hash). Prints a line a source, then the median; --table prints rows for docs/benchmarks.md.
"""
import argparse
import collections
import os
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "test/archive"))
import archive  # noqa: E402
import catalogue  # noqa: E402
from disk import LIMIT, add_everything, install  # noqa: E402

LEAST = 3
SIZE_LIMIT = 16 << 20


def sources():
    """Each source and its packages: [(name, old version, new version)]."""
    found = collections.defaultdict(dict)
    for name, versions in catalogue.read_lists(("amd64", "all")).items():
        for version, fields in versions.items():
            source, source_version = catalogue.source(fields)
            found[source].setdefault(source_version, {})[name] = (version, int(fields["Size"]))
    for source in sorted(found, key=catalogue.rank):
        order = sorted(found[source], key=archive.functools.cmp_to_key(archive.compare))
        old, new = (found[source][version] for version in (order[0], order[-1]))
        names = sorted(set(old) & set(new))
        if (old is not new and len(names) >= LEAST
                and sum(new[name][1] for name in names) <= SIZE_LIMIT):
            yield source, [(name, old[name][0], new[name][0]) for name in names]


def paths(deb):
    """Of a package, but for its folders."""
    lines = archive.run(["dpkg-deb", "-c", deb]).stdout.splitlines()
    return {line.split(None, 5)[5].split(" -> ")[0] for line in lines if line[0] != "d"}


def groups(debs):
    """Packages that may be installed beside each other: flavours have the same paths."""
    found = []
    for deb in debs:
        mine = paths(deb)
        for group, taken in found:
            if not taken & mine:
                group.append(deb)
                taken |= mine
                break
        else:
            found.append(([deb], mine))
    return [group for group, _ in found]


def measure(packages, work):
    """What came of a source; None if it gave no hotpatch."""
    folders = []
    for side in 1, 2:
        folder = f"{work}/{side}"
        os.mkdir(folder)
        folders.append(folder)
        for package in packages:
            deb = archive.download(package[0], package[side])
            os.symlink(deb, f"{folder}/{os.path.basename(deb)}")
    fix = f"{work}/fix.graft"
    done = archive.run([archive.GRAFT, "diff", *folders, "-o", fix], timeout=LIMIT)
    if not os.path.exists(fix):
        return None
    debs = [[f"{folder}/{name}" for name in sorted(os.listdir(folder))] for folder in folders]
    faults = []
    for number, group in enumerate(groups(debs[0])):
        root = f"{work}/root{number}"
        os.makedirs(f"{root}/usr/sbin")
        os.makedirs(f"{root}/var/lib/dpkg/info")
        for deb in group:
            install(deb, root)
        add_everything(debs[1], root)
        tried = archive.run([archive.GRAFT, "--state-dir", f"{work}/state", "install", "--dry-run",
                             "--allow-scripts", "--root", root, fix], timeout=LIMIT)
        faults += [tried.stderr.strip()] * (tried.returncode != 0)
    memory_only = "for memory only" in done.stderr
    return {"deb": sum(os.path.getsize(deb) for deb in debs[1]), "graft": os.path.getsize(fix),
            "packages": len(packages),
            "fault": done.stderr.strip() if memory_only else "; ".join(faults) or None}


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("-n", "--count", type=int, default=10)
    options.add_argument("--table", action="store_true")
    options = options.parse_args()
    archive.CACHE = os.path.join(archive.BUILD, "archive-large")
    archive.update()
    seen, tried = [], 0
    for source, packages in sources():
        if len(seen) == options.count:
            break
        with tempfile.TemporaryDirectory() as work:
            try:
                tried += 1
                one = measure(packages, work)
            except (archive.Missing, subprocess.TimeoutExpired):
                continue
        if not one:
            continue
        one["name"] = f"{source} {packages[0][1]} to {packages[0][2]}"
        seen.append(one)
        print(f"{one['name']}: {one['packages']} packages, {one['deb']} / {one['graft']} = "
              f"{one['deb'] / one['graft']:.1f}"
              + (f" FAULT {one['fault']}" if one["fault"] else ""), flush=True)
    if not seen:
        print("there is no archive, or it has no two versions of anything")
        return 0
    seen.sort(key=lambda one: one["deb"] / one["graft"])
    good = [one for one in seen if not one["fault"]]
    print(f"{len(seen)} hotpatches of {tried} sources; median "
          f"{statistics.median(one['deb'] / one['graft'] for one in seen):.1f}; put together "
          f"again: {len(good)} of {len(seen)}, {sum(one['packages'] for one in good)} packages")
    if options.table:
        for one in seen:
            print(f"| {one['name']} | {one['packages']} | {one['deb']:,} | {one['graft']:,} | "
                  f"{one['deb'] / one['graft']:.1f} |")
    return 1 if len(good) < len(seen) else 0


if __name__ == "__main__":
    sys.exit(main())

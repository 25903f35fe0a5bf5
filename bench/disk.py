#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How large hotpatches with a part for the disk are, beside the packages that they replace.

    GRAFT=build/graft bench/disk.py [-n 40] [--table]

Pairs of packages are taken by the rule of test/archive/large, until so many of them gave a
hotpatch. Each is put together again from OLD's files alone, in a root that holds nothing else
(`graft install --dry-run --root`, which compares every file with its hash), and the hashes
are compared with those of the files in NEW's package. Prints one line a pair, then the median
and the worst; --table prints rows for docs/benchmarks.md.
"""
import argparse
import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "test/archive"))
import archive  # noqa: E402
import catalogue  # noqa: E402

LIMIT = 600


def unpack(deb, folder):
    subprocess.run(["dpkg-deb", "-x", deb, folder], check=True)


def fields(deb, *names):
    return [archive.run(["dpkg-deb", "-f", deb, name]).stdout.strip() for name in names]


def clauses(deb):
    """What a package asks for, as something provides it."""
    found = {}
    for text in fields(deb, "Depends", "Pre-Depends"):
        for one in re.split(r"[,|]", text.replace("\n", " ")):
            match = re.match(r"\s*([^\s:(]+)[^(]*(?:\(\s*([<>=]+)\s*([^)\s]+)\s*\))?", one)
            if match:
                more = {">>": "+1", "<<": "~"}.get(match[2], "")
                found.setdefault(match[1], set()).add(match[3] and match[3] + more)
    return ", ".join(f"{name} (= {version})" if version else name
                     for name, versions in sorted(found.items()) for version in versions)


def install(deb, root):
    """Put a package into a root, as dpkg's database has it."""
    unpack(deb, root)
    admin = f"{root}/var/lib/dpkg"
    os.makedirs(f"{admin}/info", exist_ok=True)
    os.makedirs(f"{root}/usr/sbin", exist_ok=True)
    control = f"{root}/DEBIAN"
    subprocess.run(["dpkg-deb", "-e", deb, control], check=True)
    name = fields(deb, "Package")[0]
    for one in os.listdir(control):
        if one != "control":
            shutil.copy(f"{control}/{one}", f"{admin}/info/{name}.{one}")
    with open(f"{admin}/info/{name}.list", "w", encoding="utf-8") as file:
        tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], check=True, stdout=subprocess.PIPE)
        names = subprocess.run(["tar", "-t"], input=tar.stdout, check=True, stdout=subprocess.PIPE)
        for line in names.stdout.decode().splitlines():
            file.write(line.rstrip("/").removeprefix(".") + "\n" if line != "./" else "/.\n")
    with open(f"{control}/control", encoding="utf-8") as file:
        text = file.read().strip()
    with open(f"{admin}/status", "a", encoding="utf-8") as file:
        file.write(text.replace("\n", "\nStatus: install ok installed\n", 1) + "\n\n")
    shutil.rmtree(control)


def add_everything(debs, root):
    """Install a package that provides whatever some packages ask for."""
    asked = ", ".join(filter(None, (clauses(deb) for deb in debs)))
    with open(f"{root}/var/lib/dpkg/status", "a", encoding="utf-8") as file:
        file.write("Package: everything\nStatus: install ok installed\nArchitecture: all\n"
                   f"Version: 1\nMaintainer: a\nDescription: b\nProvides: {asked}\n\n")


def hashes(folder):
    """The hash of each file of an unpacked package."""
    found = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
    return found


def measure(pair, work):
    """What came of a pair; None if it gave no hotpatch."""
    old, new = (archive.download(pair.name, version) for version in (pair.old, pair.new))
    fix = f"{work}/fix.graft"
    archive.run([archive.GRAFT, "diff", old, new, "-o", fix], timeout=LIMIT)
    if not os.path.exists(fix):
        return None
    plain = f"{work}/plain.graft"
    archive.run([archive.GRAFT, "diff", old, new, "-o", plain, "--no-disk"], timeout=LIMIT)
    shown = json.loads(archive.run([archive.GRAFT, "show", "--json", fix]).stdout)
    seen = {"name": pair.name, "old": pair.old, "new": pair.new, "deb": os.path.getsize(new),
            "graft": os.path.getsize(fix), "memory": os.path.getsize(plain), "files": 0,
            "fault": None}
    if "disk" not in shown:
        return {**seen, "fault": "nothing for the disk"}
    install(old, f"{work}/root")
    add_everything([new], f"{work}/root")
    done = archive.run([archive.GRAFT, "--state-dir", f"{work}/state", "install", "--dry-run",
                        "--allow-scripts", "--root", f"{work}/root", fix], timeout=LIMIT)
    unpack(new, f"{work}/new")
    wanted = hashes(f"{work}/new")
    given = {one["path"]: one["sha256"] for one in shown["disk"]["files"]}
    # Of a file with several names only one travels.
    wrong = [path for path in given if wanted.get(path) != given[path]]
    missing = set(wanted.values()) - set(given.values())
    if done.returncode or wrong or missing:
        seen["fault"] = done.stderr.strip() or f"{wrong} {len(missing)}"
    seen["files"] = len(given)
    return seen


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("-n", "--count", type=int, default=40)
    options.add_argument("--table", action="store_true")
    options = options.parse_args()
    archive.CACHE = os.path.join(archive.BUILD, "archive-large")
    archive.update()
    seen, sources, tried = [], set(), 0
    for pair in catalogue.pairs():
        if len(seen) == options.count:
            break
        if pair.source in sources:
            continue
        with tempfile.TemporaryDirectory() as work:
            try:
                tried += 1
                one = measure(pair, work)
            except (archive.Missing, subprocess.TimeoutExpired):
                continue
        if not one:
            continue
        sources.add(pair.source)
        seen.append(one)
        print(f"{one['name']} {one['old']} -> {one['new']}: {one['deb']} / {one['graft']} = "
              f"{one['deb'] / one['graft']:.1f} ({one['memory']} for memory, {one['files']} files)"
              + (f" FAULT {one['fault']}" if one["fault"] else ""), flush=True)
    if not seen:
        print("there is no archive, or it has no two versions of anything")
        return 0
    seen.sort(key=lambda one: one["deb"] / one["graft"])
    ratios = [one["deb"] / one["graft"] for one in seen]
    good = [one for one in seen if not one["fault"]]
    print(f"{len(seen)} hotpatches of {tried} pairs; median {statistics.median(ratios):.1f}, "
          f"worst {ratios[0]:.1f} ({seen[0]['name']}); put together again: {len(good)} of "
          f"{len(seen)} packages, {sum(one['files'] for one in good)} files")
    if options.table:
        for one in seen:
            print(f"| {one['name']} {one['old']} to {one['new']} | {one['deb']} | {one['graft']} | "
                  f"{one['deb'] / one['graft']:.1f} |")
    return 1 if len(good) < len(seen) else 0


if __name__ == "__main__":
    sys.exit(main())

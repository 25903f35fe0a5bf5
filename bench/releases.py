#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How large hotpatch releases are, beside the cumulative releases that they stand for.

    GRAFT=build/graft bench/releases.py [-n 20] [--size 16] [--table]

Sources of the archive of which apt knows two versions (packages of amd64 or of all architectures), the oldest
and the newest, whose new packages are together not over 16 MiB (--size), in the order of a hash of their names, until so many of
them gave a hotpatch for all of their packages. For each a repository is made by `graft release make`: the
baseline has all old packages, the cumulative release all new ones, the hotpatch release one hotpatch for all
of them, with its part for the disk, and one for memory alone. What is printed is what `graft release sizes`
says of them; --table prints rows for docs/benchmarks.md.
"""
import argparse
import collections
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "test/archive"))
import archive  # noqa: E402
from disk import LIMIT  # noqa: E402
import sets  # noqa: E402

RELEASES = (("GP-2026-0001", "baseline", "2026-10-13", "2026-10", ()),
            ("GP-2026-0002", "cumulative", "2026-11-10", "2026-11", ("cve = CVE-2026-1001",)),
            ("GP-2026-0003", "hotpatch", "2026-11-10", "2026-11",
             ("cve = CVE-2026-1001", "requires-baseline = GP-2026-0001", "cumulative = GP-2026-0002")))


def graft(*words):
    return archive.run([archive.GRAFT, *words], timeout=LIMIT)


def keys(work):
    """A key for what is signed offline, and one for the rest."""
    with open(f"{work}/passphrases", "w", encoding="utf-8") as file:
        file.write("of no importance\n")
    os.chmod(f"{work}/passphrases", 0o600)
    plain, other = (subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], check=True,
                                   capture_output=True).stdout for _ in range(2))
    sealed = subprocess.run(["openssl", "pkcs8", "-topk8", "-passout", f"file:{work}/passphrases"], input=other,
                            check=True, capture_output=True).stdout
    for name, data in (("on", plain), ("off", sealed)):
        with open(f"{work}/{name}.pem", "wb") as file:
            file.write(data)
        os.chmod(f"{work}/{name}.pem", 0o600)


def release(work, number, files):
    """Make a release of files; what was wrong, or None."""
    name, line, date, level, more = RELEASES[number]
    with open(f"{work}/spec", "w", encoding="utf-8") as file:
        file.write("\n".join((f"id = {name}", f"line = {line}", f"date = {date}", f"level = {level}", "title = x",
                              "classification = security", "severity = important", *more)) + "\n")
    done = graft("release", "make", f"{work}/repo", f"{work}/spec", *files, "--key", f"{work}/off.pem",
                 "--passphrase-file", f"{work}/passphrases")
    return done.stderr.strip() if done.returncode else None


def measure(packages, work):
    """What came of a source: sizes, or why there is no release ("none": there is nothing to make one of)."""
    folders = []
    for side in 1, 2:
        folder = f"{work}/{side}"
        os.mkdir(folder)
        folders.append(folder)
        for package in packages:
            deb = archive.download(package[0], package[side])
            shutil.copy(deb, folder)
    fixes = [f"{work}/fix.graft", f"{work}/memory.graft"]
    for fix, more in zip(fixes, ((), ("--no-disk",))):
        done = graft("diff", *folders, "-o", fix, *more)
        if not os.path.exists(fix):
            return {"none": {3: "no code changed", 4: "all that changed is baseline"}.get(done.returncode, "an error")}
        if not more and "for memory only" in done.stderr:
            return {"fault": done.stderr.strip().splitlines()[-1]}
    keys(work)
    made = graft("repo", "init", f"{work}/repo", "--key", f"root={work}/off.pem", "--key", f"targets={work}/off.pem",
                 "--key", f"snapshot={work}/on.pem", "--key", f"timestamp={work}/on.pem", "--passphrase-file",
                 f"{work}/passphrases")
    fault = made.stderr.strip() if made.returncode else None
    debs = [[f"{folder}/{name}" for name in sorted(os.listdir(folder))] for folder in folders]
    for number, files in enumerate((*debs, fixes)):
        fault = fault or release(work, number, files)
        done = graft("repo", "publish", f"{work}/repo", "--key", f"{work}/on.pem")
        fault = fault or (done.stderr.strip() if done.returncode else None)
    if fault:
        return {"fault": fault}
    said = json.loads(graft("release", "sizes", f"{work}/repo", "--json").stdout)
    return next(one for one in said["releases"] if one["id"] == RELEASES[2][0])


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("-n", "--count", type=int, default=20)
    options.add_argument("--size", type=int, default=16)
    options.add_argument("--table", action="store_true")
    options = options.parse_args()
    archive.CACHE = os.path.join(archive.BUILD, "archive-large")
    archive.update()
    sets.LEAST, sets.SIZE_LIMIT = 1, options.size << 20
    seen, tried, faults, none = [], 0, 0, collections.Counter()
    for source, packages in sets.sources():
        if len(seen) == options.count:
            break
        with tempfile.TemporaryDirectory() as work:
            try:
                tried += 1
                one = measure(packages, work)
            except (archive.Missing, subprocess.TimeoutExpired) as why:
                one = {"none": "took too long" if isinstance(why, subprocess.TimeoutExpired) else "not served any more"}
        if one.get("none"):
            none[one["none"]] += 1
            continue
        name = f"{source} {packages[0][1]} to {packages[0][2]}"
        if one.get("fault"):
            faults += 1
            print(f"{name}: no release: {one['fault']}", flush=True)
            continue
        seen.append({**one, "name": name, "packages": len(packages), "ratio": one["cumulative"] / one["delta"]})
        print(f"{name}: {len(packages)} packages, {one['cumulative']} / {one['delta']} = {seen[-1]['ratio']:.1f} "
              f"({one['hotpatch']} for memory)", flush=True)
    if not seen:
        print("there is no archive, or it has no two versions of anything")
        return 0
    seen.sort(key=lambda one: one["ratio"])
    sums = [sum(one[key] for one in seen) for key in ("cumulative", "delta", "hotpatch")]
    print(f"{len(seen)} hotpatch releases of {tried} sources ({faults} for memory only or refused; "
          f"{', '.join(f'{n} {why}' for why, n in sorted(none.items()))}); median "
          f"{statistics.median(one['ratio'] for one in seen):.1f}, worst {seen[0]['ratio']:.1f} ({seen[0]['name']}); "
          f"for memory alone {statistics.median(one['cumulative'] / one['hotpatch'] for one in seen):.1f}; all as one "
          f"release: {sums[0]} / {sums[1]} = {sums[0] / sums[1]:.1f}")
    if options.table:
        for one in seen:
            print(f"| {one['name']} | {one['packages']} | {one['cumulative']:,} | {one['delta']:,} | {one['ratio']:.1f} | "
                  f"{one['hotpatch']:,} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Which packages of the archive are compared at large: by rule, not by result.

RULE says it in words. What it needs is read from the lists that apt has; what only
the packages themselves can tell (whether they hold programs or libraries) is asked
of them one after another.
"""
import functools
import hashlib
import os

import archive

SEED = "graft-archive-1"
# Of each of the two .deb files.
SIZE_LIMIT = 8 << 20
RULE = f"""\
All binary packages of architecture amd64 in the lists that apt has of the distribution
(`Origin: Debian`; release, updates and security) of which two or more versions are
listed; OLD is the oldest of them, NEW the newest, and neither `.deb` is over
{SIZE_LIMIT >> 20} MiB. They are taken in the order of SHA-256 of `{SEED} NAME`. One in which
OLD and NEW do not both hold a program or library for amd64 (an ELF file that is executable or
shared and has code) is passed over, and so is one of whose source package (of NEW) another
is in the table already, so that no source fills it. All that are left are compared, or the
first N of them, whatever comes out."""


def read_lists(architectures=("amd64",)):
    """What apt's lists say of each package: name -> version -> fields."""
    done = archive.run(["apt-get", "indextargets", "--format", "$(FILENAME)",
                        "Created-By: Packages", "Origin: Debian"])
    found = {}
    for path in done.stdout.split():
        text = archive.run(["/usr/lib/apt/apt-helper", "cat-file", path]).stdout
        for stanza in text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in stanza.splitlines()
                          if ": " in line and line[0] != " ")
            if fields.get("Architecture") in architectures:
                found.setdefault(fields["Package"], {})[fields["Version"]] = fields
    return found


def source(fields):
    """Name and version of the source package."""
    name, _, version = fields.get("Source", fields["Package"]).partition(" ")
    return name, version.strip("()") or fields["Version"]


def rank(name):
    """Where a name stands in the order."""
    return hashlib.sha256(f"{SEED} {name}".encode()).hexdigest()


class Pair:
    """Two versions of a package, as the lists have them."""

    def __init__(self, name, listed):
        order = sorted(listed, key=functools.cmp_to_key(archive.compare))
        self.name, self.old, self.new = name, order[0], order[-1]
        self.size = max(int(listed[v]["Size"]) for v in (self.old, self.new))
        self.source, self.new_source = source(listed[self.new])
        self.old_source = source(listed[self.old])[1]


def pairs():
    """All that have two versions and are not too big, in the order of RULE."""
    listed = {name: versions for name, versions in read_lists().items() if len(versions) > 1}
    found = [Pair(name, listed[name]) for name in sorted(listed, key=rank)]
    return [pair for pair in found if pair.size <= SIZE_LIMIT]


def has_code(path):
    """Whether a file is an ELF program or library for amd64 with code."""
    with open(path, "rb") as file:
        head = file.read(64)
        if (len(head) < 64 or head[:6] != b"\177ELF\2\1"
                or int.from_bytes(head[16:18], "little") not in (2, 3)
                or int.from_bytes(head[18:20], "little") != 62):
            return False
        file.seek(int.from_bytes(head[32:40], "little"))
        size = int.from_bytes(head[54:56], "little")
        count = int.from_bytes(head[56:58], "little")
        table = file.read(size * count)
    # A PT_LOAD with PF_X and bytes in the file; debug files have none.
    return any(at[0:4] == b"\1\0\0\0" and at[4] & 1
               and int.from_bytes(at[32:40], "little") > 0
               for at in (table[i * size:(i + 1) * size] for i in range(count)))


def code_files(root):
    """Paths, relative to an unpacked package, of its programs and libraries."""
    return [path for path in archive.elf_files(root) if has_code(f"{root}/{path}")]


def state():
    """Which archive it was: of each list its suite, version and date."""
    folder = archive.run(["apt-config", "shell", "D", "Dir::State::lists/d"]).stdout
    folder = folder.strip().removeprefix("D='").removesuffix("'")
    found = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if not name.endswith("Release"):
            continue
        with open(f"{folder}/{name}", encoding="utf-8", errors="replace") as file:
            fields = dict(line.rstrip("\n").split(": ", 1) for line in file if ": " in line)
        if fields.get("Origin") == "Debian":
            found.append(" ".join(fields[key] for key in ("Codename", "Version", "Date")
                                  if key in fields))
    return found

# SPDX-License-Identifier: Apache-2.0
"""`graft sync` after dpkg has upgraded a package: a layer over this host's own root, in a
mount namespace, in which a real dpkg works and nothing of the host changes."""
import gzip
import json
import os
import shutil
import subprocess
import tempfile

import vex
from stage import GRAFT, LONG, ROOT, Skip, check, same, test

LIB = "/usr/lib/graft-victim"
OLD = {"one": "int one(int x) { return x * 3 + 1; }", "two": "int two(int x) { return x * 100 + 5; }"}
NEW = {"one": "int one(int x) { return x > 9 ? 0 : x * 3 + 2; }",
       "two": "int two(int x) { return x > 9 ? 0 : x * 200 + 7; }"}
PROGRAM = """#include <stdio.h>
int one(int x);
int two(int x);
int main(void) {
	int x;
	while (scanf("%d", &x) == 1) { printf("%d\\n", one(x) + two(x)); fflush(stdout); }
}"""
CHANGES = """graft-victim (1.0-{}) unstable; urgency=high

  * {}

 -- A <a@example.org>  Fri, 20 Nov 2026 12:00:00 +0000

"""
# What is done in the layer: $1 is where the packages are, $2 the program.
START = r"""
set -e
export GRAFT_STATE_DIR=/graft-state DEBIAN_FRONTEND=noninteractive
dpkg -i "$1"/*_1.0-1_*.deb >/dev/null 2>&1
mkfifo /questions /answers
$alone /usr/bin/graft-victim </questions >/answers & pid=$!
exec 3>/questions 4</answers
ask() { echo 2 >&3; read -r answer <&4; echo "answer $answer"; }
ask
"""
# As a service that has folders of its own: what it runs is of our packages all the same.
SCRIPT = "alone='unshare --mount'" + START + r"""
dpkg -i "$1"/*_1.0-3_*.deb >/dev/null 2>&1
for narrow in "--package other" "--package graft-victim" "--package graft-victim-libs"; do
	"$2" sync --dry-run --json --pid $pid $narrow && echo "status 0" || echo "status $?"
done
"$2" report
"$2" report --format cyclonedx-vex
"$2" sync --pid $pid || echo "status $?"
ask
"$2" report --format vex
"$2" report --format cyclonedx-vex
"$2" sync --json --pid $pid || echo "status $?"
dpkg --verify graft-victim-libs graft-victim
kill $pid
"""


def deb(place, name, version, files, changes, depends="", control=()):
    """Build a package, as dpkg-deb does it."""
    root = place.path(f"deb/{name}_{version}")
    os.makedirs(f"{root}/DEBIAN")
    with open(f"{root}/DEBIAN/control", "w", encoding="utf-8") as file:
        file.write(f"Package: {name}\nSource: graft-victim\nVersion: {version}\n"
                   "Architecture: amd64\nMaintainer: A <a@example.org>\n"
                   f"{depends}Description: a victim\n")
    for script, text in dict(control).items():
        with open(f"{root}/DEBIAN/{script}", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(f"{root}/DEBIAN/{script}", 0o755 if text.startswith("#!") else 0o644)
    for to, content in files.items():
        os.makedirs(os.path.dirname(root + to), exist_ok=True)
        shutil.copy(content, root + to)
    doc = f"{root}/usr/share/doc/{name}"
    os.makedirs(doc)
    with gzip.open(f"{doc}/changelog.Debian.gz", "wt") as file:
        file.write(changes)
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", root, place.path("debs")],
                   check=True, capture_output=True)


def build(place, side, sources):
    """Libraries and the program that uses them; returns where they are to be."""
    folder = place.path(f"build-{side}")
    os.makedirs(folder)
    def cc(source, *flags):
        subprocess.run(["gcc", "-O2", "-Wl,--build-id", "-x", "c", "-", "-x", "none", *flags],
                       input=source, text=True, check=True)
    for name, source in sources.items():
        cc(source, "-shared", "-fPIC", "-o", f"{folder}/lib{name}.so")
    cc(PROGRAM, "-o", f"{folder}/program", f"-L{folder}", "-l:libone.so", "-l:libtwo.so",
       f"-Wl,-rpath,{LIB}")
    return folder


class Folder:
    """A folder of one test's own in the place of all."""

    def __init__(self, place):
        self.dir = tempfile.mkdtemp(dir=place.dir)

    def path(self, name):
        return os.path.join(self.dir, name)


def build_debs(place):
    """Two versions of two packages of one source."""
    changes = [CHANGES.format(3, "fixes CVE-2026-1003"), CHANGES.format(2, "fixes CVE-2026-1002"),
               CHANGES.format(1, "fixes CVE-2026-1001")]
    os.mkdir(place.path("debs"))
    for version, side, sources in (("1.0-1", "a", OLD), ("1.0-3", "b", NEW)):
        folder = build(place, side, sources)
        text = "".join(changes if side == "b" else changes[2:])
        deb(place, "graft-victim-libs", version,
            {f"{LIB}/lib{name}.so": f"{folder}/lib{name}.so" for name in sources}, text)
        deb(place, "graft-victim", version, {"/usr/bin/graft-victim": f"{folder}/program"}, text)


def in_layer(place, script):
    """Run a script in a layer over our root; returns its lines."""
    for name in ("upper", "work", "root"):
        os.mkdir(place.path(name))
    shutil.copytree(place.path("debs"), place.path("upper/debs"))
    os.makedirs(place.path("upper/usr/local/bin"))
    shutil.copy(GRAFT, place.path("upper/usr/local/bin/graft"))
    for name in ("graft-sync.conf", "graft-before", "policy-rc.d"):
        shutil.copy(os.path.join(ROOT, "apt", name), place.path("upper"))
    enter = ('mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" '
             '"$1/root" || exit 77; mount -t proc proc "$1/root/proc" || exit 77; '
             'mount --bind /dev "$1/root/dev" || exit 77; '
             'exec chroot "$1/root" sh -c "$2" sh /debs graft')
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
                           enter, "sh", place.dir, script], capture_output=True, text=True,
                          timeout=5 * LONG)
    if done.returncode == 77:
        raise Skip(f"no layer over the root can be mounted: {done.stderr.strip()}")
    same((done.returncode, done.stderr), (0, ""), f"the script: {done.stdout}")
    return done.stdout.splitlines()


def statement(line):
    """What an OpenVEX document says of the vulnerability that the last version fixed."""
    found = [s for s in vex.is_openvex(line)["statements"]
             if s["vulnerability"]["name"] == "CVE-2026-1003"]
    same([len(found), len(found[0]["products"])], [1, 2], "statements, and products of it")
    return found[0]["status"], found[0].get("action_statement")


@test
def an_upgrade_by_dpkg_is_followed_and_named(place):
    place = Folder(place)
    build_debs(place)
    lines = in_layer(place, SCRIPT)
    same(lines[0], "answer 212", "OLD's answer")
    # Another package: nobody has old files of that.
    same((json.loads(lines[1])["processes"], lines[2]), ([], "status 3"), "of another package")
    both = [json.loads(line)["processes"][0] for line in (lines[3], lines[5])]
    same((lines[4], lines[6]), ("status 0", "status 0"), "of the source, and of the package")
    for found in both:
        same({(f["path"], f["package"], f["source"], f["old_version"], f["version"],
               " ".join(f["cves"]), f["verdict"]) for f in found["files"]},
             {(f"{LIB}/lib{name}.so", "graft-victim-libs", "graft-victim", "1.0-1", "1.0-3",
               "CVE-2026-1003 CVE-2026-1002", "hotpatch") for name in OLD}, "its files")
    # Fixed on disk, not in memory.
    same(statement(lines[7]), ("affected", f"process {both[0]['pid']} (graft-victim) runs the code "
                               f"from before: graft sync --pid {both[0]['pid']}"), "before sync")
    before = vex.is_cyclonedx(lines[8])["vulnerabilities"]
    same({v["id"]: (v["analysis"]["state"], v["analysis"].get("response")) for v in before}["CVE-2026-1003"],
         ("exploitable", ["update"]), "before sync, for CycloneDX")
    text = "\n".join(lines[9:-2])
    check("graft-victim 1.0-1 -> 1.0-3  hotpatched, 2 functions" in text, text)
    check("graft-victim 1.0-3 fixes CVE-2026-1003, CVE-2026-1002" in text, text)
    check("answer 415" in lines, text)
    same(statement(lines[-4]), ("fixed", None), "after sync")
    cyclonedx = [v for v in vex.is_cyclonedx(lines[-3])["vulnerabilities"] if v["id"] == "CVE-2026-1002"]
    same([(v["analysis"]["state"], sorted(a["ref"] for a in v["affects"])) for v in cyclonedx],
         [("resolved", ["pkg:deb/debian/graft-victim-libs@1.0-3?arch=amd64",
                        "pkg:deb/debian/graft-victim@1.0-3?arch=amd64"])], "for CycloneDX")
    refs = [(c["bom-ref"], c["purl"], c["name"]) for c in json.loads(lines[-3])["components"]]
    check(("pkg:deb/debian/graft-victim@1.0-3?arch=amd64",) * 2 + ("graft-victim",) in refs, refs)
    same(json.loads(lines[-2])["processes"][0]["action"], "hotpatched-before", "again")
    same(lines[-1], "status 3", "again")


@test
def what_no_process_maps_or_nobody_remembers_is_not_said_to_be_fixed(place):
    place = Folder(place)
    build_debs(place)
    folder, entries = place.path("kernel"), [CHANGES.replace("graft-victim", "linux").format(
        version, f"fixes CVE-2026-200{version}") for version in (2, 1)]
    os.makedirs(f"{folder}/DEBIAN")
    os.makedirs(f"{folder}/usr/share/doc/linux-image-graft")
    for version in (1, 2):
        with open(f"{folder}/DEBIAN/control", "w", encoding="utf-8") as file:
            file.write(f"Package: linux-image-graft\nSource: linux\nVersion: 1.0-{version}\n"
                       "Architecture: amd64\nMaintainer: A <a@example.org>\nDescription: a kernel\n")
        with gzip.open(f"{folder}/usr/share/doc/linux-image-graft/changelog.Debian.gz", "wt") as file:
            file.write("".join(entries[-version:]))
        subprocess.run(["dpkg-deb", "--build", "--root-owner-group", folder, place.path("debs")],
                       check=True, capture_output=True)
    lines = in_layer(place, START + r"""
: >/var/log/dpkg.log; : >/var/log/dpkg.log.1
"$2" report 2>/said && echo "status 0" || { echo "status $?"; cat /said; }
"$2" report --format cyclonedx-vex
sed -i s/^ID=.*/ID=devuan/ /etc/os-release
dpkg -i "$1"/linux-image-graft_1.0-1_*.deb >/dev/null 2>&1
dpkg -i "$1"/linux-image-graft_1.0-2_*.deb "$1"/*_1.0-3_*.deb >/dev/null 2>&1
"$2" sync --pid $pid >/dev/null
"$2" report
# A library that no package has any more, and a process that goes on with it.
cp /usr/lib/graft-victim/libone.so /usr/lib/graft-victim/libgone.so
LD_PRELOAD=/usr/lib/graft-victim/libgone.so sleep 1000 & gone=$!
until grep -q libgone /proc/$gone/maps; do sleep 0.01; done
rm /usr/lib/graft-victim/libgone.so
"$2" report
kill $pid $gone
""")
    def says(line, name):
        found = [s for s in vex.is_openvex(line)["statements"] if s["vulnerability"]["name"] == name]
        same(len(found), 1, f"statements about {name}")
        check(all(p["@id"].startswith("pkg:deb/devuan/") for p in found[0]["products"]), found)
        return found[0]["status"], found[0].get("action_statement", "")
    # Such a document must have a statement; the other may be about nothing.
    same(lines.pop(1), "status 66", "a report about nothing")
    check("no upgrade" in lines.pop(1), lines)
    empty = vex.is_cyclonedx(lines.pop(1))
    same((empty["components"], empty["vulnerabilities"]), ([], []), "about nothing")
    status, text = says(lines[1], "CVE-2026-2002")
    same(status, "affected", "a kernel that does not run")
    check(text.startswith("the kernel that runs is ") and text.endswith(": restart the host"), text)
    same(says(lines[1], "CVE-2026-1003"), ("fixed", ""), "all are hotpatched")
    status, text = says(lines[2], "CVE-2026-1003")
    same(status, "affected", "code that nobody knows")
    check("(sleep) runs the code from before: " in text, text)


@test
def apt_brings_processes_to_the_new_code_where_the_hook_is_enabled(place):
    place = Folder(place)
    build_debs(place)
    lines = in_layer(place, START + r"""
# Of no archive: what is installed is what lies there.
mkdir -p /nolists/partial
apt() {
	apt-get -q -y -o Dir::State::lists=/nolists "$@" >/apt.log 2>&1 || { cat /apt.log; exit 1; }
}
apt install "$1"/*_1.0-3_*.deb; ask
apt install --allow-downgrades "$1"/*_1.0-1_*.deb
ln -s /graft-sync.conf /etc/apt/apt.conf.d/80graft-sync
mv /usr/bin/dpkg-query /dpkg-query
printf '#!/bin/sh\necho "$1" >>/asked\nexec /dpkg-query "$@"\n' >/usr/bin/dpkg-query
chmod +x /usr/bin/dpkg-query
apt install "$1"/*_1.0-3_*.deb; ask
grep -c -e --search /asked
grep -c "hotpatched, 2 functions" /apt.log
# What sync cannot do is no failure of apt.
rm -f /usr/local/bin/graft
apt install --allow-downgrades "$1"/*_1.0-1_*.deb; echo "no graft: $?"
kill $pid
""")
    same(lines, ["answer 212", "answer 212", "answer 415", "1", "1", "no graft: 0"], "what was so")

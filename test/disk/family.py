# SPDX-License-Identifier: Apache-2.0
"""Packages of one source that ask for each other by number, in two versions: a library, what
is built with it, programs that use it, and its documentation."""
import hashlib
import os
import shutil
import tempfile

from stage import NEW, OLD, WORDS, cc, pack_deb, put, same, tidy

LIB, DEV, TOOLS, DOCS = "libkin1", "libkin-dev", "kin-tools", "libkin-doc"
ALL = (LIB, DEV, TOOLS, DOCS)
WHERE = "/usr/lib/kin"
# A library of the same name, which the programs have for themselves.
OWN = "/usr/lib/kin-tools"
KIN = {OLD: "int kin(int x) { return x * 3 + 1; }",
       NEW: "int kin(int x) { return x > 9 ? 0 : x * 3 + 2; }"}
OTHER = {OLD: "int kin(int x) { return x * 7 + 1; }",
         NEW: "int kin(int x) { return x > 9 ? 5 : x * 7 + 3; }"}
PROGRAM = """#include <stdio.h>
int kin(int x);
int main(void) {
	int x;
	while (scanf("%d", &x) == 1) { printf("%d\\n", kin(x)); fflush(stdout); }
}"""
POSTINST = """#!/bin/sh
set -e
if [ "$1" = configure ]; then
	invoke-rc.d kin restart || [ $? = 101 ]
fi
"""


def library(code, to):
    os.makedirs(os.path.dirname(to), exist_ok=True)
    cc(code, to, "-shared", "-fPIC", "-Wl,-soname,libkin.so.1")


def program(code, root, name, where):
    work = tempfile.mkdtemp()
    library(code, f"{work}/libkin.so")
    os.makedirs(f"{root}/usr/bin", exist_ok=True)
    cc(PROGRAM, f"{root}/usr/bin/{name}", f"-L{work}", "-lkin", f"-Wl,-rpath,{where}")
    shutil.rmtree(work)


def fill(root, name, version):
    code = version if version in KIN else NEW
    if name == LIB:
        library(KIN[code], f"{root}{WHERE}/libkin.so.1")
        put(root, "/etc/init.d/kin", "#!/bin/sh\necho \"$1\" >>/restarted\n", 0o755)
    elif name == DEV:
        put(root, "/usr/include/kin.h", f"/* {version} */\nint kin(int);\n")
        put(root, "/usr/share/kin/words", WORDS * 5 + version)
    elif name == TOOLS:
        program(KIN[code], root, "kin-one", WHERE)
        library(OTHER[code], f"{root}{OWN}/libkin.so.1")
        program(OTHER[code], root, "kin-other", OWN)
    else:
        put(root, f"/usr/share/doc/{name}/manual.txt", WORDS * 30 + version)
    put(root, f"/usr/share/doc/{name}/copyright", "free\n")
    put(root, f"/usr/share/doc/{name}/read.me", f"{name} {version}\n")


def build(place, name, version, arch=None, extra="", change=None, source="kin", scripts=None):
    """A package of the family; returns its path."""
    root = tempfile.mkdtemp(dir=place.dir)
    os.chmod(root, 0o755)
    if arch in (None, "amd64"):
        fill(root, name, version)
    if change:
        change(root)
    arch = arch or ("all" if name == DOCS else "amd64")
    depends = f"Depends: {LIB} (= {version})\n" if name in (DEV, TOOLS) else ""
    put(root, "/DEBIAN/control",
        f"Package: {name}\nSource: {source}\nVersion: {version}\nArchitecture: {arch}\n"
        f"Maintainer: A <a@example.org>\n{depends}{extra}Description: of kin\n")
    for script, text in (scripts or ({"postinst": POSTINST} if name == LIB else {})).items():
        put(root, f"/DEBIAN/{script}", text, 0o755)
    return pack_deb(root, f"{place.dir}/{name}_{version}_{arch}")


class Family:
    """Both versions of all, the folders that hold them, and the hotpatch."""

    def __init__(self, place):
        self.debs = {(name, version): build(place, name, version)
                     for name in ALL for version in (OLD, NEW)}
        self.folders = {}
        for version in OLD, NEW:
            folder = tempfile.mkdtemp(dir=place.dir)
            self.folders[version] = folder
            for name in ALL:
                shutil.copy(self.debs[name, version], folder)
        self.fix = place.diff(self.folders[OLD], self.folders[NEW])
        self.expected = {}

    def some(self, version, names=ALL):
        return [self.debs[name, version] for name in names]


def family(place):
    if not hasattr(place, "family"):
        place.family = Family(place)
    return place.family


def dpkg(layer, debs):
    """Install packages by dpkg alone."""
    layer.must("DEBIAN_FRONTEND=noninteractive", "dpkg", "--force-confdef", "--force-confold",
               "-i", *(layer.bring(deb) for deb in debs))
    layer.forget_restarts()


def states(layer, names=ALL):
    """What dpkg says of each."""
    found = {}
    for name in names:
        done = layer.run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Version}", name)
        found[name] = done.stdout if done.returncode == 0 else ""
    return found


def look(layer, names):
    """Each path of the packages and what is in it, and what dpkg's database has of them."""
    found = {}
    info = f"{layer.root}/var/lib/dpkg/info"
    for name in names:
        if not states(layer, [name])[name]:
            continue
        found[name] = layer.must("dpkg", "-s", name)
        for one in sorted(os.listdir(info)):
            if one.startswith((f"{name}.", f"{name}:")):
                with open(f"{info}/{one}", "rb") as file:
                    found[f"{name} {one}"] = file.read()
        for path in layer.must("dpkg", "-L", name).splitlines():
            at = layer.root + path
            if path == "/." or not os.path.lexists(at) or os.path.isdir(at):
                continue
            st = os.lstat(at)
            with open(at, "rb") as file:
                found[path] = (oct(st.st_mode), st.st_uid, st.st_gid, int(st.st_mtime),
                               hashlib.sha256(file.read()).hexdigest())
    return found


def wholly(place, layer, version, names=ALL):
    """The packages are what dpkg itself makes of that version, in each respect."""
    kin = family(place)
    key = version, tuple(names)
    if key not in kin.expected:
        with place.layer(install=False) as other:
            dpkg(other, kin.some(OLD, names))
            if version == NEW:
                dpkg(other, kin.some(NEW, names))
            kin.expected[key] = look(other, names)
    same(states(layer, names), {name: f"ii {version}" for name in names}, "dpkg's states")
    found = look(layer, names)
    for what in sorted(set(found) | set(kin.expected[key])):
        same(found.get(what), kin.expected[key].get(what), what)
    for name in names:
        same(layer.must("dpkg", "--verify", name), "", "dpkg --verify")
    tidy(layer)

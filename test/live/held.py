# SPDX-License-Identifier: Apache-2.0
"""`graft sync` and files other than code: who holds what an upgrade replaced needs a restart."""
import json
import os

from stage import Skip, check, same, test
from upgrading import Folder, deb, in_layer

SHARE = "/usr/share/graft-victim"
SCRIPT = """#!/usr/bin/python3
import sys
print(sys.argv[0], flush=True)
sys.stdin.read()
"""
# Holds what is named in its environment, which is no command line: mapped, or open.
HOLDER = """import mmap, os, sys
file = open(os.environ["FILE"], "rb")
if os.environ["HOW"] == "map":
    there = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    file.close()
print(1, flush=True)
sys.stdin.read()
"""
# Starts a process whose number is in the variable $1; the rest is its command.
START = r"""
set -e
export GRAFT_STATE_DIR=/graft-state DEBIAN_FRONTEND=noninteractive
mkdir -p /usr/share/graft /nolists/partial
mv /graft-before /usr/share/graft/
mkfifo /hold /said
sleep 1000 >/hold & holder=$!
start() {
	to=$1; shift
	"$@" </hold >/said & eval "$to=\$!"
	read -r answer </said
}
keep() { start "$1" env HOW="$2" FILE="$3" python3 /debs/holder.py; }
held() { "$GRAFT" sync --dry-run --json --pid "$1" >/out && s=0 || s=$?; cat /out; echo "$s"; }
export GRAFT="$2"
"""


def build(place, versions):
    """Packages with the files of each version: paths and what they hold."""
    os.mkdir(place.path("debs"))
    with open(place.path("debs/holder.py"), "w", encoding="utf-8") as file:
        file.write(HOLDER)
    for version, files in versions.items():
        made = {}
        for at, (path, text) in enumerate(files.items()):
            made[path] = place.path(f"{version}.{at}")
            with open(made[path], "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(made[path], 0o755 if "/bin/" in path or "/init.d/" in path else 0o644)
        deb(place, "graft-victim", version, made, "")


def run(place, script):
    return in_layer(place, START + script)


def answers(lines):
    """What `held` printed: actions, reasons and files by process, and the status."""
    for line, status in zip(lines[::2], lines[1::2]):
        got = json.loads(line)["processes"]
        yield [(p["action"], p["why"], p["files"]) for p in got], int(status)


@test
def who_holds_data_of_a_package_that_were_replaced_needs_a_restart(place):
    place = Folder(place)
    data = {f"{SHARE}/{name}": "old\n" * 9 for name in ("mapped", "open", "same", "gone")}
    build(place, {"1.0-1": data, "1.0-3": {f"{SHARE}/mapped": "new\n" * 9,
                                           f"{SHARE}/open": "newer\n" * 9,
                                           f"{SHARE}/same": "old\n" * 9}})
    lines = run(place, fr"""
dpkg -i /debs/*_1.0-1_*.deb >/dev/null 2>&1
sleep 1.1
keep mapped map {SHARE}/mapped
keep open open {SHARE}/open
keep same map {SHARE}/same
keep gone map {SHARE}/gone
# What comes and goes by itself: a log, a temporary file, what no package owns.
mkdir -p /usr/local/share /var/log
for path in /var/log/graft-victim.log /tmp/graft-victim /usr/local/share/x {SHARE}/unowned; do
	echo old >$path
done
keep log open /var/log/graft-victim.log
keep temporary map /tmp/graft-victim
keep local map /usr/local/share/x
keep unowned map {SHARE}/unowned
sleep 1.1
dpkg -i /debs/*_1.0-3_*.deb >/dev/null 2>&1
for path in /var/log/graft-victim.log /usr/local/share/x {SHARE}/unowned; do
	echo new >$path.new; mv $path.new $path
done
rm /tmp/graft-victim
for pid in $mapped $open $gone $same $log $temporary $local $unowned; do held $pid; done
"$GRAFT" sync --dry-run --pid $mapped || :
keep after map {SHARE}/mapped
held $after
"$GRAFT" sync --dry-run --package other --json --pid $mapped || :
""")
    got = list(answers(lines[:16]))
    same([[(a, status) for a, _, _ in found] for found, status in got[:3]],
         [[("restart", 4)]] * 3, "of what was replaced")
    for (found, _), name, how in zip(got, ("mapped", "open", "gone"), ("mapped", "open", "mapped")):
        file = found[0][2][0]
        same((file["path"], file["held"], file.get("gone", False)),
             (f"{SHARE}/{name}", how, name == "gone"), "the file")
    same(got[0][0][0][1], f"{SHARE}/mapped, which it has mapped, is another file now "
         "(graft-victim 1.0-1 -> 1.0-3)", "the reason")
    same(got[2][0][0][1], f"{SHARE}/gone, which it has mapped, is gone", "the reason")
    same(got[3:8], [([], 3)] * 5, "of what comes and goes by itself, or is the same")
    text = "\n".join(lines[16:-3])
    check(text.startswith("to restart:\n  restart process ") and "which it has mapped" in text, text)
    same([json.loads(lines[-3])["processes"], lines[-2]], [[], "3"], "of who was started since")
    same(json.loads(lines[-1])["processes"], [], "of another package")


@test
def who_runs_a_script_of_a_package_that_was_upgraded_needs_a_restart(place):
    place = Folder(place)
    module = "/usr/lib/python3/dist-packages/graft_victim.py"
    files = {"/usr/bin/graft-script": SCRIPT, module: "one = 1\n",
             "/usr/share/doc/graft-victim-more/readme": "old\n", "/etc/graft-victim.conf": "one\n",
             "/usr/share/graft-victim.data": "data\n"}
    build(place, {"1.0-1": files, "1.0-2": {**files, "/usr/share/doc/graft-victim-more/readme": "new\n"},
                  "1.0-3": {**files, module: "one = 2\n"},
                  "1.0-4": {**files, "/usr/bin/graft-script": SCRIPT + "# more\n"}})
    lines = run(place, r"""
apt() {
	apt-get -q -y -o Dir::State::lists=/nolists "$@" >/apt.log 2>&1 || { cat /apt.log; exit 1; }
}
cp /graft-sync.conf /etc/apt/apt.conf.d/80graft-sync
# The look after the upgrade is the test's own.
sed -i '/Post-Invoke/d' /etc/apt/apt.conf.d/80graft-sync
apt install /debs/*_1.0-1_*.deb
sleep 1.1
start pid /usr/bin/graft-script
# To whom it is no script, it is what it holds.
tail -f /usr/share/graft-victim.data >/dev/null </dev/null & tail=$!
sleep 1.1
# Documentation only; then a module; then the script itself.
apt install /debs/*_1.0-2_*.deb
held $pid
apt install /debs/*_1.0-3_*.deb
held $pid
apt install /debs/*_1.0-4_*.deb
held $pid
held $tail
ls /graft-state/before | wc -l
# By a dpkg that nobody hooked: what was there before is not known.
sleep 1.1
start other /usr/bin/graft-script
sleep 1.1
dpkg -i /debs/*_1.0-4_*.deb >/dev/null 2>&1
held $other
dpkg -i /debs/*_1.0-1_*.deb >/dev/null 2>&1
held $other
""")
    got = list(answers(lines[:8] + lines[9:]))
    same(got[0], ([], 3), "where the documentation changed")
    same([(p[0], p[1]) for p in got[1][0]],
         [("restart", f"{module}, of the package of /usr/bin/graft-script which it runs, is another "
           "file now (graft-victim 1.0-2 -> 1.0-3)")], "where a module changed")
    same([(p[0], p[1]) for p in got[2][0]],
         [("restart", "/usr/bin/graft-script, with which it was started, is another file now "
           "(graft-victim 1.0-3 -> 1.0-4)")], "where the script changed")
    same(got.pop(3), ([], 3), "where it is no script")
    same(lines[8], "3", "folders with what was there before")
    same(got[3], ([], 3), "of the same version again")
    same([p[0] for p in got[4][0]], ["restart"], "of another version")


UNIT = "[Service]\nExecStart=/usr/bin/graft-script\n"


@test
def a_unit_whose_file_was_changed_needs_a_restart(place):
    place = Folder(place)
    path = "/lib/systemd/system/graft-victim.service"
    files = {path: UNIT, f"{SHARE}/data": "old\n"}
    build(place, {"1.0-1": files, "1.0-2": {**files, f"{SHARE}/data": "new\n"},
                  "1.0-3": {**files, path: UNIT + "NoNewPrivileges=yes\n"}})
    lines = run(place, r"""
apt() {
	apt-get -q -y -o Dir::State::lists=/nolists "$@" >/apt.log 2>&1 || { cat /apt.log; exit 1; }
}
sed /Post-Invoke/d /graft-sync.conf >/etc/apt/apt.conf.d/80graft-sync
mkdir /groups
mount -t cgroup2 none /groups && top=/groups/graft-test-units-$$-$(date +%N).slice &&
	mkdir -p $top/graft-victim.service || { echo "no groups"; exit; }
printf '#!/bin/sh\n[ "$*" = "show --property=NeedDaemonReload --value -- graft-victim.service" ] && cat /reload\n' \
	>/usr/bin/systemctl.new
chmod +x /usr/bin/systemctl.new; mv /usr/bin/systemctl.new /usr/bin/systemctl
apt install /debs/*_1.0-1_*.deb
sleep 1.1
start pid sh -c 'echo; read x'
echo $pid >$top/graft-victim.service/cgroup.procs
sleep 1.1
apt install /debs/*_1.0-2_*.deb
held $pid
apt install /debs/*_1.0-3_*.deb
held $pid
# What was there before is not known: systemd is asked.
rm -r /graft-state/before
for answer in yes no; do echo $answer >/reload; held $pid; done
kill $pid; { wait $pid; } 2>/dev/null || :
rmdir $top/graft-victim.service $top
""")
    if lines == ["no groups"]:
        raise Skip("no control groups can be made")
    got = list(answers(lines))
    same(got[0], ([], 3), "where the unit is the same")
    for found, status in got[1:3]:
        same([(a, why, status) for a, why, _ in found],
             [("restart", f"/usr{path}, which describes its unit, is another file now "
               "(graft-victim 1.0-2 -> 1.0-3)", 4)], "where it changed")
        same(found[0][2][0]["held"], "unit", "how it is held")
    same(got[3], ([], 3), "where systemd has read it")


@test
def a_dpkg_that_gives_no_answer_is_gone_on_without(place):
    place = Folder(place)
    build(place, {"1.0-1": {f"{SHARE}/mapped": "old\n" * 9}, "1.0-3": {f"{SHARE}/mapped": "new\n" * 9}})
    lines = run(place, fr"""
dpkg -i /debs/*_1.0-1_*.deb >/dev/null 2>&1
sleep 1.1
keep mapped map {SHARE}/mapped
sleep 1.1
dpkg -i /debs/*_1.0-3_*.deb >/dev/null 2>&1
# More than is ever read; to wait for none at all would take long.
printf '#!/bin/sh\necho "$1" >>/asked\nhead -c 80000000 /dev/zero\n' >/usr/bin/dpkg-query.new
chmod +x /usr/bin/dpkg-query.new
mv /usr/bin/dpkg-query.new /usr/bin/dpkg-query
held $mapped
cat /asked
""")
    got = json.loads(lines[0])
    same((got["processes"], got["packages_known"], lines[1:]), ([], False, ["3", "--search"]),
         "what it says, and what was asked")

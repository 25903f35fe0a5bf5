# SPDX-License-Identifier: Apache-2.0
"""Maintainer scripts that want to restart a service ask policy-rc.d, and that asks `graft spare`."""
import os

from stage import Skip, check, same, test
from upgrading import LIB, NEW, OLD, Folder, build, deb, in_layer

INIT = """#!/bin/sh
### BEGIN INIT INFO
# Provides: graft-victim
# Required-Start:
# Required-Stop:
# Default-Start: 2
# Default-Stop:
### END INIT INFO
case $1 in
stop | restart)
	# One that is about to end could take a question that is for the next.
	pid=$(cat /run/graft-victim.pid)
	kill "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
	;;
esac
case $1 in
start | restart)
	/usr/sbin/graft-victim </questions >/answers 2>/dev/null &
	echo $! >/run/graft-victim.pid
	;;
esac
"""
POSTINST = """#!/bin/sh
[ "$1" = configure ] && [ -n "$2" ] && invoke-rc.d graft-victim restart
exit 0
"""
# What no hotpatch can do: another constructor.
BASELINE = {**NEW, "two": NEW["two"] + "\n__attribute__((constructor)) static void more(void)"
                                       ' { __asm__ volatile("nop"); }\n'}
MORE = {**OLD, "one": NEW["one"] + "\nint more(int x) { return x + 1; }\n"}
LATER = {**BASELINE, "one": "int one(int x) { return x > 9 ? 0 : x * 5 + 2; }"}
START = r"""
set -e
export GRAFT_STATE_DIR=/graft-state DEBIAN_FRONTEND=noninteractive
mkdir -p /usr/share/graft /nolists/partial
mv /graft-before /policy-rc.d /usr/share/graft/
rm -f /usr/sbin/policy-rc.d /sbin/runlevel
printf '#!/bin/sh\necho N 2\n' >/sbin/runlevel
chmod +x /sbin/runlevel
ln -s /etc/init.d/graft-victim /etc/rc2.d/S01graft-victim
cp /graft-sync.conf /etc/apt/apt.conf.d/80graft-sync
# What is looked at after the upgrade is the test's own.
sed -i '/Post-Invoke/d' /etc/apt/apt.conf.d/80graft-sync
apt() {
	apt-get -q -y --allow-downgrades -o Dir::State::lists=/nolists "$@" >/apt.log 2>&1 ||
		{ cat /apt.log; exit 1; }
	grep -E "^graft: |denied" /apt.log || :
}
mkfifo /questions /answers
exec 3<>/questions 4<>/answers
ask() { echo 2 >&3; read -r answer <&4; echo "answer $answer"; }
# Of the same process as last time?
last=
who() {
	pid=$(cat /run/graft-victim.pid)
	[ "$pid" = "$last" ] && echo same || echo another
	last=$pid
}
"""


def build_service(place):
    """Versions: what can be hotpatched, what is more, what cannot, and other data."""
    os.mkdir(place.path("debs"))
    for name, text in (("init", INIT), ("data", "old\n"), ("other", "new\n")):
        with open(place.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(place.path(name), 0o755 if name == "init" else 0o644)
    control = {"postinst": POSTINST, "conffiles": "/etc/init.d/graft-victim\n"}
    for version, sources, data in (("1.0-1", OLD, "data"), ("1.0-2", MORE, "data"),
                                   ("1.0-3", NEW, "data"),
                                   ("1.0-4", BASELINE, "data"), ("1.0-5", LATER, "other")):
        folder = build(place, version, sources)
        files = {f"{LIB}/lib{name}.so": f"{folder}/lib{name}.so" for name in sources}
        deb(place, "graft-victim-libs", version, files, "")
        deb(place, "graft-victim", version,
            {"/usr/sbin/graft-victim": f"{folder}/program", "/etc/init.d/graft-victim": place.path("init"),
             "/usr/share/graft-victim/data": place.path(data)}, "",
            f"Depends: graft-victim-libs (= {version})\n", control)


@test
def maintainer_scripts_restart_only_what_must_be(place):
    place = Folder(place)
    build_service(place)
    lines = in_layer(place, START + r"""
apt install /debs/*_1.0-1_*.deb
invoke-rc.d graft-victim start
who; ask
sleep 1.1
echo "without a policy:"
apt install /debs/*_1.0-3_*.deb; who; ask
apt install /debs/*_1.0-1_*.deb; who
ln -s /usr/share/graft/policy-rc.d /usr/sbin/policy-rc.d
sleep 1.1
echo "what can be hotpatched:"
apt install /debs/*_1.0-3_*.deb; who; ask
echo "by hand, and by dpkg-reconfigure:"
invoke-rc.d graft-victim restart 2>&1; who; ask
DPKG_MAINTSCRIPT_NAME=postinst DEBCONF_RECONFIGURE=1 invoke-rc.d graft-victim restart 2>&1; who
sleep 1.1
echo "what cannot:"
apt install /debs/*_1.0-4_*.deb; who; ask
sleep 1.1
echo "and with other data:"
apt install /debs/*_1.0-5_*.deb; who; ask
kill $(cat /run/graft-victim.pid)
""")
    text = "\n".join(lines)
    at = {line: i for i, line in enumerate(lines) if line.endswith(":")}
    same(lines[:2], ["another", "answer 212"], text)
    same(lines[at["without a policy:"] + 1:][:3], ["another", "answer 415", "another"], text)
    spared = lines[at["what can be hotpatched:"] + 1:at["by hand, and by dpkg-reconfigure:"]]
    same(spared, ["graft: graft-victim needs no restart: all its old code is hotpatched",
                  "invoke-rc.d: policy-rc.d denied execution of restart.", "same", "answer 415"], text)
    same(lines[at["by hand, and by dpkg-reconfigure:"] + 1:at["what cannot:"]],
         ["another", "answer 415", "another"], text)
    left = lines[at["what cannot:"] + 1:at["and with other data:"]]
    check(left[0].startswith("graft: graft-victim needs a restart: process ") and "R-05" in left[0], text)
    same(left[1:], ["another", "answer 415"], text)
    same(lines[at["and with other data:"] + 1:],
         ["graft: graft-victim needs a restart: /usr/share/graft-victim/data is another file now "
          "(graft-victim)", "another", "answer 419"], text)


@test
def policy_rc_d_denies_nothing_that_it_is_not_sure_of(place):
    place = Folder(place)
    build_service(place)
    lines = in_layer(place, START + r"""
# Nobody is restarted, but by the test.
upgrade() {
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d
	apt install --allow-downgrades "$@" >/dev/null; rm /usr/sbin/policy-rc.d
}
apt install /debs/*_1.0-1_*.deb
invoke-rc.d graft-victim start; ask
sleep 1.1
policy() { "$@" >/out 2>&1 && s=0 || s=$?; echo "status $s: $(cat /out)"; }
policy_rc_d() { policy /usr/share/graft/policy-rc.d "$@"; }
export DPKG_MAINTSCRIPT_NAME=postinst
policy_rc_d graft-victim restart
policy_rc_d no-such-service restart
policy_rc_d graft-victim start
policy_rc_d graft-victim '(start)'
echo "more is offered:"
upgrade /debs/*_1.0-2_*.deb
policy_rc_d graft-victim restart
upgrade /debs/*_1.0-3_*.deb
policy_rc_d graft-victim restart
policy_rc_d --quiet graft-victim.service try-restart
policy_rc_d graft-victim stop
policy_rc_d graft-victim '(restart)'
DPKG_MAINTSCRIPT_NAME=prerm policy_rc_d graft-victim restart
echo "configuration:"
touch /etc/init.d/graft-victim
policy_rc_d graft-victim restart
upgrade /debs/*_1.0-1_*.deb
invoke-rc.d graft-victim restart; ask; sleep 1.1
upgrade /debs/*_1.0-3_*.deb
policy_rc_d graft-victim restart
echo "one call for two:"
printf '#!/bin/sh\necho "$*" >>/systemctl.log\n[ "$1" != is-enabled ] || echo enabled\n' >/usr/bin/systemctl.new
chmod +x /usr/bin/systemctl.new; mv /usr/bin/systemctl.new /usr/bin/systemctl
ln -s /usr/share/graft/policy-rc.d /usr/sbin/policy-rc.d
called() { grep -c "restart" /systemctl.log || :; }
touch /systemctl.log
policy deb-systemd-invoke restart graft-victim.service; called
policy deb-systemd-invoke restart graft-victim.service other.service; called
echo "who was there before:"
before=/usr/sbin/policy-rc.d.before-graft
printf '#!/bin/sh\nexit 106\n' >$before; chmod +x $before
policy_rc_d graft-victim restart
printf '#!/bin/sh\nexit 104\n' >$before
policy_rc_d graft-victim '(start)'
policy_rc_d graft-victim restart
rm $before
echo "without graft:"
rm /usr/local/bin/graft
policy_rc_d graft-victim restart
kill $(cat /run/graft-victim.pid)
""")
    text = "\n".join(lines)
    spared = "graft: graft-victim needs no restart: all its old code is hotpatched"
    at = {line: i for i, line in enumerate(lines) if line.endswith(":")}
    check(lines[1] == "status 0: graft: nothing of graft-victim was hotpatched", text)
    same(lines[2:5], ["status 0: graft: no process of no-such-service runs", "status 0: ",
                      "status 101: "], text)
    same(lines[at["more is offered:"] + 1], f"status 0: graft: graft-victim needs a restart: {LIB}/libone.so: "
         "what is opened later may want more, which is new", text)
    rest = lines[at["configuration:"] - 5:at["configuration:"]]
    same(rest, [f"status 101: {spared}", "status 101: ", "status 0: ", "status 101: ", "status 0: "],
         text)
    part = lines[at["configuration:"] + 1:at["one call for two:"]]
    same(part[0], "status 0: graft: graft-victim needs a restart: /etc/init.d/graft-victim was "
         "written after it was started", text)
    part = lines[at["one call for two:"] + 1:at["who was there before:"]]
    check("policy-rc.d returned 101, not running" in text, text)
    same([line for line in part if line.isdigit()], ["0", "1"], text)
    part = lines[at["who was there before:"] + 1:at["without graft:"]]
    same([line.split(":")[0] for line in part], ["status 106", "status 104", "status 101"], text)
    check(lines[-1].startswith("status 0: graft: "), text)


UNIT = "[Service]\nExecStart=/usr/sbin/graft-victim\n"


def build_unit(place):
    """Three versions: OLD, NEW, and NEW with another unit."""
    os.mkdir(place.path("debs"))
    for version, sources, unit in (("1.0-1", OLD, UNIT), ("1.0-3", NEW, UNIT),
                                   ("1.0-5", NEW, UNIT + "NoNewPrivileges=yes\n")):
        folder = build(place, version, sources)
        with open(place.path(f"unit-{version}"), "w", encoding="utf-8") as file:
            file.write(unit)
        deb(place, "graft-victim", version,
            {"/usr/sbin/graft-victim": f"{folder}/program",
             "/lib/systemd/system/graft-victim.service": place.path(f"unit-{version}"),
             **{f"{LIB}/lib{name}.so": f"{folder}/lib{name}.so" for name in sources}}, "")


@test
def a_unit_is_spared_by_its_control_group_and_not_if_its_file_was_changed(place):
    place = Folder(place)
    build_unit(place)
    lines = in_layer(place, START + r"""
mkdir -p /groups /run/systemd/system
mount -t cgroup2 none /groups && top=/groups/graft-test-spared-$$-$(date +%N).slice &&
	mkdir -p $top/graft-victim.service || { echo "no groups"; exit; }
spare() { graft spare "$@" && s=0 || s=$?; echo "status $s"; }
apt install /debs/*_1.0-1_*.deb
/usr/sbin/graft-victim </questions >/answers & pid=$!
spare graft-victim.service
echo $pid >$top/graft-victim.service/cgroup.procs
ask
sleep 1.1
spare graft-victim.service
apt install /debs/*_1.0-3_*.deb
spare graft-victim; ask
export DPKG_MAINTSCRIPT_NAME=postinst
ln -s /usr/share/graft/policy-rc.d /usr/sbin/policy-rc.d
printf '#!/bin/sh\necho "$*"\n' >/usr/bin/systemctl.new
chmod +x /usr/bin/systemctl.new; mv /usr/bin/systemctl.new /usr/bin/systemctl
deb-systemd-invoke restart graft-victim.service 2>&1
apt install /debs/*_1.0-5_*.deb
spare graft-victim.service
kill $pid; { wait $pid; } 2>/dev/null || :
rmdir $top/graft-victim.service $top
""")
    if lines == ["no groups"]:
        raise Skip("no control groups can be made")
    spared = "needs no restart: all its old code is hotpatched"
    same(lines, ["no process of graft-victim.service runs", "status 3", "answer 212",
                 "nothing of graft-victim.service was hotpatched", "status 3",
                 f"graft-victim {spared}", "status 0", "answer 415",
                 f"graft: graft-victim.service {spared}",
                 "/usr/sbin/policy-rc.d returned 101, not running 'restart graft-victim.service'",
                 "graft-victim.service needs a restart: /lib/systemd/system/graft-victim.service is "
                 "another file now (graft-victim)", "status 4"], "what it says")

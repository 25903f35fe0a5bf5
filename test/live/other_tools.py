# SPDX-License-Identifier: Apache-2.0
"""Other tools of a host that upgrades: needrestart agrees with us, unattended-upgrades calls us."""
import os
import shutil
import sys

from stage import ROOT, TESTS, Skip, check, same, test  # noqa: F401
from sparing import START, build_service
from upgrading import Folder, in_layer

sys.path.insert(0, os.path.join(ROOT, "test/archive"))
import archive  # noqa: E402

NEEDRESTART = ("needrestart", "libintl-perl", "libproc-processtable-perl", "libsort-naturally-perl",
               "libterm-readkey-perl", "libmodule-find-perl", "gettext-base")
# In the layer only: on a host they would change what apt does. What their maintainer
# scripts would do takes long, and is of no matter here.
TOOLS = r"""
cd /
for deb in /debs/tools/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink; done
"""


def fetch(place, packages):
    """Packages of the archive, for the layer."""
    os.mkdir(place.path("debs/tools"))
    for package in packages:
        try:
            shutil.copy(archive.download(package), place.path("debs/tools"))
        except archive.Missing as error:
            raise Skip(str(error)) from None


@test
def needrestart_lists_who_is_not_wholly_hotpatched_and_nobody_else(place):
    place = Folder(place)
    build_service(place)
    fetch(place, NEEDRESTART)
    shutil.copytree(os.path.join(ROOT, "apt/needrestart"), place.path("debs/needrestart"))
    lines = in_layer(place, START + TOOLS + r"""
upgrade() {
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d
	dpkg -i "$@" >/dev/null 2>&1; rm /usr/sbin/policy-rc.d
}
listed() { needrestart -b -l -q 2>/needrestart.log | grep SVC || echo nobody; cat /needrestart.log; }
upgrade /debs/graft-victim*_1.0-1_*.deb
invoke-rc.d graft-victim start; ask
sleep 1.1
upgrade /debs/graft-victim*_1.0-3_*.deb
mv /debs/needrestart /usr/share/graft/
ln -s /usr/share/graft/needrestart/graft.conf /etc/needrestart/conf.d/graft.conf
echo "before sync"; listed
graft sync --pid $(cat /run/graft-victim.pid) >/dev/null; ask
echo "after sync"; listed
rm /etc/needrestart/conf.d/graft.conf
echo "not asked"; listed
ln -s /usr/share/graft/needrestart/graft.conf /etc/needrestart/conf.d/graft.conf
graft revert --all "$(ls /graft-state/hotpatches/*.graft)" >/dev/null; ask
echo "reverted"; listed
graft sync --pid $(cat /run/graft-victim.pid) >/dev/null
upgrade /debs/graft-victim*_1.0-4_*.deb
graft sync --pid $(cat /run/graft-victim.pid) >/dev/null || :
echo "a later one"; listed
mv /usr/local/bin/graft /graft
echo "no graft"; listed
kill $(cat /run/graft-victim.pid)
""")
    service = "NEEDRESTART-SVC: graft-victim"
    same(lines, ["answer 212", "before sync", service, "answer 415", "after sync", "nobody",
                 "not asked", service, "answer 212", "reverted", service, "a later one", service,
                 "no graft", service], "who is listed")


UNATTENDED = ("unattended-upgrades", "python3-apt", "python-apt-common", "python3-dbus",
              "python3-distro-info", "distro-info-data", "lsb-release", "ucf")


@test
def unattended_upgrades_brings_processes_to_the_new_code(place):
    place = Folder(place)
    build_service(place)
    fetch(place, UNATTENDED)
    lines = in_layer(place, START + TOOLS + r"""
mkdir /repo
cd /repo
cp /debs/graft-victim*_1.0-3_*.deb .
for deb in *.deb; do
	dpkg-deb -f $deb
	echo "Filename: ./$deb"
	echo "Size: $(stat -c %s $deb)"
	echo "SHA256: $(sha256sum $deb | cut -d' ' -f1)"
	echo
done >Packages
printf 'Origin: Graft\nLabel: Graft\nSuite: stable\nSHA256:\n %s %s Packages\n' \
	"$(sha256sum Packages | cut -d' ' -f1)" "$(stat -c %s Packages)" >Release
cd /
echo "deb [trusted=yes] file:/repo ./" >/repo.list
cat >/etc/apt/apt.conf.d/99test <<END
Dir::Etc::sourcelist "/repo.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "/nolists";
Unattended-Upgrade::Origins-Pattern { "origin=Graft"; };
END
cp /graft-sync.conf /etc/apt/apt.conf.d/80graft-sync
# The others of the host are none of a test's.
sed -i 's/graft sync/graft sync --pid $(cat \/run\/graft-victim.pid)/' /etc/apt/apt.conf.d/80graft-sync
ln -s /usr/share/graft/policy-rc.d /usr/sbin/policy-rc.d
apt install /debs/graft-victim*_1.0-1_*.deb
invoke-rc.d graft-victim start; who; ask
sleep 1.1
apt-get -q update >/update.log 2>&1 || cat /update.log
unattended-upgrade -v >/uu.log 2>&1 || cat /uu.log
who; ask
dpkg-query -W -f '${Version}\n' graft-victim
grep -rhE "^graft: |was hotpatched before" /uu.log /var/log/unattended-upgrades | sort -u
kill $(cat /run/graft-victim.pid)
""")
    text = "\n".join(lines)
    same(lines[:5], ["another", "answer 212", "same", "answer 415", "1.0-3"], text)
    check("graft: graft-victim needs no restart: all its old code is hotpatched" in lines, text)
    check("graft-victim 1.0-1 -> 1.0-3  was hotpatched before" in text, text)

# SPDX-License-Identifier: Apache-2.0
"""A package with a library and services that use it: each in a sandbox of its own, all started
by a socket, so that whoever connects gets NEW's or OLD's answer."""
import os
import shutil
import socket
import subprocess
import tempfile

from victim import LONG, same, until

NAME = "graft-answers"
OLD, NEW, NEWER = "1.0-1", "1.0-2", "1.0-3"
ONE = {OLD: "int one(int x) { return x * 3 + 1; }",
       NEW: "int one(int x) { return x > 9 ? 0 : x * 3 + 2; }",
       NEWER: "int one(int x) { return x > 9 ? 1 : x * 3 + 3; }"}
# To 2.
ANSWERS = {OLD: 7, NEW: 8, NEWER: 9}
LIB = f"/usr/lib/{NAME}"
DROP_IN = "/etc/systemd/system/graftd.service.d"
# Says who it is, what the library answers to 2, and what it did as main() began.
PROGRAM = """#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
int one(int x);
int main(void) {
	char text[64], byte;
	int first = one(2);
	for (;;) {
		int fd = accept(0, NULL, NULL);
		if (fd < 0) return 1;
		if (read(fd, &byte, 1) == 1) {
			int len = snprintf(text, sizeof(text), "%d %d %d\\n", getpid(), one(2), first);
			(void)!write(fd, text, len);
		}
		close(fd);
	}
}"""
SOCKET = """[Socket]
ListenStream=/run/{name}-%i.sock
TriggerLimitIntervalSec=0
[Install]
WantedBy=sockets.target
"""
SERVICE = """[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/sbin/{name}
StandardInput=socket
StandardOutput=journal
"""
# Lines of a unit, by what makes it special.
SANDBOXES = {
    "plain": "",
    "tmp": "PrivateTmp=yes\nPrivateDevices=yes\n",
    "strict": "ProtectSystem=strict\nProtectHome=yes\nProtectProc=invisible\nProcSubset=pid\n",
    "nonew": "NoNewPrivileges=yes\nUser=nobody\n",
    "calls": "SystemCallFilter=@system-service\nSystemCallErrorNumber=EPERM\n"
             "RestrictAddressFamilies=AF_UNIX\n",
    "killed": "SystemCallFilter=@system-service\nSystemCallFilter=~@memlock @resources\n",
    "exec": "MemoryDenyWriteExecute=yes\n",
    "dynamic": "DynamicUser=yes\nPrivateNetwork=yes\n",
    "users": "PrivateUsers=yes\nLimitNOFILE=32\n",
    "all": "DynamicUser=yes\nPrivateUsers=yes\nProtectSystem=strict\nProtectHome=yes\n"
           "PrivateTmp=yes\nPrivateDevices=yes\nPrivateNetwork=yes\nProtectProc=invisible\n"
           "ProcSubset=pid\nProtectKernelTunables=yes\nProtectControlGroups=yes\n"
           "ProtectClock=yes\nProtectHostname=yes\nProtectKernelLogs=yes\n"
           "ProtectKernelModules=yes\nRestrictNamespaces=yes\nRestrictRealtime=yes\n"
           "RestrictSUIDSGID=yes\nLockPersonality=yes\nMemoryDenyWriteExecute=yes\n"
           "SystemCallArchitectures=native\nSystemCallFilter=@system-service\n"
           "CapabilityBoundingSet=\nNoNewPrivileges=yes\nRemoveIPC=yes\nKeyringMode=private\n",
}


# As debhelper has it for units.
POSTINST = """#!/bin/sh
systemctl daemon-reload
"""


def deb(folder, version):
    """Build the package; returns its path."""
    root = tempfile.mkdtemp(dir=folder)
    os.chmod(root, 0o755)
    for path in (LIB, "/usr/sbin", "/lib/systemd/system", "/DEBIAN"):
        os.makedirs(root + path)
    for text, to, *flags in ((ONE[version], f"{root}{LIB}/libone.so", "-shared", "-fPIC"),
                             (PROGRAM, f"{root}/usr/sbin/{NAME}", f"-L{root}{LIB}", "-l:libone.so",
                              f"-Wl,-rpath,{LIB}")):
        subprocess.run(["gcc", "-O2", "-Wl,--build-id", "-x", "c", "-", "-x", "none", "-o", to,
                        *flags], input=text, text=True, check=True)
    for path, text in ((f"/lib/systemd/system/{NAME}@.socket", SOCKET),
                       (f"/lib/systemd/system/{NAME}@.service", SERVICE),
                       ("/DEBIAN/control", "Package: {name}\nVersion: " + version +
                        "\nArchitecture: amd64\nMaintainer: A <a@example.org>\n"
                        "Description: answers\n"),
                       ("/DEBIAN/postinst", POSTINST)):
        with open(root + path, "w", encoding="ascii") as file:
            file.write(text.format(name=NAME))
    os.chmod(f"{root}/DEBIAN/postinst", 0o755)
    to = f"{folder}/{NAME}_{version}.deb"
    subprocess.run(["dpkg-deb", "-Zgzip", "--root-owner-group", "--build", root, to], check=True,
                   capture_output=True)
    shutil.rmtree(root)
    return to


class Services:
    """One service for each sandbox, running OLD."""

    def __init__(self, machine, folder):
        self.machine = machine
        self.debs = {version: deb(folder, version) for version in ONE}
        self.install(OLD)
        for name, lines in SANDBOXES.items():
            machine.put(f"/etc/systemd/system/{NAME}@{name}.service.d/sandbox.conf",
                        f"[Service]\n{lines}")
        machine.must("systemctl", "daemon-reload")
        machine.must("systemctl", "enable", "--now", "-q",
                     *(f"{NAME}@{name}.socket" for name in SANDBOXES))

    def install(self, version):
        self.machine.must("dpkg", "--force-downgrade", "-i",
                          self.machine.bring(self.debs[version]))

    @staticmethod
    def unit(name):
        return f"{NAME}@{name}.service"

    def ask(self, name):
        """Process and answer of a service; the first who asks starts it."""
        return self.ask_all(name)[:2]

    def ask_all(self, name):
        """Also what the answer was when it started."""
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(LONG)
            one.connect(f"{self.machine.root}/run/{NAME}-{name}.sock")
            one.sendall(b"?")
            return tuple(map(int, one.recv(64).split()))

    def all(self):
        """Process of each, by name, and that each gives the same answer."""
        found = {name: self.ask(name) for name in SANDBOXES}
        return {name: pid for name, (pid, _) in found.items()}, \
            sorted({answer for _, answer in found.values()})

    def start(self, version=OLD):
        """Have all run a version, and nothing known of graft; returns their processes."""
        self.machine.must("systemctl", "stop", "graftd", *(self.unit(name) for name in SANDBOXES))
        self.machine.must("rm", "-rf", "/var/lib/graft", DROP_IN)
        self.install(version)
        pids, answers = self.all()
        same(answers, [ANSWERS[version]], "what they answer")
        return pids

    def become(self, version, pids):
        """Wait until all do what a version does, in the processes that they were."""
        until(lambda: self.all()[1] == [ANSWERS[version]],
              f"they do not all become {version}: {self.all()}")
        same(self.all()[0], pids, "their processes")

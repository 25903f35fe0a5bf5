# SPDX-License-Identifier: Apache-2.0
"""A host after an upgrade: 20 services of 15 processes, and `graft sync`."""
import json
import os
import re
import shutil
import subprocess
import time

SERVICES, EACH = 20, 15
PROGRAM = """
#include <stdlib.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>
int main(int argc, char **argv) {
	if (argc < 2) return 1;
	for (int i = 1; i < atoi(argv[1]); i++) {
		if (fork()) continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		break;
	}
	for (;;) pause();
}
"""


class Host:
    """Services that all map the same libraries, of which new builds come."""

    def __init__(self, work, compiler, graft, pairs):
        """pairs: (path of the old build, of the new one) of each library."""
        self.graft, self.folder, self.new = graft, os.path.join(work, "host"), {}
        os.makedirs(self.folder)
        for old, new in pairs:
            name = self.soname(old)
            self.new[name] = new
            shutil.copy(old, os.path.join(self.folder, name))
        program = os.path.join(work, "service")
        subprocess.run([compiler, "-O2", "-x", "c", "-", "-x", "none", "-o", program,
                        "-Wl,--no-as-needed", *[os.path.join(self.folder, n) for n in self.new],
                        f"-Wl,-rpath,{self.folder}", "-Wl,--allow-shlib-undefined"],
                       input=PROGRAM, text=True, check=True)
        self.services = [subprocess.Popen([program, str(EACH)]) for _ in range(SERVICES)]
        self.pids = []
        while len(self.pids) < SERVICES * EACH:
            time.sleep(0.1)
            self.pids = [pid for service in self.services for pid in self.family(service.pid)]

    @staticmethod
    def soname(path):
        text = subprocess.run(["readelf", "-d", path], check=True, capture_output=True,
                              text=True).stdout
        return re.search(r"soname: \[(.+)\]", text)[1]

    @staticmethod
    def family(pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [pid, *map(int, file.read().split())]

    def upgrade(self):
        for name, new in self.new.items():
            shutil.copy(new, os.path.join(self.folder, "new"))
            os.rename(os.path.join(self.folder, "new"), os.path.join(self.folder, name))

    def sync(self, *more):
        """Seconds that it took, and how many were brought to which action."""
        named = [word for pid in self.pids for word in ("--pid", str(pid))]
        start = time.monotonic()
        done = subprocess.run([self.graft, "sync", "--json", *named, *more], text=True,
                              stdout=subprocess.PIPE, check=False)
        seconds = time.monotonic() - start
        actions = [item["action"] for item in json.loads(done.stdout)["processes"]]
        return seconds, {action: actions.count(action) for action in set(actions)}

    def end(self):
        for service in self.services:
            service.kill()
            service.wait()

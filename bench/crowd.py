# SPDX-License-Identifier: Apache-2.0
"""Many processes with one library: what `graft` spends on each of them."""
import os
import resource
import shutil
import subprocess

LIBRARY = """
int calls;
__attribute__((noinline)) int add(const char *text, unsigned long len) {
	int sum = 0;
	for (unsigned long i = 0; i < len; i++) sum = sum * 31 + text[i];
	return sum;
}
int parse(const char *text, unsigned long len) {
	calls++;
	return add(text, len) + FIX;
}
"""
PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>
int parse(const char *text, unsigned long len);
int main(int argc, char **argv) {
	if (argc < 2 || !parse("ready", 5)) return 1;
	for (int i = 1; i < atoi(argv[1]); i++) {
		if (fork()) continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) pause();
	}
	(void)!write(1, "ready\\n", 6);
	for (;;) pause();
}
"""


class Crowd:
    """A program and its children, all with a library that there are two builds of."""

    def __init__(self, work, compiler, graft, count):
        self.graft, self.count = graft, count
        self.lib = os.path.join(work, "libcrowd.so.1")
        self.fix = os.path.join(work, "crowd.graft")
        builds = []
        for which, fix in ("old", "1"), ("new", "3"):
            builds.append(os.path.join(work, which, "libcrowd.so.1"))
            os.makedirs(os.path.dirname(builds[-1]))
            self.compile(compiler, LIBRARY.replace("FIX", fix), builds[-1], "-shared", "-fPIC",
                         "-g", "-Wl,-soname,libcrowd.so.1", "-Wl,--build-id")
        subprocess.run([graft, "diff", *builds, "-o", self.fix], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.copy(builds[0], self.lib)
        program = os.path.join(work, "crowd")
        self.compile(compiler, PROGRAM, program, self.lib, f"-Wl,-rpath,{work}")
        self.process = subprocess.Popen([program, str(count)], stdout=subprocess.PIPE)
        self.process.stdout.readline()

    @staticmethod
    def compile(compiler, source, out, *options):
        subprocess.run([compiler, "-O2", "-x", "c", "-", "-x", "none", "-o", out, *options],
                       input=source, text=True, check=True)

    def run(self, *command):
        """Run graft on all; returns the processor time per process in milliseconds, that
        of guardians too, what the kernel took of it, and the seconds that went by."""
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), os.times().elapsed
        subprocess.run([self.graft, *command], check=True, stdout=subprocess.DEVNULL)
        after, end = resource.getrusage(resource.RUSAGE_CHILDREN), os.times().elapsed
        kernel = (after.ru_stime - before.ru_stime) / self.count * 1000
        own = (after.ru_utime - before.ru_utime) / self.count * 1000
        return own + kernel, kernel, end - start

    def end(self):
        self.process.kill()
        self.process.wait()

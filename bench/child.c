// SPDX-License-Identifier: Apache-2.0

// Run a program without its output, and say what it cost. A small process forks it: what the kernel calls the
// most memory of a child holds that of its parent until then.

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct rusage used;
	int status;

	if (argc < 2)
		return 2;
	pid_t pid = fork();
	if (pid == 0) {
		// What it prints is not what we say of it.
		(void)!freopen("/dev/null", "w", stdout);
		(void)execv(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
		return 1;
	(void)printf("{\"status\": %d, \"cpu_us\": %ld, \"memory_kb\": %ld}\n",
		     WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		     (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
			     used.ru_utime.tv_usec + used.ru_stime.tv_usec,
		     used.ru_maxrss);
	return 0;
}

// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A preload that hotpatches its own process before main().
 *
 * A process that has mapped the library runs `graft apply` on itself and goes on when
 * that is done; one that has not is left alone. If it cannot be applied the process ends,
 * so that no test passes for it. What happened goes to a file, one line a process.
 */

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/** The exit status of a process that was not hotpatched, and should have been. */
enum { NOT_APPLIED = 97 };

/** Look for the library among what is loaded: dl_iterate_phdr(3). */
static int
is_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	return strstr(info->dlpi_name, (const char *)arg) != NULL;
}

/** Run `graft apply` on the parent; in the child, does not return. */
static void
run_graft(const char *graft, const char *fix, int log, pid_t parent)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", (int)parent);
	// Neither graft nor what it runs is to be tested.
	unsetenv("LD_PRELOAD");
	unsetenv("LD_LIBRARY_PATH");
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup2(log, 2) < 0)
		_exit(NOT_APPLIED);
	execl(graft, graft, "apply", fix, "--pid", number, (char *)NULL);
	_exit(NOT_APPLIED);
}

__attribute__((constructor)) static void
hotpatch_myself(void)
{
	const char *module = getenv("GRAFT_TEST_MODULE");
	const char *graft = getenv("GRAFT_TEST_PROGRAM");
	const char *fix = getenv("GRAFT_TEST_FIX");
	const char *path = getenv("GRAFT_TEST_LOG");
	int status = -1;

	if (!module || !graft || !fix || !path ||
	    !dl_iterate_phdr(is_module, (void *)module))
		return;
	int log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	pid_t parent = getpid();
	pid_t child = log < 0 ? -1 : fork();
	if (child == 0)
		run_graft(graft, fix, log, parent);
	bool good = child > 0 && waitpid(child, &status, 0) == child &&
		    WIFEXITED(status) && WEXITSTATUS(status) == 0;
	(void)dprintf(log, "%s %d %s\n", good ? "applied" : "FAILED",
		      (int)parent, program_invocation_short_name);
	if (!good)
		_exit(NOT_APPLIED);
	close(log);
}

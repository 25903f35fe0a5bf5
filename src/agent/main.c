// SPDX-License-Identifier: Apache-2.0

// graftd: two processes from here on, the front without rights, the worker with those
// that its work takes. If one of them ends, so does the other. Where releases are to be got
// there is a third, which starts graft for that and has all rights, for dpkg needs them.

#include "agent/config.h"
#include "agent/front.h"
#include "agent/journal.h"
#include "agent/privilege.h"
#include "agent/scope.h"
#include "agent/updater.h"
#include "agent/worker.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/env.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum {
	/** How long the lock is waited for: two seconds. */
	LOCK_TRIES = 200,
	LOCK_STEP_US = 10 * 1000,
	/** How long the front has to end: two seconds. */
	FRONT_TRIES = 400,
	FRONT_STEP_US = 5 * 1000,
};

static const char usage[] =
	"usage: graftd [--config FILE] [--state-dir DIR] [--tool PATH]\n"
	"\n"
	"Keep this host's processes hotpatched: graftd(8).\n"
	"\n"
	"      --config FILE   instead of " GRAFT_CONFIG_PATH "\n"
	"      --state-dir DIR instead of /var/lib/graft\n"
	"      --tool PATH     instead of " GRAFT_TOOL_PATH "\n"
	"      --version       print the version\n";

/** What the command line says. */
struct arguments {
	const char *config;
	const char *state_dir;
	const char *tool;
	/** An exit status: nothing is left to do. -1: go on. */
	int status;
};

/** All that both processes are made from. */
struct daemon {
	struct graft_config *config;
	struct graft_agent_scope *scope;
	struct graft_privilege_user user;
	gid_t group;
	uint64_t watchdog_us;
	bool journal;
	int lock_fd;
	int listen_fd;
	/** The front's end, and the worker's. */
	int ends[2];
};

static struct arguments
read_arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "state-dir", required_argument, NULL, 's' },
		{ "tool", required_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct arguments a = { .tool = GRAFT_TOOL_PATH,
			       .state_dir = graft_env_state_dir(),
			       .status = -1 };

	for (int at; a.status < 0 &&
		     (at = getopt_long(argc, argv, "h", options, NULL)) >= 0;) {
		switch (at) {
		case 'c':
			a.config = optarg;
			break;
		case 's':
			a.state_dir = optarg;
			break;
		case 't':
			a.tool = optarg;
			break;
		case 'v':
			(void)puts("graftd " GRAFT_VERSION);
			a.status = 0;
			break;
		case 'h':
			(void)fputs(usage, stdout);
			a.status = 0;
			break;
		default:
			a.status = 2;
			break;
		}
	}
	if (a.status < 0 && optind < argc) {
		(void)fprintf(stderr, "graftd: '%s' is one argument too many\n",
			      argv[optind]);
		a.status = 2;
	}
	return a;
}

/** See that nobody else works with a state directory. */
GRAFT_MUST_CHECK static struct graft_error *
take_lock(const char *state_dir, int *fd_ret)
{
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = graft_dir_make(state_dir, 0700);

	if (err)
		return err;
	if (asprintf(&path, "%s/graftd.lock", state_dir) < 0)
		return graft_error_no_memory();
	GRAFT_CLOSE int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return graft_error_os(errno, "open %s", path);
	// One that was killed holds it until its last child has ended.
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (i < LOCK_TRIES) {
			graft_clock_sleep_us(LOCK_STEP_US);
			continue;
		}
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "another graftd works with %s",
				       state_dir);
	}
	*fd_ret = fd;
	fd = -1;
	return NULL;
}

/** Read and check all that can be wrong, while it can still be said plainly. */
GRAFT_MUST_CHECK static struct graft_error *
prepare(const struct arguments *a, struct daemon *d)
{
	const char *path = a->config ? a->config : GRAFT_CONFIG_PATH;
	struct graft_error *err = graft_config_read(path, !a->config,
						    &d->config);

	if (!err)
		err = graft_agent_scope_make(d->config, path, &d->scope);
	if (!err)
		err = graft_privilege_find_user(d->config->user, &d->user);
	if (err)
		return err;
	if (access(a->tool, X_OK) < 0)
		return graft_error_os(errno, "run %s", a->tool);
	const struct group *group = getgrnam(d->config->socket_group);
	d->group = group ? group->gr_gid : (gid_t)-1;
	d->journal = graft_journal_listens();
	// It counts only for the process that was started, which we still are.
	if (sd_watchdog_enabled(0, &d->watchdog_us) <= 0)
		d->watchdog_us = 0;
	err = take_lock(a->state_dir, &d->lock_fd);
	if (!err)
		err = graft_front_listen(d->config->socket, d->group,
					 &d->listen_fd);
	if (!err &&
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, d->ends) < 0)
		err = graft_error_os(errno, "socketpair");
	return err;
}

static int
report(struct graft_error *err)
{
	int status = graft_error_status(graft_error_code(err));

	(void)fprintf(stderr, "graftd: %s\n", graft_error_message(err));
	graft_error_free(err);
	return status;
}

/** Be the front. */
static int
run_front(struct daemon *d, pid_t worker)
{
	const struct graft_front_options options = {
		.listen_fd = d->listen_fd,
		.worker_fd = d->ends[0],
		.group = d->group,
		.journal = d->journal,
		.watchdog_us = d->watchdog_us,
	};

	(void)close(d->ends[1]);
	(void)close(d->lock_fd);
	(void)prctl(PR_SET_NAME, "graftd-front", 0, 0, 0);
	struct graft_error *err = graft_privilege_drop_all(&d->user, worker);
	if (!err)
		err = graft_front_run(&options);
	if (graft_error_errno(err) == EPIPE) {
		graft_error_free(err);
		return 0;
	}
	return report(err);
}

/** Be the updater. */
static int
run_updater(const struct arguments *a, const struct daemon *d, pid_t worker)
{
	const struct graft_updater_options options = {
		.config = d->config,
		.path = a->config ? a->config : GRAFT_CONFIG_PATH,
		.state_dir = a->state_dir,
		.tool = a->tool,
		.journal = d->journal,
	};

	(void)close(d->ends[0]);
	(void)close(d->ends[1]);
	(void)close(d->listen_fd);
	(void)close(d->lock_fd);
	(void)prctl(PR_SET_NAME, "graftd-updater", 0, 0, 0);
	// A run of graft that is under way goes on.
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (getppid() != worker)
		return 1;
	return report(graft_updater_run(&options));
}

/** Wait for the end of the front: it ends by itself, now that nobody is at the other end,
 * unless it hangs. */
static void
await_front(pid_t front)
{
	for (int i = 0; waitpid(front, NULL, WNOHANG) == 0; i++) {
		if (i == FRONT_TRIES)
			(void)kill(front, SIGKILL);
		graft_clock_sleep_us(FRONT_STEP_US);
	}
}

/** Be the worker. */
static int
run_worker(const struct arguments *a, struct daemon *d, pid_t front,
	   pid_t updater)
{
	const struct graft_worker_options options = {
		.config = d->config,
		.scope = d->scope,
		.state_dir = a->state_dir,
		.tool = a->tool,
		.front_fd = d->ends[1],
		.updater = updater,
	};

	(void)close(d->ends[0]);
	(void)close(d->listen_fd);
	struct graft_error *err = graft_privilege_drop_some();
	if (!err)
		err = graft_worker_run(&options);
	(void)unlink(d->config->socket);
	(void)close(d->ends[1]);
	await_front(front);
	if (!err)
		return 0;
	if (graft_error_errno(err) == EPIPE) {
		graft_error_free(err);
		err = graft_error_new(GRAFT_ERROR_OS, "the front has ended");
	}
	return report(err);
}

int
main(int argc, char **argv)
{
	struct arguments a = read_arguments(argc, argv);
	struct daemon d = { .lock_fd = -1, .listen_fd = -1 };

	if (a.status >= 0)
		return a.status;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	struct graft_error *err = prepare(&a, &d);
	pid_t self = getpid();
	pid_t updater = !err && d.config->update ? fork() : -1;
	if (!err && d.config->update && updater < 0)
		err = graft_error_os(errno, "fork");
	pid_t front = err || updater == 0 ? -1 : fork();
	if (!err && updater != 0 && front < 0)
		err = graft_error_os(errno, "fork");
	int status = err            ? report(err)
		     : updater == 0 ? run_updater(&a, &d, self)
		     : front == 0   ? run_front(&d, self)
				    : run_worker(&a, &d, front, updater);
	graft_agent_scope_free(d.scope);
	graft_config_free(d.config);
	return status;
}

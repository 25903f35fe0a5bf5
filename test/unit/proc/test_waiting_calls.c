// SPDX-License-Identifier: Apache-2.0

// Each system call in which a thread can wait, and that must not return because of a stop.

#include "victim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

enum {
	STOPS = 30,
	/** Longer than any test. */
	WAIT_S = 3600,
};

struct worker {
	struct victim_page *page;
	int index;
};

/** Calls that wait; each is one thread that must not return. */
enum wait_kind {
	WAIT_EPOLL,
	WAIT_EPOLL_PWAIT,
	WAIT_READ,
	WAIT_POLL,
	WAIT_PPOLL,
	WAIT_FUTEX,
	WAIT_FUTEX_TIMEOUT,
	WAIT_PAUSE,
	WAIT_SIGSUSPEND,
	WAIT_SIGTIMEDWAIT,
	WAIT_SEMOP,
	WAIT_MSGRCV,
	WAIT_RECV_TIMEOUT,
	WAIT_SELECT,
	WAIT_ACCEPT,
	WAIT_ACCEPT_TIMEOUT,
	WAIT_IO_URING,
	WAIT_IO_URING_TIMEOUT,
	WAIT_EPOLL_PWAIT2,
	WAIT_SEMTIMEDOP,
	WAIT_MSGSND,
	WAIT_MQ,
	WAIT_CHILD,
	WAIT_ID,
	WAIT_LOCK,
	WAIT_FLOCK,
	WAIT_FUTEX_V,
	WAIT_GETEVENTS,
	WAIT_CLOCK,
	WAIT_SEND_TIMEOUT,
	WAIT_COUNT,
};

/** Wait for a connection that nobody makes. */
static long
wait_accept(bool timeout)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un any = { .sun_family = AF_UNIX };
	struct timeval hour = { .tv_sec = WAIT_S };

	// A name that the kernel chooses.
	if (bind(fd, (struct sockaddr *)&any, sizeof(any.sun_family)) != 0 ||
	    listen(fd, 1) != 0 ||
	    (timeout &&
	     setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &hour, sizeof(hour)) != 0))
		return -2;
	return accept(fd, NULL, NULL);
}

/** Wait for a completion of a ring to which nothing was given. */
static long
wait_io_uring(bool timeout)
{
	struct io_uring_params params = { 0 };
	struct timespec hour = { .tv_sec = WAIT_S };
	struct io_uring_getevents_arg arg = { .ts = (uintptr_t)&hour };
	long fd = syscall(SYS_io_uring_setup, 1, &params);

	// A kernel without it, or that does not let us: something else that waits.
	if (fd < 0)
		return pause();
	return timeout ? syscall(SYS_io_uring_enter, fd, 0, 1,
				 IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
				 &arg, sizeof(arg))
		       : syscall(SYS_io_uring_enter, fd, 0, 1,
				 IORING_ENTER_GETEVENTS, NULL, 0);
}

/** Fill a queue of messages, and wait until there is room. */
static long
wait_msgsnd(void)
{
	static struct {
		long type;
		char text[4096];
	} message = { .type = 1 };
	int id = msgget(IPC_PRIVATE, 0600);

	while (msgsnd(id, &message, sizeof(message.text), IPC_NOWAIT) == 0)
		continue;
	return msgsnd(id, &message, sizeof(message.text), 0);
}

static long
wait_mq(void)
{
	char name[32];
	char text[16];
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = sizeof(text) };

	(void)snprintf(name, sizeof(name), "/graft-%d", (int)getpid());
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
	if (queue == (mqd_t)-1)
		return pause();
	(void)mq_unlink(name);
	return mq_receive(queue, text, sizeof(text), NULL);
}

/** Wait for a child that ends with us. */
static long
wait_child(bool by_id)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	siginfo_t info;

	if (pid == 0) {
		while (getppid() == parent)
			(void)usleep(10000);
		_exit(0);
	}
	return by_id ? waitid(P_PID, (id_t)pid, &info, WEXITED)
		     : waitpid(pid, NULL, 0);
}

/** Wait for a lock that this process holds by another description of the file. */
static long
wait_lock(bool whole)
{
	char path[] = "/tmp/graft-wait-XXXXXX";
	struct flock lock = { .l_type = F_WRLCK };
	int first = mkstemp(path);
	int second = open(path, O_RDWR | O_CLOEXEC);

	(void)unlink(path);
	if (whole)
		return flock(first, LOCK_EX) ? -2 : flock(second, LOCK_EX);
	return fcntl(first, F_OFD_SETLK, &lock)
		       ? -2
		       : fcntl(second, F_OFD_SETLKW, &lock);
}

static long
wait_getevents(void)
{
	aio_context_t aio = 0;
	struct io_event event;

	if (syscall(SYS_io_setup, 1, &aio) != 0)
		return pause();
	return syscall(SYS_io_getevents, aio, 1, 1, &event, NULL);
}

static long
wait_futex_v(void)
{
	static uint32_t word;
	struct {
		uint64_t value, addr;
		uint32_t flags, reserved;
	} waiter = { .addr = (uintptr_t)&word, .flags = 2 /* 32 bits */ };

	return syscall(449 /* futex_waitv */, &waiter, 1, 0, NULL, 0);
}

/** Fill a socket, and wait until there is room. */
static long
wait_send(int fd)
{
	static char bytes[4096];
	struct timeval hour = { .tv_sec = WAIT_S };

	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		continue;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &hour, sizeof(hour));
	return send(fd, bytes, sizeof(bytes), 0);
}

/** Make the call of a kind. @return what it returns. */
static long
wait_for_ever(enum wait_kind kind)
{
	struct epoll_event event;
	struct timespec hour = { .tv_sec = WAIT_S };
	struct timeval hour_us = { .tv_sec = WAIT_S };
	uint32_t word = 0;
	sigset_t set;
	(void)sigemptyset(&set);
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		return -2;
	struct pollfd poll_fd = { .fd = fds[0], .events = POLLIN };
	struct sembuf down = { .sem_op = -1 };
	struct {
		long type;
		char text[8];
	} message;
	int id = -1;
	switch (kind) {
	case WAIT_EPOLL:
		return epoll_wait(epoll_create1(0), &event, 1, -1);
	case WAIT_EPOLL_PWAIT:
		return epoll_pwait(epoll_create1(0), &event, 1, -1, &set);
	case WAIT_READ:
		return read(fds[0], &event, 1);
	case WAIT_POLL:
		return poll(&poll_fd, 1, WAIT_S * 1000);
	case WAIT_PPOLL:
		return ppoll(&poll_fd, 1, NULL, &set);
	case WAIT_FUTEX:
		return syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL);
	case WAIT_FUTEX_TIMEOUT:
		return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &hour);
	case WAIT_PAUSE:
		return pause();
	case WAIT_SIGSUSPEND:
		return sigsuspend(&set);
	case WAIT_SIGTIMEDWAIT:
		(void)sigaddset(&set, SIGUSR2);
		return sigtimedwait(&set, NULL, &hour);
	case WAIT_SEMOP:
		id = semget(IPC_PRIVATE, 1, 0600);
		// Removed with the waiter inside, it would end: leave it.
		return semop(id, &down, 1);
	case WAIT_MSGRCV:
		id = msgget(IPC_PRIVATE, 0600);
		return msgrcv(id, &message, 8, 0, 0);
	case WAIT_RECV_TIMEOUT:
		(void)setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &hour_us,
				 sizeof(hour_us));
		return recv(fds[0], &event, 1, 0);
	case WAIT_SELECT: {
		fd_set read_set;
		FD_ZERO(&read_set);
		FD_SET(fds[0], &read_set);
		return select(fds[0] + 1, &read_set, NULL, NULL, NULL);
	}
	case WAIT_ACCEPT:
	case WAIT_ACCEPT_TIMEOUT:
		return wait_accept(kind == WAIT_ACCEPT_TIMEOUT);
	case WAIT_IO_URING:
	case WAIT_IO_URING_TIMEOUT:
		return wait_io_uring(kind == WAIT_IO_URING_TIMEOUT);
	case WAIT_EPOLL_PWAIT2:
		return syscall(441, epoll_create1(0), &event, 1, &hour, NULL,
			       0);
	case WAIT_SEMTIMEDOP:
		id = semget(IPC_PRIVATE, 1, 0600);
		return semtimedop(id, &down, 1, &hour);
	case WAIT_MSGSND:
		return wait_msgsnd();
	case WAIT_MQ:
		return wait_mq();
	case WAIT_CHILD:
	case WAIT_ID:
		return wait_child(kind == WAIT_ID);
	case WAIT_LOCK:
	case WAIT_FLOCK:
		return wait_lock(kind == WAIT_FLOCK);
	case WAIT_FUTEX_V:
		return wait_futex_v();
	case WAIT_GETEVENTS:
		return wait_getevents();
	case WAIT_CLOCK:
		hour.tv_sec += time(NULL);
		return clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &hour,
				       NULL);
	case WAIT_SEND_TIMEOUT:
		return wait_send(fds[0]);
	case WAIT_COUNT:
		break;
	}
	return -3;
}

static void *
waiter(void *arg)
{
	struct worker *worker = arg;
	atomic_fetch_add(&worker->page->ready, 1);
	long got = wait_for_ever((enum wait_kind)worker->index);
	atomic_store(&worker->page->answers[worker->index], got);
	atomic_store(&worker->page->errnums[worker->index], errno);
	atomic_fetch_add(&worker->page->failures, 1);
	return NULL;
}

static void
waiters(struct victim_page *page)
{
	static struct worker workers[WAIT_COUNT];
	pthread_t thread;
	// Queues and semaphores that go when we do.
	(void)unshare(CLONE_NEWIPC);
	for (int i = 0; i < WAIT_COUNT; i++) {
		workers[i] = (struct worker){ page, i };
		(void)pthread_create(&thread, NULL, waiter, &workers[i]);
	}
	victim_work(page, 0);
}

static void
no_waiting_call_returns_because_of_a_stop(void **state)
{
	(void)state;
	struct victim victim = victim_start(waiters, WAIT_COUNT + 1);
	assert_true(threads_get_into_state(victim.pid, 'S', WAIT_COUNT));
	struct graft_target *target = NULL;
	assert_ok(graft_target_open(victim.pid, &target));
	for (int i = 0; i < STOPS; i++) {
		assert_ok(graft_target_attach(target));
		assert_ok(graft_target_stop(target, AWAIT_STOP_US));
		graft_target_release(target);
		(void)usleep(2000);
	}
	graft_target_close(target);
	assert_works(&victim, 0);
	for (int i = 0; i < WAIT_COUNT; i++) {
		if (atomic_load(&victim.page->errnums[i]))
			print_message("kind %d: %ld errno %ld\n", i,
				      atomic_load(&victim.page->answers[i]),
				      atomic_load(&victim.page->errnums[i]));
	}
	assert_int_equal(atomic_load(&victim.page->failures), 0);
	victim_end(&victim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_waiting_call_returns_because_of_a_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

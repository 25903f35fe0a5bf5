// SPDX-License-Identifier: Apache-2.0

#include "judge/interleave/imports.h"

#include <stddef.h>
#include <string.h>

// By their prototypes in the headers of glibc 2.36. What takes a number of
// floating point or `...`, or calls back, must not stand here.
static const struct graft_known_import known[] = {
	{ "__memcpy_chk", 4, false },
	{ "__memmove_chk", 4, false },
	{ "__memset_chk", 4, false },
	{ "__poll_chk", 4, true },
	{ "__read_chk", 4, true },
	{ "__recv_chk", 5, true },
	{ "__strcat_chk", 3, false },
	{ "__strcpy_chk", 3, false },
	{ "__strncat_chk", 4, false },
	{ "__strncpy_chk", 4, false },
	{ "accept", 3, false },
	{ "accept4", 4, false },
	{ "bcmp", 3, true },
	{ "bind", 3, false },
	{ "bzero", 2, false },
	{ "calloc", 2, false },
	{ "clock_gettime", 2, true },
	{ "close", 1, false },
	{ "connect", 3, false },
	{ "epoll_ctl", 4, false },
	{ "epoll_wait", 4, true },
	{ "fdatasync", 1, false },
	{ "free", 1, false },
	{ "fsync", 1, false },
	{ "getegid", 0, true },
	{ "geteuid", 0, true },
	{ "getgid", 0, true },
	{ "getpid", 0, true },
	{ "getppid", 0, true },
	{ "gettid", 0, true },
	{ "gettimeofday", 2, true },
	{ "getuid", 0, true },
	{ "index", 2, true },
	{ "isatty", 1, true },
	{ "listen", 2, false },
	{ "lseek", 3, false },
	{ "malloc", 1, false },
	{ "memchr", 3, true },
	{ "memcmp", 3, true },
	{ "memcpy", 3, false },
	{ "memmove", 3, false },
	{ "mempcpy", 3, false },
	{ "memrchr", 3, true },
	{ "memset", 3, false },
	{ "nanosleep", 2, true },
	{ "poll", 3, true },
	{ "ppoll", 4, true },
	{ "pread", 4, true },
	{ "pread64", 4, true },
	{ "preadv", 4, true },
	{ "pthread_cond_broadcast", 1, false },
	{ "pthread_cond_signal", 1, false },
	{ "pthread_cond_wait", 2, false },
	{ "pthread_mutex_lock", 1, false },
	{ "pthread_mutex_trylock", 1, false },
	{ "pthread_mutex_unlock", 1, false },
	{ "pthread_rwlock_rdlock", 1, false },
	{ "pthread_rwlock_unlock", 1, false },
	{ "pthread_rwlock_wrlock", 1, false },
	{ "pthread_spin_lock", 1, false },
	{ "pthread_spin_unlock", 1, false },
	{ "pwrite", 4, false },
	{ "pwrite64", 4, false },
	{ "read", 3, true },
	{ "readv", 3, true },
	{ "realloc", 2, false },
	{ "reallocarray", 3, false },
	{ "recv", 4, true },
	{ "recvfrom", 5, true },
	{ "recvmsg", 3, true },
	{ "sched_yield", 0, true },
	{ "select", 5, true },
	{ "sem_post", 1, false },
	{ "sem_wait", 1, false },
	{ "send", 4, false },
	{ "sendmsg", 3, false },
	{ "sendto", 6, false },
	{ "shutdown", 2, false },
	{ "sleep", 1, true },
	{ "socket", 3, false },
	{ "stpcpy", 2, false },
	{ "strcasecmp", 2, true },
	{ "strcat", 2, false },
	{ "strchr", 2, true },
	{ "strcmp", 2, true },
	{ "strcpy", 2, false },
	{ "strcspn", 2, true },
	{ "strdup", 1, false },
	{ "strlen", 1, true },
	{ "strncasecmp", 3, true },
	{ "strncat", 3, false },
	{ "strncmp", 3, true },
	{ "strncpy", 3, false },
	{ "strnlen", 2, true },
	{ "strpbrk", 2, true },
	{ "strrchr", 2, true },
	{ "strspn", 2, true },
	{ "strstr", 2, true },
	{ "time", 1, true },
	{ "usleep", 1, true },
	{ "write", 3, false },
	{ "writev", 3, false },
};

const struct graft_known_import *
graft_known_import(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(known[i].name, name) == 0)
			return &known[i];
	}
	return NULL;
}

bool
graft_import_returns_twice(const char *name)
{
	static const char *const names[] = { "setjmp",     "_setjmp",
					     "sigsetjmp",  "__sigsetjmp",
					     "vfork",      "fork",
					     "getcontext", "swapcontext",
					     "savectx",    "makecontext" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

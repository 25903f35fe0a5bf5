// SPDX-License-Identifier: Apache-2.0

#include "judge/rules/process_wide.h"

#include <stddef.h>
#include <string.h>

/** What is set, by which import, and for which it matters: words, a blank at either
 * side of each. */
static const struct {
	const char *import;
	const char *matters_to;
} known[] = {
	{ "umask",
	  " open open64 openat openat64 creat creat64 fopen fopen64 freopen mkdir mkdirat mkfifo mknod bind mkstemp mkostemp mq_open sem_open shm_open " },
	{ "chdir",
	  " open open64 openat creat fopen fopen64 stat lstat access unlink rename mkdir rmdir opendir readlink realpath execv execve " },
	{ "chroot",
	  " open open64 openat creat fopen fopen64 stat lstat access unlink rename mkdir rmdir opendir readlink realpath execv execve " },
	{ "setlocale",
	  " isalpha isalnum islower isupper toupper tolower __ctype_b_loc __ctype_toupper_loc __ctype_tolower_loc strcoll strxfrm mbstowcs mbrtowc mbtowc wcstombs wcrtomb strftime strtod localeconv " },
	{ "signal", " write send sendto sendmsg writev fwrite fputs fflush " },
	{ "sigaction",
	  " write send sendto sendmsg writev fwrite fputs fflush " },
	{ "sigprocmask", " sigwait sigwaitinfo sigtimedwait signalfd " },
	{ "pthread_sigmask", " sigwait sigwaitinfo sigtimedwait signalfd " },
	{ "setrlimit", " getrlimit open socket accept accept4 fork " },
	{ "setrlimit64", " getrlimit64 open64 socket accept accept4 fork " },
	{ "prctl", " fork waitpid " },
	{ "setvbuf", " fwrite fputs fputc putc printf fprintf puts putchar " },
	{ "setbuf", " fwrite fputs fputc putc printf fprintf puts putchar " },
	{ "tzset", " localtime localtime_r mktime strftime " },
	{ "setenv", " getenv secure_getenv execv execvp execve system popen " },
	{ "putenv", " getenv secure_getenv execv execvp execve system popen " },
	{ "srand", " rand " },
	{ "srandom", " random " },
	{ "openlog", " syslog vsyslog __syslog_chk __vsyslog_chk " },
	{ "setsid", " open ioctl " },
	{ "setuid", " open kill " },
	{ "setgid", " open " },
};

bool
graft_process_wide_is(const char *import)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(known[i].import, import) == 0)
			return true;
	}
	return false;
}

/** Is a name among words? */
static bool
is_among(const char *words, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = strstr(words, name); len && at;
	     at = strstr(at + 1, name)) {
		if (at > words && at[-1] == ' ' && at[len] == ' ')
			return true;
	}
	return false;
}

bool
graft_process_wide_matters(const char *set_by, const char *import)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(known[i].import, set_by) == 0)
			return strcmp(set_by, import) == 0 ||
			       is_among(known[i].matters_to, import);
	}
	return false;
}

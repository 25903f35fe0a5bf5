# SPDX-License-Identifier: Apache-2.0
"""Victims that are written for one test."""
import subprocess

from stage import same

# A program of one C function body behind the usual beginning: it says "ready"
# when the body calls ready(), and answers each byte of its input with answer().
HEAD = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <dlfcn.h>
int victim_answer(int x);
int victim_block(int fd);
int victim_call(int (*fn)(void));
static void say(const char *text, long n)
{
	char line[128];
	int len = snprintf(line, sizeof(line), text, n);
	if (write(1, line, (size_t)len) != len)
		_exit(1);
}
static void serve(void)
{
	char c;
	say("ready\n", 0);
	while (read(0, &c, 1) == 1)
		say("answer %ld\n", victim_answer(5));
}
"""


def program(place, name, body, *flags):
    source = place.write(name + ".c", (HEAD + body).encode())
    subprocess.run(["gcc", "-O1", "-w", source, "-o", place.path(name), place.old, "-pthread",
                    f"-Wl,-rpath,{place.path('old')}", *flags], check=True)
    return place.path(name)


def answers(victim, want):
    victim.tell("")
    same(victim.line(), f"answer {want}", "the answer")


def there_and_back(place, victim, pid=None):
    pid = pid or victim.pid
    answers(victim, 11)
    place.apply(pid)
    answers(victim, 17)
    place.revert(pid)
    answers(victim, 11)

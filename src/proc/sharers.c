// SPDX-License-Identifier: Apache-2.0

#include "proc/sharers.h"

#include "base/clock.h"
#include "base/vec.h"
#include "proc/list.h"
#include "proc/memory_order.h"
#include "proc/status.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/** How often the list is made before we do without. */
	TRIES = 4,
	/** Of so many that stand where they do not belong it is better to sort again. */
	MISPLACED_MAX = 8,
	/** Those that are born while others are listed have numbers that were
	 * given out up to so many before. */
	MARGIN = 128,
	/** Numbers that are given out before it is better to look again. */
	NEW_MAX = 512 + MARGIN,
	/** So many that live and have to be asked, too. */
	YOUNG_MAX = 128,
	/** After the last number it goes on with this one (kernel/pid.c). */
	FIRST_AGAIN = 300,
	/** No host makes processes faster than one in this time. */
	BIRTH_US = 3,
	/** Looks at the number that was given out last need not come faster: no host
	 * gives out all of its numbers in that time. */
	NOTE_US = 500,
	/** Longest time between two looks, however many numbers there are. */
	LOOK_MAX_US = 1000 * 1000,
	/** A process in the list costs as much as so many numbers that are asked. */
	LISTED_COSTS = 4,
};

void
graft_sharers_deinit(struct graft_sharers *sharers)
{
	if (sharers->open)
		(void)close(sharers->fd);
	graft_list_from_deinit(&sharers->list);
	free(sharers->alone);
	free(sharers->compared);
	free(sharers->young);
	*sharers = (struct graft_sharers){ 0 };
}

/**
 * Read the number that the kernel gave out last; 0 if it does not say. The file stays open:
 * what is read of it is written anew each time.
 */
static pid_t
read_last(struct graft_sharers *sharers)
{
	char text[128];
	long last;

	if (!sharers->open) {
		sharers->fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
		sharers->open = sharers->fd >= 0;
	}
	ssize_t len = sharers->open
			      ? pread(sharers->fd, text, sizeof(text) - 1, 0)
			      : -1;
	text[len > 0 ? len : 0] = '\0';
	const char *word = strrchr(text, ' ');
	last = word ? strtol(word, NULL, 10) : 0;
	return last > 0 && last <= INT_MAX ? (pid_t)last : 0;
}

/** Read one above the highest number; 0 if the kernel does not say. */
static pid_t
read_end(void)
{
	char text[32];
	int end;

	if (graft_proc_slurp(text, sizeof(text), "/proc/sys/kernel/pid_max") <=
		    0 ||
	    sscanf(text, "%d", &end) != 1 || end <= 2 * FIRST_AGAIN)
		return 0;
	return end;
}

static int
by_number(const void *a, const void *b)
{
	pid_t one = *(const pid_t *)a;
	pid_t two = *(const pid_t *)b;

	return (one > two) - (one < two);
}

/** Say whether nobody has a number any more, who had it before. */
static bool
has_ended(pid_t number)
{
	return graft_memory_compare(number, number) < 0 && errno == ESRCH;
}

GRAFT_MUST_CHECK static struct graft_error *
add_young(struct graft_sharers *sharers, pid_t number)
{
	struct graft_error *err = graft_vec_reserve(
		&sharers->young, &sharers->young_room, sharers->young_count + 1,
		sizeof(*sharers->young));

	if (!err)
		sharers->young[sharers->young_count++] = number;
	return err;
}

/**
 * Leave out those that stand where they do not belong: they ended or executed another
 * program while the list was sorted, or stand beside such a one. On a busy host there
 * is always somebody. Those that live are among the young then, who are always asked.
 */
GRAFT_MUST_CHECK static struct graft_error *
leave_out_misplaced(struct graft_sharers *sharers, pid_t *pids,
		    size_t *count_io)
{
	struct graft_error *err = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < *count_io && !err; i++) {
		long got = kept ? graft_memory_compare(pids[kept - 1], pids[i])
				: 0;
		if (got == 0 || got == 1) {
			pids[kept++] = pids[i];
			continue;
		}
		pid_t both[] = { pids[--kept], pids[i] };
		for (size_t k = 0; k < 2 && !err; k++) {
			if (!has_ended(both[k]))
				err = add_young(sharers, both[k]);
		}
	}
	*count_io = kept;
	return err;
}

/** Take those that are like neither neighbour. @return How many. */
static size_t
take_alone(const pid_t *pids, size_t count, pid_t *ret)
{
	size_t kept = 0;
	bool like_last = false;

	for (size_t i = 0; i < count; i++) {
		bool like_next = i + 1 < count &&
				 graft_memory_compare(pids[i], pids[i + 1]) !=
					 1;
		if (!like_last && !like_next)
			ret[kept++] = pids[i];
		like_last = like_next;
	}
	return kept;
}

/** Sort a list by memory. @param[out] ok_ret It is in order; some were left out. */
GRAFT_MUST_CHECK static struct graft_error *
sort(struct graft_sharers *sharers, pid_t *pids, size_t *count_io, bool *ok_ret)
{
	*ok_ret = false;
	for (int i = 0; i < TRIES && !*ok_ret; i++) {
		*count_io = graft_memory_leave_out(pids, *count_io);
		graft_memory_sort(pids, *count_io);
		// One who executed another program while his part of the list was put
		// together with another makes a disorder of both.
		if (i + 1 < TRIES && graft_memory_count_misplaced(
					     pids, *count_io) > MISPLACED_MAX)
			continue;
		struct graft_error *err = leave_out_misplaced(sharers, pids,
							      count_io);
		if (err)
			return err;
		*ok_ret = graft_memory_is_in_order(pids, *count_io);
	}
	return NULL;
}

/** Look at all processes. @param[out] ret Stays as it is if that does not work. */
GRAFT_MUST_CHECK static struct graft_error *
look(struct graft_sharers *ret)
{
	GRAFT_CLEANUP(graft_sharers_deinit)
	struct graft_sharers made = { .end = read_end() };
	GRAFT_FREE pid_t *pids = NULL;
	size_t count;
	bool ok;

	made.last = read_last(&made);
	if (!made.last || !made.end)
		return NULL;
	made.settled = made.last - MARGIN - 1;
	made.kept = made.last;
	made.seen = made.last;
	made.seen_us = graft_clock_monotonic_us();
	struct graft_error *err = graft_proc_list(&pids, &count);
	if (!err)
		err = sort(&made, pids, &count, &ok);
	if (err || !ok)
		return err;
	made.alone = calloc(count + 1, sizeof(*made.alone));
	if (!made.alone)
		return graft_error_no_memory();
	made.count = take_alone(pids, count, made.alone);
	qsort(made.alone, made.count, sizeof(*made.alone), by_number);
	qsort(pids, count, sizeof(*pids), by_number);
	made.compared = GRAFT_TAKE(pids);
	made.compared_count = count;
	*ret = made;
	made = (struct graft_sharers){ 0 };
	return NULL;
}

/**
 * Say whether what was seen can be gone on with: since then no number was given
 * out twice, and few were given out.
 */
static bool
goes_on(const struct graft_sharers *sharers, pid_t last, uint64_t now_us)
{
	uint64_t once_us = (uint64_t)sharers->end * BIRTH_US;

	if (once_us > LOOK_MAX_US)
		once_us = LOOK_MAX_US;
	return last >= sharers->seen && last - sharers->settled <= NEW_MAX &&
	       sharers->young_count <= YOUNG_MAX &&
	       now_us - sharers->seen_us < once_us;
}

static bool
was_compared(const struct graft_sharers *sharers, pid_t number)
{
	return bsearch(&number, sharers->compared, sharers->compared_count,
		       sizeof(number), by_number);
}

/**
 * Forget the numbers of those that have ended: none is given out again while this goes
 * on. Of the last ones nobody can say so: who has one may be about to be born.
 */
GRAFT_MUST_CHECK static struct graft_error *
settle(struct graft_sharers *sharers, pid_t last)
{
	pid_t first = sharers->settled < 0 ? 1 : sharers->settled + 1;
	size_t kept = 0;

	for (size_t i = 0; i < sharers->young_count; i++) {
		if (!has_ended(sharers->young[i]))
			sharers->young[kept++] = sharers->young[i];
	}
	sharers->young_count = kept;
	for (pid_t i = first; i < last - MARGIN; i++) {
		if (was_compared(sharers, i) || has_ended(i))
			continue;
		struct graft_error *err = add_young(sharers, i);
		if (err)
			return err;
	}
	if (sharers->settled < last - MARGIN - 1)
		sharers->settled = last - MARGIN - 1;
	return NULL;
}

void
graft_sharers_note(struct graft_sharers *sharers)
{
	uint64_t now_us = graft_clock_monotonic_us();

	if (!sharers->count || now_us - sharers->seen_us < NOTE_US)
		return;
	pid_t last = read_last(sharers);
	if (goes_on(sharers, last, now_us)) {
		sharers->seen = last;
		sharers->seen_us = now_us;
	}
}

void
graft_sharers_learn(struct graft_sharers *sharers, pid_t seen, uint64_t seen_us)
{
	if (!sharers->count || seen < sharers->seen ||
	    seen_us < sharers->seen_us)
		return;
	sharers->seen = seen;
	sharers->seen_us = seen_us;
}

struct graft_error *
graft_sharers_keep(struct graft_sharers *sharers)
{
	uint64_t now_us = graft_clock_monotonic_us();
	pid_t last = read_last(sharers);

	if (sharers->count && goes_on(sharers, last, now_us)) {
		sharers->kept = last;
		sharers->seen = last;
		sharers->seen_us = now_us;
		return settle(sharers, last);
	}
	graft_sharers_deinit(sharers);
	return look(sharers);
}

/** Say whether a number is one of a thread that runs in the memory of a process,
 * and is none of its own. */
static bool
is_sharer(pid_t pid, pid_t number)
{
	char path[64];

	if (number == pid || graft_memory_compare(pid, number) != 0)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid,
		       (int)number);
	return access(path, F_OK) != 0;
}

/** Say whether one of these shares the memory of a process that was alone. */
static bool
has_sharer(const struct graft_sharers *sharers, pid_t pid, pid_t first,
	   pid_t end)
{
	for (pid_t i = first; i < end; i++) {
		// To search is far cheaper than to call.
		if (!was_compared(sharers, i) && is_sharer(pid, i))
			return true;
	}
	return false;
}

/** Say whether it is cheaper to list who has a number from one on than to ask all. */
static bool
is_list_cheaper(const struct graft_sharers *sharers, pid_t first, pid_t end)
{
	size_t listed = 1;
	size_t asked = 0;

	for (pid_t i = first; i < end; i++) {
		if (was_compared(sharers, i))
			listed++;
		else
			asked++;
	}
	return asked > listed * LISTED_COSTS;
}

/**
 * As has_sharer(), by the kernel's list: most of the last numbers are those of processes
 * that ended. First threads are enough, as graft_sharer_find() has it.
 *
 * @param[out] ret Set if the list tells.
 * @return false: it cannot be told.
 */
static bool
has_listed_sharer(struct graft_sharers *sharers, pid_t pid, pid_t first,
		  pid_t end, bool *ret)
{
	pid_t pids[NEW_MAX];
	size_t count;
	bool us = false;
	bool found = false;

	if (getpid() < first || !is_list_cheaper(sharers, first, end) ||
	    !graft_list_from(&sharers->list, first, pids, NEW_MAX, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		us |= pids[i] == getpid();
		found |= !was_compared(sharers, pids[i]) &&
			 is_sharer(pid, pids[i]);
	}
	*ret = found;
	// Else it is no list of our numbers.
	return us;
}

static bool
has_young_sharer(const struct graft_sharers *sharers, pid_t pid)
{
	for (size_t i = 0; i < sharers->young_count; i++) {
		if (is_sharer(pid, sharers->young[i]))
			return true;
	}
	return false;
}

bool
graft_sharers_is_alone(struct graft_sharers *sharers, pid_t pid)
{
	uint64_t now_us = graft_clock_monotonic_us();
	pid_t last = read_last(sharers);
	pid_t first = sharers->last - MARGIN;

	if (!sharers->count || !bsearch(&pid, sharers->alone, sharers->count,
					sizeof(pid), by_number))
		return false;
	// A kernel that does not tell the truth of its last number (a file of
	// somebody else is mounted over it) does not know ours either.
	if (!goes_on(sharers, last, now_us) || getpid() <= sharers->kept ||
	    getpid() > last)
		return false;
	sharers->seen = last;
	sharers->seen_us = now_us;
	// For the next one that is asked about: who ended since need not be asked again.
	struct graft_error *err = settle(sharers, last);
	if (err) {
		graft_error_free(err);
		return false;
	}
	// Who was about to be born when the numbers began anew.
	if (first <= FIRST_AGAIN &&
	    has_sharer(sharers, pid, sharers->end - MARGIN, sharers->end))
		return false;
	first = sharers->settled < 0 ? 1 : sharers->settled + 1;
	bool found;
	if (!has_listed_sharer(sharers, pid, first, last + 1, &found))
		found = has_sharer(sharers, pid, first, last + 1);
	return !found && !has_young_sharer(sharers, pid);
}

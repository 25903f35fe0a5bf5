// SPDX-License-Identifier: Apache-2.0

// A function in which a thread sits for ever. NEW refuses what OLD took, and returns
// something else; UNLIKE has another effect; MORE changes a second function.

#include "immediate.h"

#include <unistd.h>

#ifdef NEW
enum { MARK = 2000 };
#else
enum { MARK = 1000 };
#endif

long
immediate_take(struct work *work, long want)
{
#ifdef NEW
	if (want > work->limit)
		return -1;
#endif
	long got = read(work->in, work->buf, (size_t)want);
#ifdef UNLIKE
	work->sum -= got;
#else
	work->sum += got;
#endif
	return got + MARK;
}

long
immediate_other(struct work *work, long want)
{
#ifdef MORE
	if (want > work->limit)
		return -1;
#endif
	work->sum = want;
	return 0;
}

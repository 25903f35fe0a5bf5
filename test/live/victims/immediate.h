// SPDX-License-Identifier: Apache-2.0

/** @file What immediate.c calls of immediatelib.c. */

/** What to read, and what became of it. */
struct work {
	int in;
	long limit;
	char *buf;
	long sum;
};

long
immediate_take(struct work *work, long want);

long
immediate_other(struct work *work, long want);

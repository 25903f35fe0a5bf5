// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * How many devices a second are decided: a million of them, each another one, in an order
 * that no branch predictor knows.
 *
 *     eligible ROUNDS
 */

#include "release/eligible.h"
#include "release/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DEVICES = 1000000 };

static uint64_t
next(uint64_t *state)
{
	// xorshift64
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static double
cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static void
make(struct graft_facts *facts, uint64_t *state)
{
	static const char *const editions[] = { "enterprise", "server", "pro",
						"home" };
	uint64_t random = next(state);

	strcpy(facts->edition.str, editions[random & 3]);
	strcpy(facts->architecture.str, random >> 2 & 15 ? "amd64" : "arm64");
	strcpy(facts->distribution.str,
	       random >> 6 & 7 ? "debian-12" : "debian-11");
	facts->baseline = 20260700 + (graft_level)(random >> 9 & 1) * 300;
	facts->level = facts->baseline + (graft_level)(random >> 10 & 1) * 100;
	facts->abilities = random >> 11 & 31 ? 15 : 14;
	facts->space = (random >> 16 & 63) * (16 << 20);
	facts->agent = 1 << 16 | (random >> 22 & 3);
	facts->held = !(random >> 24 & 63);
}

int
main(int argc, char **argv)
{
	static const char settings[] =
		"editions = enterprise, server\n"
		"distributions = debian-11, debian-12, debian-13\n"
		"agent = 1.1\nlive-baseline = 2026-07 2026-09\n"
		"live-baseline = 2026-10 2026-11\n";
	int rounds = argc == 2 ? atoi(argv[1]) : 0;
	struct graft_policy policy;
	struct graft_error *err = graft_policy_parse(settings, strlen(settings),
						     "bench", &policy);
	struct graft_facts *facts = calloc(DEVICES, sizeof(*facts));
	uint64_t state = 88172645463325252ULL;
	size_t counts[GRAFT_DECISION_NOT_READY + 1] = { 0 };
	double best = 0;

	if (err || !facts || rounds < 1) {
		(void)fprintf(stderr, "usage: eligible ROUNDS\n");
		return 2;
	}
	for (size_t i = 0; i < DEVICES; i++)
		make(&facts[i], &state);
	for (int round = 0; round < rounds; round++) {
		double start = cpu_seconds();
		memset(counts, 0, sizeof(counts));
		for (size_t i = 0; i < DEVICES; i++)
			counts[graft_eligible(&facts[i], &policy).decision]++;
		double seconds = cpu_seconds() - start;
		if (!round || DEVICES / seconds > best)
			best = DEVICES / seconds;
	}
	(void)printf("{\"devices_per_cpu_second\":%.0f", best);
	for (unsigned i = 0; i <= GRAFT_DECISION_NOT_READY; i++)
		(void)printf(",\"%s\":%zu",
			     graft_decision_name((enum graft_decision)i),
			     counts[i]);
	(void)printf("}\n");
	free(facts);
	return 0;
}

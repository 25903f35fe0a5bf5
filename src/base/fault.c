// SPDX-License-Identifier: Apache-2.0

#include "base/fault.h"

#include "base/env.h"

#include <assert.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PASS = 1000 * 1000 };

struct graft_error *
graft_fault_parse(const char *text, struct graft_fault_order *ret)
{
	struct graft_fault_order order = { .name = text, .pass = 1 };
	const char *colon = strchrnul(text, ':');

	order.name_len = (int)(colon - text);
	if (order.name_len == 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "GRAFT_FAULT=%s: no name", text);
	if (*colon) {
		char *end;
		unsigned long pass = strtoul(colon + 1, &end, 10);
		bool digit = colon[1] >= '0' && colon[1] <= '9';
		if (!digit || pass == 0 || pass > MAX_PASS)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "GRAFT_FAULT=%s: no such pass",
					       text);
		order.pass = (uint32_t)pass;
		order.kill = strcmp(end, ":kill") == 0;
		if (*end && !order.kill)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "GRAFT_FAULT=%s: not \":kill\"",
					       text);
	}
	*ret = order;
	return NULL;
}

struct graft_error *
graft_fault(const char *name)
{
	// The one thing that this module remembers: how often the point that the
	// environment names was passed. Only tests ever make it move.
	static atomic_uint passes;
	const char *text = graft_env_get(GRAFT_ENV_FAULT);
	struct graft_fault_order order = { 0 };

	if (!text)
		return NULL;
	struct graft_error *err = graft_fault_parse(text, &order);
	if (err)
		return err;
	assert(order.name);
	if (strlen(name) != (size_t)order.name_len ||
	    memcmp(name, order.name, (size_t)order.name_len) != 0)
		return NULL;
	if (atomic_fetch_add(&passes, 1) + 1 != order.pass)
		return NULL;
	if (order.kill)
		(void)kill(getpid(), SIGKILL);
	return graft_error_new(GRAFT_ERROR_FAULT_POINT,
			       "fault point %s, pass %u", name, order.pass);
}

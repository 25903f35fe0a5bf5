// SPDX-License-Identifier: Apache-2.0

#include "base/fault.h"

#include "base/env.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PASS = 1000 * 1000 };

/** How a fault ends an order: ":kill", ":fail", or nothing. */
static bool
take_what(const char *text, size_t len, bool *kill_ret)
{
	*kill_ret = len == 5 && memcmp(text, ":kill", len) == 0;
	return *kill_ret || len == 0 ||
	       (len == 5 && memcmp(text, ":fail", len) == 0);
}

/** Take ":N" or ":*" at @p at. @return Its end, or NULL. */
static const char *
take_pass(const char *at, uint32_t *ret)
{
	char *end;

	if (at[1] == '*') {
		*ret = GRAFT_FAULT_EVERY_PASS;
		return at + 2;
	}
	if (at[1] < '0' || at[1] > '9')
		return NULL;
	unsigned long pass = strtoul(at + 1, &end, 10);
	if (pass == 0 || pass > MAX_PASS)
		return NULL;
	*ret = (uint32_t)pass;
	return end;
}

/** Parse one order of @p len bytes. */
GRAFT_MUST_CHECK static struct graft_error *
parse_one(const char *text, size_t len, struct graft_fault_order *ret)
{
	const char *end = text + len;
	const char *colon = memchr(text, ':', len);
	const char *at = colon ? colon : end;
	struct graft_fault_order order = { .name = text, .pass = 1 };

	order.name_len = (int)(at - text);
	if (order.name_len == 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "GRAFT_FAULT=%s: no name", text);
	if (colon)
		at = take_pass(colon, &order.pass);
	if (!at || at > end)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "GRAFT_FAULT=%s: no such pass", text);
	if (!take_what(at, (size_t)(end - at), &order.kill))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "GRAFT_FAULT=%s: neither \":kill\" "
				       "nor \":fail\"",
				       text);
	*ret = order;
	return NULL;
}

struct graft_error *
graft_fault_parse(const char *text, struct graft_fault_orders *ret)
{
	struct graft_fault_orders orders = { 0 };

	for (;;) {
		size_t len = strcspn(text, ",");
		if (orders.count == GRAFT_FAULT_ORDERS_MAX)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "GRAFT_FAULT: more than %d "
					       "faults",
					       GRAFT_FAULT_ORDERS_MAX);
		struct graft_error *err =
			parse_one(text, len, &orders.orders[orders.count]);
		if (err)
			return err;
		orders.count++;
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	*ret = orders;
	return NULL;
}

static bool
is_point(const struct graft_fault_order *order, const char *name)
{
	return strlen(name) == (size_t)order->name_len &&
	       memcmp(name, order->name, (size_t)order->name_len) == 0;
}

struct graft_error *
graft_fault(const char *name)
{
	// The one thing that this module remembers: how often the point that
	// each order names was passed. Only tests ever make it move.
	static atomic_uint passes[GRAFT_FAULT_ORDERS_MAX];
	const char *text = graft_env_get(GRAFT_ENV_FAULT);
	struct graft_fault_orders orders = { 0 };
	bool now = false;

	if (!text)
		return NULL;
	struct graft_error *err = graft_fault_parse(text, &orders);
	if (err)
		return err;
	for (size_t i = 0; i < orders.count; i++) {
		const struct graft_fault_order *order = &orders.orders[i];
		if (!is_point(order, name))
			continue;
		unsigned pass = atomic_fetch_add(&passes[i], 1) + 1;
		if (order->pass != GRAFT_FAULT_EVERY_PASS &&
		    order->pass != pass)
			continue;
		if (order->kill)
			(void)kill(getpid(), SIGKILL);
		now = true;
	}
	return now ? graft_error_new(GRAFT_ERROR_FAULT_POINT, "fault point %s",
				     name)
		   : NULL;
}

// SPDX-License-Identifier: Apache-2.0

#include "base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct graft_error {
	enum graft_error_code code;
	/** `errno` of the failed call, or 0. */
	int errnum;
	/** Owned, except in @ref out_of_memory. */
	char *message;
};

static struct graft_error out_of_memory = {
	.code = GRAFT_ERROR_NO_MEMORY,
	.message = (char *)"out of memory",
};

static const struct {
	const char *wire;
	int status;
	enum graft_error_kind kind;
	const char *text;
} table[] = {
#define GRAFT_ERROR(symbol, wire_, status_, kind_, text_)                      \
	[GRAFT_ERROR_##symbol] = { wire_, status_, GRAFT_KIND_##kind_, text_ },
#include "base/errors.def"
#undef GRAFT_ERROR
};

GRAFT_VPRINTF(3)
static struct graft_error *
error_vnew(enum graft_error_code code, int errnum, const char *fmt, va_list ap)
{
	struct graft_error *err = calloc(1, sizeof(*err));
	if (!err)
		return &out_of_memory;
	err->code = code;
	err->errnum = errnum;
	if (vasprintf(&err->message, fmt, ap) < 0) {
		free(err);
		return &out_of_memory;
	}
	return err;
}

struct graft_error *
graft_error_new(enum graft_error_code code, const char *fmt, ...)
{
	assert(code < GRAFT_ERROR_COUNT);

	va_list ap;
	va_start(ap, fmt);
	struct graft_error *err = error_vnew(code, 0, fmt, ap);
	va_end(ap);
	return err;
}

struct graft_error *
graft_error_os(int errnum, const char *fmt, ...)
{
	assert(errnum != 0);

	va_list ap;
	va_start(ap, fmt);
	struct graft_error *err = error_vnew(GRAFT_ERROR_OS, errnum, fmt, ap);
	va_end(ap);
	if (err == &out_of_memory)
		return err;

	char *message;
	if (asprintf(&message, "%s: %s", err->message, strerror(errnum)) >= 0) {
		free(err->message);
		err->message = message;
	}
	return err;
}

struct graft_error *
graft_error_no_memory(void)
{
	return &out_of_memory;
}

struct graft_error *
graft_error_prefix(struct graft_error *err, const char *fmt, ...)
{
	assert(err);

	if (err == &out_of_memory)
		return err;

	va_list ap;
	va_start(ap, fmt);
	char *context;
	int n = vasprintf(&context, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err;

	char *message;
	if (asprintf(&message, "%s: %s", context, err->message) >= 0) {
		free(err->message);
		err->message = message;
	}
	free(context);
	return err;
}

enum graft_error_code
graft_error_code(const struct graft_error *err)
{
	return err->code;
}

enum graft_error_kind
graft_error_kind(const struct graft_error *err)
{
	return table[err->code].kind;
}

int
graft_error_errno(const struct graft_error *err)
{
	return err->errnum;
}

const char *
graft_error_message(const struct graft_error *err)
{
	return err->message;
}

const char *
graft_error_wire(enum graft_error_code code)
{
	assert(code < GRAFT_ERROR_COUNT);
	return table[code].wire;
}

int
graft_error_status(enum graft_error_code code)
{
	assert(code < GRAFT_ERROR_COUNT);
	return table[code].status;
}

const char *
graft_error_text(enum graft_error_code code)
{
	assert(code < GRAFT_ERROR_COUNT);
	return table[code].text;
}

void
graft_error_free(struct graft_error *err)
{
	if (!err || err == &out_of_memory)
		return;
	free(err->message);
	free(err);
}

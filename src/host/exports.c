// SPDX-License-Identifier: Apache-2.0

#include "host/exports.h"

#include "base/cleanup.h"
#include "elf/image.h"

#include <elf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Dynamic symbols that others may use. */
struct exports {
	const struct graft_symbol **list;
	size_t count;
};

static void
exports_deinit(struct exports *exports)
{
	free(exports->list);
}

static int
compare(const struct graft_symbol *a, const struct graft_symbol *b)
{
	int order = strcmp(a->name, b->name);

	return order ? order
		     : strcmp(a->version ? a->version : "",
			      b->version ? b->version : "");
}

static int
by_name(const void *a, const void *b)
{
	return compare(*(const struct graft_symbol *const *)a,
		       *(const struct graft_symbol *const *)b);
}

GRAFT_MUST_CHECK static struct graft_error *
find_exports(const struct graft_image *image, struct exports *ret)
{
	size_t count;
	const struct graft_symbol *symbols = graft_image_symbols(image, &count);

	ret->list = calloc(count + 1, sizeof(const struct graft_symbol *));
	if (!ret->list)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++) {
		const struct graft_symbol *s = &symbols[i];
		if (s->dynamic && s->defined && s->bind != STB_LOCAL &&
		    s->visibility != STV_HIDDEN &&
		    s->visibility != STV_INTERNAL)
			ret->list[ret->count++] = s;
	}
	qsort(ret->list, ret->count, sizeof(*ret->list), by_name);
	return NULL;
}

struct graft_error *
graft_exports_find_new(const uint8_t *was, size_t was_len, const uint8_t *is,
		       size_t is_len, char **ret)
{
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *old = NULL;
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *new = NULL;
	GRAFT_CLEANUP(exports_deinit) struct exports before = { 0 };
	GRAFT_CLEANUP(exports_deinit) struct exports after = { 0 };
	struct graft_error *err = graft_image_open_bytes("old", was, was_len,
							 NULL, &old);
	size_t at = 0;

	if (!err)
		err = graft_image_open_bytes("new", is, is_len, NULL, &new);
	if (!err)
		err = find_exports(old, &before);
	if (!err)
		err = find_exports(new, &after);
	if (err)
		return err;
	*ret = NULL;
	for (size_t i = 0; i < after.count; i++) {
		const struct graft_symbol *s = after.list[i];
		while (at < before.count && compare(before.list[at], s) < 0)
			at++;
		if (at < before.count && compare(before.list[at], s) == 0)
			continue;
		if (asprintf(ret, "%s%s%s", s->name, s->version ? "@" : "",
			     s->version ? s->version : "") < 0)
			return graft_error_no_memory();
		return NULL;
	}
	return NULL;
}

// SPDX-License-Identifier: Apache-2.0

#include "judge/data/named.h"

#include "base/cleanup.h"

#include <stdlib.h>

struct graft_error *
graft_named_list_read(const struct graft_image *image, graft_named_is_fn *is,
		      graft_named_order_fn *order, struct graft_named_list *ret)
{
	size_t count;
	const struct graft_symbol *symbols = graft_image_symbols(image, &count);

	*ret = (struct graft_named_list){ .order = order };
	ret->list = calloc(count + 1, sizeof(*ret->list));
	if (!ret->list)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++) {
		if (is(image, &symbols[i]))
			ret->list[ret->count++] = &symbols[i];
	}
	qsort(ret->list, ret->count, sizeof(*ret->list), order);
	return NULL;
}

static const struct graft_symbol **
find(const struct graft_named_list *list, const struct graft_symbol *key)
{
	return bsearch(&key, list->list, list->count, sizeof(*list->list),
		       list->order);
}

const struct graft_symbol *
graft_named_list_any(const struct graft_named_list *list,
		     const struct graft_symbol *key)
{
	const struct graft_symbol **at = find(list, key);

	return at ? *at : NULL;
}

const struct graft_symbol *
graft_named_list_only(const struct graft_named_list *list,
		      const struct graft_symbol *key)
{
	const struct graft_symbol **at = find(list, key);
	const struct graft_symbol **end = list->list + list->count;
	const struct graft_symbol **first = at;

	if (!at)
		return NULL;
	while (first > list->list && list->order(&first[-1], at) == 0)
		first--;
	for (; first < end && list->order(first, at) == 0; first++) {
		if ((*first)->addr != (*at)->addr)
			return NULL;
	}
	return *at;
}

void
graft_named_list_deinit(struct graft_named_list *list)
{
	free(list->list);
	*list = (struct graft_named_list){ 0 };
}

struct graft_error *
graft_named_judge(struct graft_case *c, const struct graft_named *named)
{
	GRAFT_CLEANUP(graft_named_list_deinit)
	struct graft_named_list n = { 0 };
	size_t count;
	const struct graft_symbol *o = graft_image_symbols(c->diff->old_image,
							   &count);
	struct graft_error *err = graft_named_list_read(
		c->diff->new_image, named->is, named->order, &n);

	for (size_t i = 0; !err && i < count; i++) {
		const struct graft_symbol *is = NULL;
		if (named->is(c->diff->old_image, &o[i]))
			is = graft_named_list_any(&n, &o[i]);
		if (is)
			err = named->judge(c, &o[i], is);
	}
	return err;
}

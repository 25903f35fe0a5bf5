// SPDX-License-Identifier: Apache-2.0

#include "judge/case.h"

#include "base/text.h"
#include "base/vec.h"
#include "judge/flow/first_use.h"
#include "judge/types/types.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct graft_error *
graft_case_init(struct graft_case *c)
{
	struct graft_error *err = graft_graph_make(c->diff->old_code,
						   &c->old_graph);
	if (!err)
		err = graft_graph_make(c->diff->new_code, &c->new_graph);
	if (!err)
		err = graft_first_uses_make(c->diff->old_code,
					    &c->old_first_uses);
	if (!err)
		err = graft_first_uses_make(c->diff->new_code,
					    &c->new_first_uses);
	return err;
}

void
graft_case_deinit(struct graft_case *c)
{
	graft_types_free(c->types);
	graft_graph_free(c->old_graph);
	graft_graph_free(c->new_graph);
	graft_first_uses_free(c->old_first_uses);
	graft_first_uses_free(c->new_first_uses);
	free(c->traded);
	for (size_t i = 0; i < c->count; i++)
		graft_reason_deinit(&c->reasons[i]);
	free(c->reasons);
	*c = (struct graft_case){ 0 };
}

static struct graft_error *
safe_copy(const char *str, char **ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_text_put_safe(&text, str);
	return graft_text_take(&text, ret);
}

static struct graft_error *
add(struct graft_case *c, enum graft_rule rule, bool note, const char *where,
    const char *sentence)
{
	struct graft_error *err = graft_vec_reserve(
		&c->reasons, &c->cap, c->count + 1, sizeof(*c->reasons));
	if (err)
		return err;

	struct graft_reason reason = { .note = note };
	reason.rule = strdup(graft_rule_wire(rule));
	if (!reason.rule)
		return graft_error_no_memory();
	err = safe_copy(where, &reason.where);
	if (!err)
		err = safe_copy(sentence, &reason.text);
	if (err) {
		graft_reason_deinit(&reason);
		return err;
	}
	c->reasons[c->count++] = reason;
	return NULL;
}

__attribute__((__format__(__printf__, 5, 0))) static struct graft_error *
say(struct graft_case *c, enum graft_rule rule, bool note, const char *where,
    const char *fmt, va_list args)
{
	assert(graft_rule_is_of_build(rule));
	// Every note is kept, and counts for nothing.
	if (!note && c->per_rule[rule]++ >= GRAFT_CASE_PER_RULE)
		return NULL;

	GRAFT_FREE char *sentence = NULL;
	if (vasprintf(&sentence, fmt, args) < 0) {
		sentence = NULL;
		return graft_error_no_memory();
	}
	return add(c, rule, note, where, sentence);
}

struct graft_error *
graft_case_refuse(struct graft_case *c, enum graft_rule rule, const char *where,
		  const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	struct graft_error *err = say(c, rule, false, where, fmt, args);
	va_end(args);
	return err;
}

uint32_t
graft_case_refusals(const struct graft_case *c)
{
	uint32_t count = 0;

	for (enum graft_rule rule = 0; rule < GRAFT_RULE_COUNT; rule++)
		count += c->per_rule[rule];
	return count;
}

struct graft_error *
graft_case_note(struct graft_case *c, enum graft_rule rule, const char *where,
		const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	struct graft_error *err = say(c, rule, true, where, fmt, args);
	va_end(args);
	return err;
}

struct graft_error *
graft_case_finish(struct graft_case *c)
{
	for (enum graft_rule rule = 0; rule < GRAFT_RULE_COUNT; rule++) {
		if (c->per_rule[rule] <= GRAFT_CASE_PER_RULE)
			continue;
		char text[64];
		snprintf(text, sizeof(text), "and %u more places",
			 c->per_rule[rule] - GRAFT_CASE_PER_RULE);
		struct graft_error *err = add(c, rule, false, "elsewhere",
					      text);
		if (err)
			return err;
	}
	return NULL;
}

struct graft_place_text
graft_place_code(const struct graft_code *code, uint32_t func, uint64_t addr)
{
	struct graft_place_text text;
	char name[200];

	if (func == GRAFT_NONE) {
		snprintf(text.str, sizeof(text.str), "0x%llx",
			 (unsigned long long)addr);
		return text;
	}
	// It may lie in a part that was cut off.
	uint32_t part = graft_code_func_at(code, addr);
	if (part != GRAFT_NONE)
		func = part;
	graft_code_name(code, func, name, sizeof(name));
	uint64_t off = addr - code->funcs[func].addr;
	if (off == 0)
		snprintf(text.str, sizeof(text.str), "%s", name);
	else
		snprintf(text.str, sizeof(text.str), "%s+0x%llx", name,
			 (unsigned long long)off);
	return text;
}

struct graft_place_text
graft_place_data(const struct graft_image *image, uint64_t addr)
{
	struct graft_place_text text;
	const struct graft_symbol *symbol = graft_image_symbol_at(image, addr);
	const struct graft_section *section = graft_image_section_at(image,
								     addr);
	const char *name = NULL;
	uint64_t off = 0;

	if (symbol && symbol->name[0]) {
		name = symbol->name;
		off = addr - symbol->addr;
	} else if (section) {
		name = section->name;
		off = addr - section->addr;
	}
	if (!name)
		snprintf(text.str, sizeof(text.str), "0x%llx",
			 (unsigned long long)addr);
	else if (off == 0)
		snprintf(text.str, sizeof(text.str), "%.200s", name);
	else
		snprintf(text.str, sizeof(text.str), "%.200s+0x%llx", name,
			 (unsigned long long)off);
	return text;
}

bool
graft_case_is_twin(const struct graft_case *c, uint32_t new_func)
{
	const struct graft_func_match *match = &c->diff->new_match[new_func];

	return match->carried && match->other != GRAFT_NONE;
}

const struct graft_resolution *
graft_case_resolution(const struct graft_diff *diff, uint32_t ref)
{
	size_t low = 0;
	size_t high = diff->resolution_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (diff->resolutions[middle].ref < ref)
			low = middle + 1;
		else
			high = middle;
	}
	return low < diff->resolution_count && diff->resolutions[low].ref == ref
		       ? &diff->resolutions[low]
		       : NULL;
}

bool
graft_case_old_place(const struct graft_case *c, uint32_t ref,
		     uint64_t *addr_ret)
{
	const struct graft_resolution *known = graft_case_resolution(c->diff,
								     ref);

	if (known && known->place == GRAFT_PLACE_OLD) {
		*addr_ret = known->old_addr;
		return true;
	}
	return graft_diff_old_data(c->diff, c->diff->new_code->refs[ref].target,
				   addr_ret) > GRAFT_WITNESS_CONFLICT;
}

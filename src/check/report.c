// SPDX-License-Identifier: Apache-2.0

// What a difference looks like: both addresses, both instructions, and the path
// of calls by which it was reached.

#include "check/walk.h"

#include "base/text.h"
#include "base/vec.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	MESSAGE_MAX = 512,
	/** Functions of a path that are named; those in the middle are left out. */
	PATH_MAX_NAMES = 16,
	EXCEPTIONS_MAX = 10000,
};

static void
put_name(const struct graft_walk *walk, uint64_t new_addr,
	 struct graft_text *text)
{
	const struct graft_symbol *symbol =
		graft_image_symbol_at(walk->new_world.image, new_addr);

	if (symbol && *symbol->name) {
		graft_text_put_safe(text, symbol->name);
		if (new_addr != symbol->addr)
			graft_text_printf(
				text, "+0x%llx",
				(unsigned long long)(new_addr - symbol->addr));
	} else {
		graft_text_printf(text, "0x%llx", (unsigned long long)new_addr);
	}
}

/** Print the way from a root; addresses and names are those of NEW. */
static void
put_path(const struct graft_walk *walk, const struct graft_walk_site *site,
	 struct graft_text *text)
{
	uint32_t path[PATH_MAX_NAMES];
	size_t depth = 0;
	uint32_t at = site->func;

	graft_text_put(text, "  reached by: ");
	for (; at != GRAFT_WALK_NO_FUNC && depth < PATH_MAX_NAMES;
	     at = walk->funcs[at].parent)
		path[depth++] = at;
	if (at != GRAFT_WALK_NO_FUNC)
		graft_text_put(text, "... ");
	for (size_t i = depth; i-- > 0;) {
		const struct graft_walk_func *func = &walk->funcs[path[i]];
		graft_text_put(text, " ");
		graft_text_put_safe(text, func->how);
		graft_text_put(text, " ");
		put_name(walk, func->new_addr, text);
	}
	if (!depth)
		graft_text_put_safe(text, site->root ? site->root : "the data");
	graft_text_put(text, "\n");
}

/** Print one side: where it is, and the instruction there. */
static void
put_side(const struct graft_walk *walk, const struct graft_world *world,
	 uint64_t addr, uint64_t insn, struct graft_text *text)
{
	uint64_t own;

	graft_text_printf(text, "  %s:", world->name);
	if (insn) {
		(void)graft_world_image_of(world, insn, &own);
		graft_text_printf(text, " 0x%llx%s  ", (unsigned long long)own,
				  own != insn ? " of the hotpatch" : "");
		graft_insn_print(world, &walk->decoder, insn, text);
	}
	if (addr && addr != insn) {
		(void)graft_world_image_of(world, addr, &own);
		graft_text_printf(text, "%s0x%llx%s", insn ? "  -> " : " ",
				  (unsigned long long)own,
				  own != addr ? " of the hotpatch" : "");
	}
	graft_text_put(text, "\n");
}

struct graft_error *
graft_walk_differ(struct graft_walk *walk, const struct graft_walk_site *site,
		  uint64_t old_addr, uint64_t new_addr, const char *fmt, ...)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err;
	char message[MESSAGE_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	graft_text_put_safe(&text, message);
	graft_text_put(&text, "\n");
	put_side(walk, &walk->old_world, old_addr, site->old_insn, &text);
	put_side(walk, &walk->new_world, new_addr, site->new_insn, &text);
	put_path(walk, site, &text);
	free(walk->result->difference);
	walk->result->difference = NULL;
	err = graft_text_take(&text, &walk->result->difference);
	return err ? err
		   : graft_error_new(GRAFT_ERROR_DIFFERENT, "%s", message);
}

struct graft_error *
graft_walk_except(struct graft_walk *walk, const char *fmt, ...)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_check_result *result = walk->result;
	char message[MESSAGE_MAX];
	struct graft_error *err;
	va_list args;

	if (result->exception_count >= EXCEPTIONS_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %d exceptions",
				       EXCEPTIONS_MAX);
	va_start(args, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	graft_text_put_safe(&text, message);
	char **more = reallocarray(result->exceptions,
				   result->exception_count + 1, sizeof(*more));
	if (!more)
		return graft_error_no_memory();
	result->exceptions = more;
	err = graft_text_take(&text, &more[result->exception_count]);
	result->exception_count += !err;
	return err;
}

// SPDX-License-Identifier: Apache-2.0

#include "cmd/diff_table.h"

#include <string.h>

enum {
	/** Functions that are left as they are: so many are named. */
	LEFT_NAMED = 3,
};

static void
put_reason(const struct graft_reason *reason, struct graft_text *text)
{
	graft_text_printf(text, "    %s %s", reason->rule,
			  reason->note ? "(note) " : "");
	if (*reason->where) {
		graft_text_put_safe(text, reason->where);
		graft_text_put(text, ": ");
	}
	graft_text_put_safe(text, reason->text);
	graft_text_put(text, "\n");
}

/** Say whether a reason is one of those that are said together. */
static bool
is_left(const struct graft_reason *reason)
{
	return reason->note && strcmp(reason->rule, "R-25") == 0;
}

/** Print what a module's verdict rests on; of what stays a few names only. */
static void
put_reasons(const struct graft_patch_module *module, struct graft_text *text)
{
	size_t left = 0;
	size_t named = 0;

	for (size_t i = 0; i < module->reason_count; i++)
		left += is_left(&module->reasons[i]);
	for (size_t i = 0; i < module->reason_count; i++) {
		const struct graft_reason *reason = &module->reasons[i];

		if (left <= LEFT_NAMED || !is_left(reason)) {
			put_reason(reason, text);
			continue;
		}
		if (named == 0)
			graft_text_printf(text,
					  "    R-25 (note) only line numbers "
					  "differ in %zu functions, which stay "
					  "as they are: ",
					  left);
		if (named++ >= LEFT_NAMED)
			continue;
		graft_text_put_safe(text, reason->where);
		if (named < LEFT_NAMED)
			graft_text_put(text, ", ");
		else
			graft_text_printf(text, " and %zu more\n",
					  left - named);
	}
}

static const char *
verdict_color(enum graft_verdict verdict, bool color)
{
	if (!color)
		return "";
	return verdict == GRAFT_VERDICT_HOTPATCH   ? "\033[32m"
	       : verdict == GRAFT_VERDICT_BASELINE ? "\033[31m"
						   : "";
}

/** Print a module's line. */
static void
put_module(const struct graft_patch_module *module, size_t width, bool color,
	   struct graft_text *text)
{
	graft_text_printf(
		text, "%-*s  %s%-9s%s  %-9s  %7u  %5u  %7u  %9llu\n",
		(int)width, module->path, verdict_color(module->verdict, color),
		graft_verdict_name(module->verdict), color ? "\033[0m" : "",
		module->assurance == GRAFT_ASSURANCE_NONE
			? "-"
			: graft_assurance_name(module->assurance),
		module->counts.changed, module->counts.added,
		module->counts.carried,
		(unsigned long long)module->carried_bytes);
	put_reasons(module, text);
}

/** What is no module. */
struct others {
	size_t pairs;
	size_t added;
	size_t same;
	size_t changed;
};

/** Count what is no module, and name what was added. */
static void
count_others(const struct graft_pairs *pairs, struct others *others,
	     struct graft_text *text)
{
	others->pairs += pairs->count;
	others->changed += pairs->others_changed;
	for (size_t i = 0; i < pairs->count; i++) {
		const struct graft_pair *pair = &pairs->pairs[i];

		others->same += pair->same;
		if (pair->old_file)
			continue;
		graft_text_put_safe(text, graft_pair_path(pair));
		graft_text_put(text, "  added: no process has it yet\n");
		others->added++;
	}
}

void
graft_diff_table_put(const struct graft_patch *patch,
		     struct graft_pairs *const *all, size_t count, bool color,
		     struct graft_text *text)
{
	size_t width = strlen("MODULE");
	struct others others = { 0 };

	for (size_t i = 0; i < patch->module_count; i++) {
		size_t len = strlen(patch->modules[i].path);
		width = len > width ? len : width;
	}
	graft_text_printf(text, "%-*s  %-9s  %-9s  %7s  %5s  %7s  %9s\n",
			  (int)width, "MODULE", "VERDICT", "ASSURANCE",
			  "CHANGED", "ADDED", "CARRIED", "BYTES");
	for (size_t i = 0; i < patch->module_count; i++)
		put_module(&patch->modules[i], width, color, text);
	for (size_t i = 0; i < count; i++)
		count_others(all[i], &others, text);
	if (others.pairs - others.added > patch->module_count)
		graft_text_printf(
			text, "%zu more are the same files under other names\n",
			others.pairs - others.added - patch->module_count);
	if (!others.pairs)
		graft_text_put(text, "no ELF file on either side\n");
	if (others.same)
		graft_text_printf(text,
				  "%zu of %zu hold the same bytes in both\n",
				  others.same, others.pairs - others.added);
	if (others.changed)
		graft_text_printf(text,
				  "%zu other files differ or are on one side "
				  "only; they are no code in memory\n",
				  others.changed);
}

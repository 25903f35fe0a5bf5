// SPDX-License-Identifier: Apache-2.0

#include "diff/closure/emit.h"

#include "base/sha256.h"
#include "base/vec.h"
#include "diff/closure/objects.h"
#include "diff/closure/runs.h"
#include "diff/code/area.h"
#include "patch/patch.h"

#include <stdio.h>
#include <string.h>

struct graft_error *
graft_emit_text(const char *text, char **ret)
{
	*ret = NULL;
	if (!text)
		return NULL;
	*ret = strdup(text);
	if (!*ret)
		return graft_error_no_memory();
	return NULL;
}

static struct graft_error *
copy_name(const struct graft_code *code, uint32_t func, char **ret)
{
	char name[256];

	graft_code_name(code, func, name, sizeof(name));
	return graft_emit_text(name, ret);
}

static struct graft_error *
emit_fragment(struct graft_emit *emit, uint32_t func, uint32_t redirect)
{
	struct graft_patch_module *m = emit->module;
	const struct graft_func *f = &emit->diff->old_code->funcs[func];
	struct graft_error *err =
		graft_vec_reserve(&m->fragments, &emit->fragment_cap,
				  m->fragment_count + 1, sizeof(*m->fragments));

	if (!err)
		m->fragments[m->fragment_count++] = (struct graft_fragment){
			.old_addr = f->addr,
			.size = f->size,
			.redirect = redirect,
		};
	return err;
}

/** Is this `push` of a register? */
static bool
is_push(const uint8_t *bytes, uint32_t len)
{
	return (len == 1 && (bytes[0] & 0xf8) == 0x50) ||
	       (len == 2 && bytes[0] == 0x41 && (bytes[1] & 0xf8) == 0x50);
}

/**
 * Measure the first instruction if both builds begin with the same, and it goes
 * nowhere and names nothing; else 0.
 *
 * A uprobe at an entry runs the instruction that the file has there, and when it
 * goes the kernel writes that one's first byte back. A jump behind it is not hurt.
 */
static uint32_t
first_insn(const struct graft_diff *diff, const struct graft_func *o,
	   const struct graft_func *n)
{
	const uint8_t goes = GRAFT_INSN_CALL | GRAFT_INSN_JUMP |
			     GRAFT_INSN_RET | GRAFT_INSN_BAD;
	if (o->endbr || n->endbr || !o->insn_count || !n->insn_count)
		return 0;
	const struct graft_insn *a = &diff->old_code->insns[o->first_insn];
	const struct graft_insn *b = &diff->new_code->insns[n->first_insn];
	if (a->len != b->len || (a->flags | b->flags) & goes ||
	    a->ref != GRAFT_NONE || b->ref != GRAFT_NONE ||
	    o->size < a->len + (uint64_t)GRAFT_JUMP_SIZE || n->size <= b->len)
		return 0;
	const uint8_t *bytes = graft_func_bytes(diff->old_code, o);
	// Of what traps in a function with landing pads OLD's would be asked.
	bool pads = (o->extent && o->extent->lsda) ||
		    (n->extent && n->extent->lsda);
	if (memcmp(bytes, graft_func_bytes(diff->new_code, n), a->len) != 0 ||
	    (pads && !is_push(bytes, a->len)))
		return 0;
	return a->len;
}

static struct graft_error *
emit_redirect(struct graft_emit *emit, uint32_t func)
{
	const struct graft_diff *diff = emit->diff;
	struct graft_patch_module *m = emit->module;
	const struct graft_func *f = &diff->old_code->funcs[func];
	const struct graft_func *n =
		&diff->new_code->funcs[diff->old_match[func].other];
	uint64_t room = f->size + graft_func_padding(diff->old_code, func);
	uint32_t same = first_insn(diff, f, n);
	struct graft_redirect redirect = {
		.old_addr = f->addr,
		.old_room = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX,
		.skip = f->endbr ? GRAFT_ENDBR_SIZE : same,
		.behind = same != 0,
		.new_addr = n->addr,
	};
	const uint8_t *bytes = graft_image_bytes(
		diff->old_image, f->addr + redirect.skip, GRAFT_JUMP_SIZE);
	if (!bytes)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s: no room at 0x%llx",
				       graft_image_path(diff->old_image),
				       (unsigned long long)f->addr);
	memcpy(redirect.original, bytes, GRAFT_JUMP_SIZE);

	struct graft_error *err =
		graft_vec_reserve(&m->redirects, &emit->redirect_cap,
				  m->redirect_count + 1, sizeof(*m->redirects));
	if (!err)
		err = copy_name(diff->old_code, func, &redirect.name);
	if (!err)
		m->redirects[m->redirect_count++] = redirect;
	return err;
}

/**
 * Find the redirect that a replaced function belongs to: its own, that of its
 * group, or, for what only replaced code comes to, the nearest one before it.
 */
static uint32_t
redirect_of(const struct graft_emit *emit, uint32_t func)
{
	const struct graft_diff *diff = emit->diff;
	uint32_t group = diff->old_code->funcs[func].group;
	uint32_t best = 0;

	for (uint32_t i = 0; i < diff->entry_count; i++) {
		if (diff->entries[i] == func)
			return i;
		if (diff->entries[i] <= func)
			best = i;
	}
	for (uint32_t i = 0; i < diff->entry_count; i++) {
		if (diff->old_code->funcs[diff->entries[i]].group == group)
			return i;
	}
	return best;
}

static struct graft_error *
emit_old_side(struct graft_emit *emit)
{
	const struct graft_diff *diff = emit->diff;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < diff->entry_count; i++)
		err = emit_redirect(emit, diff->entries[i]);
	// Without an entry nothing would ever run the carried code.
	if (!err && diff->entry_count == 0)
		return NULL;
	for (uint32_t i = 0; !err && i < diff->old_code->func_count; i++) {
		if (diff->old_match[i].carried)
			err = emit_fragment(emit, i, redirect_of(emit, i));
	}
	return err;
}

static struct graft_error *
emit_new_side(struct graft_emit *emit)
{
	const struct graft_diff *diff = emit->diff;
	struct graft_patch_module *m = emit->module;

	for (size_t i = 0; i < diff->carried_count; i++) {
		const struct graft_func *f =
			&diff->new_code->funcs[diff->carried[i]];
		struct graft_carried carried = { .new_addr = f->addr,
						 .size = f->size };
		struct graft_error *err = graft_vec_reserve(
			&m->carried, &emit->carried_cap, m->carried_count + 1,
			sizeof(*m->carried));
		if (!err)
			err = copy_name(diff->new_code, diff->carried[i],
					&carried.name);
		if (err)
			return err;
		m->carried[m->carried_count++] = carried;
	}
	return NULL;
}

/** All of OLD's code and read-only data must be what the file holds. */
static struct graft_error *
emit_expects(struct graft_emit *emit)
{
	struct graft_patch_module *m = emit->module;
	size_t count;
	const struct graft_section *sections =
		graft_image_sections(emit->diff->old_image, &count);

	for (size_t i = 0; i < count; i++) {
		const struct graft_section *s = &sections[i];
		if (!s->bytes || s->size == 0 || (s->flags & SHF_WRITE) ||
		    (strcmp(s->name, ".text") != 0 &&
		     strcmp(s->name, ".rodata") != 0))
			continue;
		struct graft_error *err = graft_vec_reserve(
			&m->expects, &emit->expect_cap, m->expect_count + 1,
			sizeof(*m->expects));
		if (err)
			return err;
		struct graft_expect *expect = &m->expects[m->expect_count];
		*expect = (struct graft_expect){ .old_addr = s->addr,
						 .len = s->size };
		err = graft_sha256(s->bytes, s->size, expect->sha256);
		if (err)
			return err;
		m->expect_count++;
	}
	return NULL;
}

static void
emit_identity(struct graft_emit *emit)
{
	const struct graft_diff *diff = emit->diff;
	struct graft_patch_module *m = emit->module;
	const uint8_t *id;

	id = graft_image_build_id(diff->old_image, &m->old_build_id_len);
	if (m->old_build_id_len)
		memcpy(m->old_build_id, id, m->old_build_id_len);
	id = graft_image_build_id(diff->new_image, &m->new_build_id_len);
	if (m->new_build_id_len)
		memcpy(m->new_build_id, id, m->new_build_id_len);
	memcpy(m->old_sha256, graft_image_sha256(diff->old_image),
	       sizeof(m->old_sha256));
	memcpy(m->new_sha256, graft_image_sha256(diff->new_image),
	       sizeof(m->new_sha256));
	m->counts = (struct graft_patch_counts){
		.old_count = (uint32_t)diff->old_code->func_count,
		.new_count = (uint32_t)diff->new_code->func_count,
		.changed = diff->changed_count,
		.added = diff->added_count,
		.carried = (uint32_t)diff->carried_count,
	};
}

void
graft_diff_describe(const struct graft_diff *diff,
		    struct graft_patch_module *module)
{
	struct graft_emit emit = { .diff = diff, .module = module };

	emit_identity(&emit);
}

struct graft_error *
graft_diff_emit(const struct graft_diff *diff,
		struct graft_patch_module *module)
{
	struct graft_emit emit = { .diff = diff, .module = module };
	size_t count;
	const struct graft_section *sections =
		graft_image_sections(diff->new_image, &count);

	emit_identity(&emit);
	module->align = 4096;
	for (size_t i = 0; i < count; i++) {
		if (sections[i].align > module->align)
			module->align = sections[i].align;
	}
	struct graft_error *err = graft_runs_make(diff, module);
	if (!err)
		err = emit_old_side(&emit);
	if (!err)
		err = emit_new_side(&emit);
	if (!err)
		err = graft_emit_references(&emit);
	if (!err)
		err = graft_emit_objects(&emit);
	if (!err)
		err = emit_expects(&emit);
	if (!err)
		err = graft_patch_module_check(module);
	if (err) {
		graft_patch_module_deinit(module);
		return graft_error_prefix(err, "%s",
					  graft_image_path(diff->new_image));
	}
	return NULL;
}

// SPDX-License-Identifier: Apache-2.0

// the thread-local block. Every thread has one already, of OLD's size and
// with OLD's variables at OLD's offsets. Two variables that changed places leave
// the segment as it was, so offsets are compared wherever something names them:
// by symbol, by slot of the GOT, by `%fs:` displacement.

#include "judge/rules/checks.h"

#include "diff/constant/constant.h"
#include "diff/match/thread_local.h"
#include "judge/data/named.h"

#include <string.h>

/** Say whether two pointers that initialise a thread-local variable go to the
 * same thing. */
static struct graft_error *
same_pointer(const struct graft_case *c, const struct graft_reloc *o,
	     const struct graft_reloc *n, bool *ret)
{
	uint64_t old_addr;

	*ret = !o && !n;
	if (!o || !n)
		return NULL;
	// The comparison keeps what it learnt in the diff, and changes nothing
	// that anybody sees.
	struct graft_error *err = graft_constant_same_pointer(
		(struct graft_diff *)c->diff, o, n, ret);
	if (err || *ret || o->symbol || n->symbol)
		return err;
	*ret = graft_diff_old_data(c->diff, (uint64_t)n->addend, &old_addr) >
		       GRAFT_WITNESS_NEIGHBOURS &&
	       old_addr == (uint64_t)o->addend;
	return NULL;
}

/** The bytes of a pointer are in its relocation. */
static struct graft_error *
same_pointers(const struct graft_case *c, const struct graft_segment *o,
	      const struct graft_segment *n, bool *ret)
{
	struct graft_error *err = NULL;

	*ret = true;
	for (uint64_t off = 0; !err && *ret && off < n->file_size; off++)
		err = same_pointer(
			c,
			graft_image_reloc_at(c->diff->old_image, o->addr + off),
			graft_image_reloc_at(c->diff->new_image, n->addr + off),
			ret);
	return err;
}

static struct graft_error *
judge_segment(struct graft_case *c)
{
	const struct graft_segment *o =
		graft_thread_local_segment(c->diff->old_image);
	const struct graft_segment *n =
		graft_thread_local_segment(c->diff->new_image);

	if (!o && !n)
		return NULL;
	if (!o || !n || o->mem_size != n->mem_size ||
	    o->file_size != n->file_size || o->align != n->align)
		return graft_case_refuse(
			c, GRAFT_RULE_TLS, "PT_TLS",
			"the thread-local block had %llu bytes (%llu of them initialised) and has %llu (%llu)",
			(unsigned long long)(o ? o->mem_size : 0),
			(unsigned long long)(o ? o->file_size : 0),
			(unsigned long long)(n ? n->mem_size : 0),
			(unsigned long long)(n ? n->file_size : 0));
	if (n->file_size == 0)
		return NULL;
	const uint8_t *was = graft_image_bytes(c->diff->old_image, o->addr,
					       o->file_size);
	const uint8_t *is = graft_image_bytes(c->diff->new_image, n->addr,
					      n->file_size);
	bool same = was && is && memcmp(was, is, n->file_size) == 0;
	struct graft_error *err = same ? same_pointers(c, o, n, &same) : NULL;
	if (err || same)
		return err;
	return graft_case_refuse(
		c, GRAFT_RULE_TLS, ".tdata",
		"the initial contents of the thread-local block differ");
}

static bool
is_tls_reloc(const struct graft_reloc *reloc)
{
	if (!reloc)
		return false;
	switch (reloc->type) {
	case R_X86_64_DTPMOD64:
	case R_X86_64_DTPOFF64:
	case R_X86_64_TPOFF64:
	case R_X86_64_TLSDESC:
		return true;
	default:
		return false;
	}
}

static bool
same_symbol(const struct graft_symbol *o, const struct graft_symbol *n)
{
	if (!o || !n)
		return o == n;
	return strcmp(o->name, n->name) == 0;
}

/** Say whether two slots hold the same offset of the thread-local block. A
 * general-dynamic pair is (module, offset): the offset is what may move. */
static bool
same_slot(const struct graft_case *c, uint64_t old_addr, uint64_t new_addr)
{
	const struct graft_reloc *o = graft_image_reloc_at(c->diff->old_image,
							   old_addr);
	const struct graft_reloc *n = graft_image_reloc_at(c->diff->new_image,
							   new_addr);

	if (!is_tls_reloc(o) || !is_tls_reloc(n))
		return !is_tls_reloc(o) && !is_tls_reloc(n);
	if (o->type != n->type || !same_symbol(o->symbol, n->symbol) ||
	    o->addend != n->addend)
		return false;
	if (o->type != R_X86_64_DTPMOD64)
		return true;
	// Without a symbol the linker writes the offset itself, right behind.
	const struct graft_reloc *o2 = graft_image_reloc_at(c->diff->old_image,
							    old_addr + 8);
	const struct graft_reloc *n2 = graft_image_reloc_at(c->diff->new_image,
							    new_addr + 8);
	if (o2 && n2)
		return o2->type == n2->type &&
		       same_symbol(o2->symbol, n2->symbol) &&
		       o2->addend == n2->addend;
	const uint8_t *was = graft_image_bytes(c->diff->old_image, old_addr + 8,
					       8);
	const uint8_t *is = graft_image_bytes(c->diff->new_image, new_addr + 8,
					      8);
	return !o2 && !n2 && was && is && memcmp(was, is, 8) == 0;
}

/** Compare the thread-local references of two functions of the same form. */
static struct graft_error *
judge_func(struct graft_case *c, uint32_t old_func, uint32_t new_func)
{
	const struct graft_func *o = &c->diff->old_code->funcs[old_func];
	const struct graft_func *n = &c->diff->new_code->funcs[new_func];

	for (uint32_t i = 0; i < o->ref_count && i < n->ref_count; i++) {
		const struct graft_ref *was =
			&c->diff->old_code->refs[o->first_ref + i];
		const struct graft_ref *is =
			&c->diff->new_code->refs[n->first_ref + i];
		bool tls = was->kind == GRAFT_REF_TLS ||
			   is->kind == GRAFT_REF_TLS;
		bool same =
			tls ? was->kind == is->kind &&
					(was->target == is->target ||
					 graft_thread_local_is_same(c->diff,
								    is->target))
			    : was->kind == GRAFT_REF_BRANCH ||
					same_slot(c, was->target, is->target);
		if (same)
			continue;
		struct graft_place_text where =
			graft_place_code(c->diff->new_code, new_func, is->at);
		return graft_case_refuse(
			c, GRAFT_RULE_TLS, where.str,
			"the code names another offset of the thread-local block than the same code of OLD");
	}
	return NULL;
}

static struct graft_error *
judge_funcs(struct graft_case *c)
{
	struct graft_error *err = NULL;

	if (!graft_thread_local_segment(c->diff->old_image) &&
	    !graft_thread_local_segment(c->diff->new_image))
		return NULL;
	for (uint32_t i = 0; !err && i < c->diff->new_code->func_count; i++) {
		const struct graft_func_match *match = &c->diff->new_match[i];
		// Functions that match by order alone may not be the same.
		if (match->other != GRAFT_NONE && match->same_form &&
		    match->evidence > GRAFT_EVIDENCE_ORDER)
			err = judge_func(c, match->other, i);
	}
	return err;
}

static int
compare(const void *a, const void *b)
{
	const struct graft_symbol *x = *(const struct graft_symbol *const *)a;
	const struct graft_symbol *y = *(const struct graft_symbol *const *)b;
	int order = strcmp(x->name, y->name);

	if (order)
		return order;
	order = strcmp(x->file ? x->file : "", y->file ? y->file : "");
	return order ? order : x->dynamic - y->dynamic;
}

static bool
is_thread_local(const struct graft_image *image,
		const struct graft_symbol *symbol)
{
	(void)image;
	return symbol->type == STT_TLS && symbol->defined && symbol->name[0];
}

static struct graft_error *
judge_symbol(struct graft_case *c, const struct graft_symbol *o,
	     const struct graft_symbol *n)
{
	if (n->addr == o->addr && n->size == o->size)
		return NULL;
	return graft_case_refuse(
		c, GRAFT_RULE_TLS, o->name,
		"the thread-local variable was at offset 0x%llx (%llu bytes) and is at 0x%llx (%llu bytes)",
		(unsigned long long)o->addr, (unsigned long long)o->size,
		(unsigned long long)n->addr, (unsigned long long)n->size);
}

struct graft_error *
graft_check_thread_local(struct graft_case *c)
{
	static const struct graft_named variables = { is_thread_local, compare,
						      judge_symbol };
	struct graft_error *err = judge_segment(c);

	if (!err)
		err = graft_named_judge(c, &variables);
	if (!err)
		err = judge_funcs(c);
	return err;
}

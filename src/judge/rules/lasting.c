// SPDX-License-Identifier: Apache-2.0

#include "judge/rules/lasting.h"

#include "base/version.h"
#include "diff/constant/constant.h"
#include "judge/data/text.h"
#include "judge/flow/allocator.h"
#include "judge/flow/calls.h"
#include "judge/flow/readers.h"

#include <string.h>

enum {
	/** Instructions behind a call, or before it, that are looked at. */
	AHEAD_MAX = 24,
	/** Bytes of texts that are compared. */
	TEXT_MAX = 4096,
};

bool
graft_lasting_is_call(const struct graft_op *op)
{
	return (op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
	       !(op->flags & GRAFT_INSN_INTERNAL) && !op->target;
}

bool
graft_lasting_is_store(const struct graft_ops *ops, const struct graft_op *op)
{
	return op->has_mem && op->mem_write && !op->mem_read &&
	       !graft_op_in_frame(ops, op);
}

struct graft_lasting_callee
graft_lasting_callee_of(const struct graft_case *c, const struct graft_ops *ops,
			const struct graft_op *op)
{
	struct graft_callee callee = graft_op_callee(ops, op);
	struct graft_lasting_callee ret = { callee.import, callee.func };

	if (ret.func != GRAFT_NONE && ops->code == c->diff->new_code)
		ret.func = c->diff->new_match[ret.func].other;
	return ret;
}

/** Is it a call of something? */
static bool
calls(const struct graft_case *c, const struct graft_ops *ops, uint32_t at,
      const struct graft_lasting_callee *callee)
{
	if (!graft_lasting_is_call(&ops->ops[at]))
		return false;
	struct graft_lasting_callee is = graft_lasting_callee_of(c, ops,
								 &ops->ops[at]);
	if (callee->import || is.import)
		return callee->import && is.import &&
		       strcmp(callee->import, is.import) == 0;
	return is.func != GRAFT_NONE && is.func == callee->func;
}

uint32_t
graft_lasting_count(const struct graft_case *c, const struct graft_ops *ops,
		    const bool *marks,
		    const struct graft_lasting_callee *callee, uint32_t before)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < before; i++)
		count += marks[i] && calls(c, ops, i, callee);
	return count;
}

uint32_t
graft_lasting_find(const struct graft_case *c, const struct graft_ops *ops,
		   const bool *marks, const struct graft_lasting_callee *callee,
		   uint32_t number)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		if (marks[i] && calls(c, ops, i, callee) && number-- == 0)
			return i;
	}
	return ops->count;
}

static bool
is_writable(const struct graft_image *image, uint64_t addr)
{
	return graft_section_is_writable(graft_image_section_at(image, addr));
}

uint32_t
graft_lasting_origin(const struct graft_ops *ops, uint32_t at, int argument)
{
	uint32_t writer = graft_op_writer(ops, at,
					  graft_argument_reg(argument));

	for (int copies = 0; writer < ops->count && copies < 4; copies++) {
		const struct graft_op *op = &ops->ops[writer];
		if (op->what != GRAFT_OP_MOV || op->has_mem || op->has_imm ||
		    op->src >= GRAFT_REG_XMM0)
			break;
		writer = graft_op_writer(ops, writer, op->src);
	}
	return writer;
}

/** Is an argument something that lives on, or a function? */
static bool
is_lasting(const struct graft_ops *ops, uint32_t at, int argument)
{
	uint32_t origin = graft_lasting_origin(ops, at, argument);

	if (origin >= ops->count)
		return false;
	const struct graft_op *op = &ops->ops[origin];
	uint32_t ref = ops->code->insns[op->insn].ref;
	if (!op->has_ref || ref == GRAFT_NONE)
		return false;
	uint64_t target = ops->code->refs[ref].target;
	if (op->what == GRAFT_OP_LEA)
		return is_writable(ops->code->image, target) ||
		       graft_op_callee(ops, op).func != GRAFT_NONE;
	return op->mem_read && op->mem_size == 8 &&
	       is_writable(ops->code->image, target);
}

/** Is what a call returns kept, and not only looked at? */
static bool
is_result_kept(const struct graft_ops *ops, uint32_t at)
{
	for (uint32_t i = at + 1; i < ops->count && i <= at + AHEAD_MAX; i++) {
		const struct graft_op *op = &ops->ops[i];
		bool looks = op->what == GRAFT_OP_TEST ||
			     op->what == GRAFT_OP_CMP;
		if ((op->reads & 1U << GRAFT_REG_RAX) && !looks &&
		    !(op->flags & GRAFT_INSN_RET))
			return true;
		if ((op->writes & 1U << GRAFT_REG_RAX) || op->ends ||
		    (op->flags & GRAFT_INSN_CALL))
			return false;
	}
	return false;
}

/** Does an import that only reads write to its first argument? */
static bool
fills_first(const char *name)
{
	static const char *const names[] = {
		"sprintf",        "snprintf",        "vsprintf",
		"vsnprintf",      "__sprintf_chk",   "__snprintf_chk",
		"__vsprintf_chk", "__vsnprintf_chk", "memcpy",
		"memmove",        "mempcpy",         "memset",
		"strcpy",         "strncpy",         "stpcpy",
		"strcat",         "strncat",         "strlcpy",
		"strlcat",        "__memcpy_chk",    "__memmove_chk",
		"__memset_chk",   "__strcpy_chk",    "__strncpy_chk",
		"__strcat_chk",   "__strncat_chk",   "__stpcpy_chk",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

bool
graft_lasting_is_made(const struct graft_ops *ops, uint32_t at)
{
	const char *import = graft_op_callee(ops, &ops->ops[at]).import;

	if (import && fills_first(import))
		return is_lasting(ops, at, 0);
	if (import &&
	    (graft_import_only_reads(import) || graft_import_parses(import) ||
	     strncmp(import, "__cxa_", 6) == 0 ||
	     graft_calls_kind_of(import).role == GRAFT_CALLS_END))
		return false;
	for (int i = 0; i < 6; i++) {
		if (is_lasting(ops, at, i))
			return true;
	}
	return is_result_kept(ops, at);
}

uint32_t
graft_lasting_call_of(const struct graft_ops *ops, uint32_t at)
{
	uint8_t reg = ops->ops[at].dst;

	for (uint32_t i = at + 1; i < ops->count && i <= at + AHEAD_MAX; i++) {
		const struct graft_op *op = &ops->ops[i];
		bool holds = reg < 32 && (op->reads & 1U << reg);
		if (graft_lasting_is_call(op)) {
			for (int k = 0; k < 6; k++) {
				if (graft_argument_reg(k) == reg)
					return i;
			}
			if (reg == GRAFT_REG_RAX || graft_reg_is_volatile(reg))
				return ops->count;
		}
		if (holds && op->what == GRAFT_OP_MOV && !op->has_mem &&
		    op->src == reg)
			reg = op->dst;
		else if (holds || op->ends ||
			 (reg < 32 && (op->writes & 1U << reg)))
			return ops->count;
	}
	return ops->count;
}

/** Compare two texts to their end. */
static bool
is_same_text(const struct graft_case *c, uint64_t o, uint64_t n)
{
	for (uint64_t i = 0; i < TEXT_MAX; i++) {
		const uint8_t *a = graft_image_bytes(c->diff->old_image, o + i,
						     1);
		const uint8_t *b = graft_image_bytes(c->diff->new_image, n + i,
						     1);
		if (!a || !b || *a != *b)
			return false;
		if (*a == 0)
			return true;
	}
	return true;
}

/** Do two texts differ in the version or date only that they name? Then what was made
 * of OLD's says so, as all of OLD does. */
static bool
is_other_version(const struct graft_case *c, uint64_t o, uint64_t n)
{
	uint64_t len;
	const char *was = graft_constant_text(c->diff->old_image, o, &len);
	const char *is = graft_constant_text(c->diff->new_image, n, &len);

	return was && is && graft_version_only_differs(was, is);
}

/** Compare two tables, as far as NEW's is known to go. */
static bool
is_same_table(const struct graft_case *c, uint64_t o, uint64_t n)
{
	for (size_t i = 0; i < c->diff->piece_count; i++) {
		const struct graft_piece *piece = &c->diff->pieces[i];
		if (n < piece->addr || n - piece->addr >= piece->size)
			continue;
		uint64_t size = piece->size - (n - piece->addr);
		const uint8_t *a = graft_image_bytes(c->diff->old_image, o,
						     size);
		const uint8_t *b = graft_image_bytes(c->diff->new_image, n,
						     size);
		return a && b && memcmp(a, b, size) == 0;
	}
	return true;
}

static struct graft_error *
compare_constants(const struct graft_case *c, uint32_t new_ref, uint64_t o,
		  uint64_t n, bool *ret)
{
	const struct graft_resolution *known = graft_case_resolution(c->diff,
								     new_ref);
	enum graft_text text;

	*ret = false;
	if (known && known->place == GRAFT_PLACE_OLD && known->old_addr == o)
		return NULL;
	struct graft_error *err = graft_text_judge(c, n, &text);
	if (!err)
		*ret = text == GRAFT_TEXT_IS_OBJECT
			       ? !is_same_table(c, o, n)
			       : !is_same_text(c, o, n) &&
					 !is_other_version(c, o, n);
	return err;
}

struct graft_error *
graft_lasting_names_other(const struct graft_case *c,
			  const struct graft_twin *twin, uint32_t o, uint32_t n,
			  bool *ret)
{
	const struct graft_code *was = twin->old_ops.code;
	const struct graft_code *is = twin->new_ops.code;
	const struct graft_op *old_op = &twin->old_ops.ops[o];
	const struct graft_op *new_op = &twin->new_ops.ops[n];
	uint32_t a = was->insns[old_op->insn].ref;
	uint32_t b = is->insns[new_op->insn].ref;
	uint64_t place;

	*ret = false;
	if (!old_op->has_ref || !new_op->has_ref || a == GRAFT_NONE ||
	    b == GRAFT_NONE || is->refs[b].table || is->refs[b].spread)
		return NULL;
	uint64_t target = was->refs[a].target;
	const struct graft_section *from = graft_image_section_at(was->image,
								  target);
	const struct graft_section *to =
		graft_image_section_at(is->image, is->refs[b].target);
	if (!from || !to)
		return NULL;
	if (graft_section_is_writable(from) && graft_section_is_writable(to)) {
		// One that is read only may be another by a better test.
		*ret = (new_op->what == GRAFT_OP_LEA || new_op->mem_write) &&
		       graft_case_old_place(c, b, &place) && place != target;
		return NULL;
	}
	if ((from->flags | to->flags) & SHF_EXECINSTR) {
		uint32_t func = graft_op_callee(&twin->new_ops, new_op).func;
		uint32_t other = graft_op_callee(&twin->old_ops, old_op).func;
		*ret = new_op->what == GRAFT_OP_LEA && func != GRAFT_NONE &&
		       other != GRAFT_NONE &&
		       c->diff->new_match[func].other != other;
		return NULL;
	}
	if ((from->flags | to->flags) & SHF_WRITE)
		return NULL;
	return compare_constants(c, b, target, is->refs[b].target, ret);
}

// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/origins.h"

#include "base/hash.h"
#include "base/vec.h"
#include "diff/code/area.h"
#include "judge/flow/allocator.h"
#include "judge/flow/ways.h"

#include <Zydis/Zydis.h>
#include <elf.h>
#include <string.h>

enum {
	/** Words of the frame that are remembered. */
	SLOTS = 32,
	/** Values of one function that are told apart. */
	ORIGINS_MAX = 4096,
	PARAMETERS = 6,
	/** What the key of an origin begins with: a parameter, what stands in a
	 * variable, the address of one, the address of one with a name. */
	OF_PARAMETER = 1,
	OF_MEMORY,
	OF_ADDRESS,
	OF_SYMBOL,
	/** Errors of the kernel as addresses: no pointer is compared with what
	 * is further from zero. */
	SMALL = 4096,
};

/** What is known of a value: where it comes from, and what was added to it. */
struct value {
	/** 0 if unknown. */
	uint64_t key;
	int64_t added;
};

/** A word of the frame. */
struct slot {
	struct value value;
	uint8_t base;
	int64_t disp;
};

/** What is known before an instruction. */
struct known {
	struct value reg[16];
	struct slot slot[SLOTS];
};

/** The reading of one function. */
struct reading {
	const struct graft_case *c;
	struct graft_origins *origins;
	/** For each instruction what its destination holds, or NULL. */
	uint64_t *made;
	/** The first error; nothing is collected after it. */
	struct graft_error *err;
};

/** Imports that read or write what their first arguments point to. */
static const struct {
	const char *name;
	int arguments;
} readers[] = {
	{ "memcpy", 2 }, { "memmove", 2 }, { "memset", 1 },  { "memcmp", 2 },
	{ "strlen", 1 }, { "strcmp", 2 },  { "strncmp", 2 }, { "strcpy", 2 },
	{ "strcat", 2 }, { "strncpy", 2 }, { "strdup", 1 },  { "strchr", 1 },
	{ "puts", 1 },   { "fputs", 2 },   { "free", 1 },    { "realloc", 1 },
	{ "atoi", 1 },   { "strtol", 1 },
};

static bool
merge(void *into, const void *from)
{
	struct known *a = into;
	const struct known *b = from;
	bool changed = false;

	for (int i = 0; i < 16; i++) {
		if (a->reg[i].key && (a->reg[i].key != b->reg[i].key ||
				      a->reg[i].added != b->reg[i].added)) {
			a->reg[i] = (struct value){ 0 };
			changed = true;
		}
	}
	for (int i = 0; i < SLOTS; i++) {
		if (a->slot[i].value.key &&
		    memcmp(&a->slot[i], &b->slot[i], sizeof(a->slot[i])) != 0) {
			memset(&a->slot[i], 0, sizeof(a->slot[i]));
			changed = true;
		}
	}
	return changed;
}

static struct slot *
slot_of(struct known *known, const struct graft_op *op)
{
	return &known->slot[(uint64_t)op->disp / 8 % SLOTS];
}

static struct value
get_slot(struct known *known, const struct graft_op *op)
{
	const struct slot *slot = slot_of(known, op);

	return slot->base == op->base && slot->disp == op->disp
		       ? slot->value
		       : (struct value){ 0 };
}

static void
put_slot(struct known *known, const struct graft_op *op, struct value value)
{
	struct slot *slot = slot_of(known, op);

	memset(slot, 0, sizeof(*slot));
	slot->value = value;
	slot->base = op->base;
	slot->disp = op->disp;
}

/** Remember a use. */
static void
use(struct reading *reading, struct value value, enum graft_origin_use how,
    uint32_t at)
{
	struct graft_origins *origins = reading->origins;
	size_t i = 0;

	if (!value.key || reading->err)
		return;
	while (i < origins->count && origins->list[i].key != value.key)
		i++;
	if (i == ORIGINS_MAX)
		return;
	if (i == origins->count) {
		reading->err = graft_vec_reserve(&origins->list, &origins->cap,
						 origins->count + 1,
						 sizeof(*origins->list));
		if (reading->err)
			return;
		origins->list[origins->count++] =
			(struct graft_origin){ .key = value.key };
	}
	origins->list[i].uses |= (uint8_t)how;
	if (how == GRAFT_ORIGIN_ADDRESS)
		origins->list[i].address_at = at;
	else
		origins->list[i].number_at = at;
}

/** Name a place of a build; unknown if NEW's has no counterpart that is shown. */
static struct value
origin_of_place(const struct reading *reading, const struct graft_ops *ops,
		uint64_t place, uint64_t kind)
{
	if (ops->code == reading->c->diff->new_code &&
	    graft_diff_old_data(reading->c->diff, place, &place) <=
		    GRAFT_WITNESS_CONFLICT)
		return (struct value){ 0 };
	return (struct value){ graft_hash_mix(kind, place), 0 };
}

/** Find what a slot holds from the start on: the address of an object. */
static struct value
origin_of_slot(const struct reading *reading, const struct graft_ops *ops,
	       const struct graft_reloc *reloc)
{
	if (reloc->type == R_X86_64_RELATIVE)
		return origin_of_place(reading, ops, (uint64_t)reloc->addend,
				       OF_ADDRESS);
	if (reloc->type != R_X86_64_GLOB_DAT || !reloc->symbol)
		return (struct value){ 0 };
	const char *name = reloc->symbol->name;
	return (struct value){ graft_hash_bytes(OF_SYMBOL, name, strlen(name)),
			       reloc->addend };
}

/** Find what stands where an instruction reads or writes; unknown for much. */
static struct value
origin_of_memory(const struct reading *reading, const struct graft_ops *ops,
		 const struct graft_op *op, const struct known *known)
{
	struct value nothing = { 0 };

	if (op->index != GRAFT_REG_NONE)
		return nothing;
	if (op->has_ref) {
		uint32_t ref = ops->code->insns[op->insn].ref;
		if (ref == GRAFT_NONE)
			return nothing;
		uint64_t place = ops->code->refs[ref].target;
		const struct graft_reloc *reloc =
			graft_image_reloc_at(ops->code->image, place);
		if (reloc &&
		    graft_area_of(ops->code->image, place) == GRAFT_AREA_GOT)
			return origin_of_slot(reading, ops, reloc);
		return origin_of_place(reading, ops, place, OF_MEMORY);
	}
	if (op->base >= 16 || !known->reg[op->base].key)
		return nothing;
	uint64_t from = known->reg[op->base].key;
	uint64_t off = (uint64_t)known->reg[op->base].added +
		       (uint64_t)op->disp;
	return (struct value){ graft_hash_mix(from, off), 0 };
}

/** Say whether an instruction computes as one does not with addresses. */
static bool
computes(const struct graft_op *op)
{
	switch (op->mnemonic) {
	case ZYDIS_MNEMONIC_IMUL:
	case ZYDIS_MNEMONIC_MUL:
	case ZYDIS_MNEMONIC_DIV:
	case ZYDIS_MNEMONIC_IDIV:
	case ZYDIS_MNEMONIC_SHL:
	case ZYDIS_MNEMONIC_NEG:
		return true;
	case ZYDIS_MNEMONIC_CMP:
		return op->has_imm && (op->imm >= SMALL || op->imm <= -SMALL ||
				       (op->imm != 0 && op->imm != -1));
	default:
		return false;
	}
}

/** Say whether a value is a parameter as it came, to which one adds as to a
 * number: code that is only handed an address reads what it leads to. */
static bool
adds_parameter(const struct graft_op *op, struct value value)
{
	if (op->what != GRAFT_OP_ADD || op->has_imm)
		return false;
	for (int i = 0; i < PARAMETERS; i++) {
		if (value.key == graft_hash_mix(OF_PARAMETER, (uint64_t)i))
			return true;
	}
	return false;
}

/** Note how registers are used, and what is read from memory. */
static void
look(struct reading *reading, const struct graft_ops *ops, uint32_t at,
     struct known *known)
{
	const struct graft_op *op = &ops->ops[at];
	bool address = op->what == GRAFT_OP_LEA;

	if (op->what == GRAFT_OP_NOP || op->what == GRAFT_OP_PUSH)
		return;
	for (uint8_t r = 0; r < 16; r++) {
		bool in_memory = op->has_mem &&
				 (op->base == r || op->index == r);
		bool part = !(op->wide & (1U << r));
		if ((op->reads & (1U << r)) && !in_memory &&
		    (part || computes(op) || adds_parameter(op, known->reg[r])))
			use(reading, known->reg[r], GRAFT_ORIGIN_NUMBER, at);
	}
	if (!op->has_mem)
		return;
	if (op->index < 16 && op->scale > 1)
		use(reading, known->reg[op->index], GRAFT_ORIGIN_NUMBER, at);
	// Which of two registers that are only added is the address?
	if (!address && op->base < 16 &&
	    (op->index == GRAFT_REG_NONE || op->scale > 1))
		use(reading, known->reg[op->base], GRAFT_ORIGIN_ADDRESS, at);
	if (address || !op->mem_read || graft_op_in_frame(ops, op))
		return;
	if (op->mem_size < 8 || (op->mem_size == 8 && computes(op)))
		use(reading, origin_of_memory(reading, ops, op, known),
		    GRAFT_ORIGIN_NUMBER, at);
}

/** Note what is handed to an import that reads what it points to. */
static void
look_at_call(struct reading *reading, const struct graft_ops *ops, uint32_t at,
	     const struct known *known)
{
	struct graft_callee callee = graft_op_callee(ops, &ops->ops[at]);

	for (size_t i = 0;
	     callee.import && i < sizeof(readers) / sizeof(*readers); i++) {
		if (strcmp(readers[i].name, callee.import) != 0)
			continue;
		for (int a = 0; a < readers[i].arguments; a++)
			use(reading, known->reg[graft_argument_reg(a)],
			    GRAFT_ORIGIN_ADDRESS, at);
	}
}

/** Work out what a register holds behind an instruction. */
static struct value
result_of(struct reading *reading, const struct graft_ops *ops,
	  const struct graft_op *op, struct known *known)
{
	struct value value = { 0 };

	if (op->dst_size != 8)
		return value;
	if (op->what == GRAFT_OP_MOV && !op->has_imm && op->has_mem)
		return graft_op_in_frame(ops, op)
			       ? get_slot(known, op)
			       : origin_of_memory(reading, ops, op, known);
	if (op->what == GRAFT_OP_MOV && !op->has_imm && op->src < 16)
		return known->reg[op->src];
	if (op->what == GRAFT_OP_LEA && op->base < 16 &&
	    op->index == GRAFT_REG_NONE) {
		value = known->reg[op->base];
		value.added += op->disp;
	}
	if (op->what == GRAFT_OP_ADD && op->has_imm && !op->has_mem) {
		value = known->reg[op->dst];
		value.added += op->subtracts ? -op->imm : op->imm;
	}
	return value;
}

static void
step(void *context, const struct graft_ops *ops, uint32_t at, void *state)
{
	struct reading *reading = context;
	struct known *known = state;
	const struct graft_op *op = &ops->ops[at];
	bool leaves = (op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
		      !(op->flags & GRAFT_INSN_INTERNAL);

	look(reading, ops, at, known);
	if (leaves)
		look_at_call(reading, ops, at, known);
	struct value value = { 0 };
	if (op->dst < 16)
		value = result_of(reading, ops, op, known);
	if (op->mem_write && graft_op_in_frame(ops, op))
		put_slot(known, op,
			 op->what == GRAFT_OP_MOV && op->mem_size == 8 &&
					 !op->has_imm && op->src < 16
				 ? known->reg[op->src]
				 : value);
	for (uint8_t r = 0; r < 16; r++) {
		if ((op->writes & (1U << r)) ||
		    ((op->flags & GRAFT_INSN_CALL) && graft_reg_is_volatile(r)))
			known->reg[r] = (struct value){ 0 };
	}
	if (op->dst < 16 && op->what != GRAFT_OP_CMOV)
		known->reg[op->dst] = value;
	else if (op->dst < 16)
		known->reg[op->dst] = (struct value){ 0 };
	if (reading->made && op->dst < 16)
		reading->made[at] = known->reg[op->dst].added
					    ? 0
					    : known->reg[op->dst].key;
}

/** Follow a function with what @p entry knows. */
static struct graft_error *
follow(struct reading *reading, const struct graft_ops *ops,
       const struct known *entry)
{
	struct graft_error *err = graft_ways_follow(ops, sizeof(*entry), entry,
						    step, merge, reading);

	if (!err)
		return reading->err;
	graft_error_free(reading->err);
	return err;
}

static struct known
known_at_entry(bool parameters)
{
	struct known entry;

	memset(&entry, 0, sizeof(entry));
	for (int i = 0; parameters && i < PARAMETERS; i++)
		entry.reg[graft_argument_reg(i)].key =
			graft_hash_mix(OF_PARAMETER, (uint64_t)i);
	return entry;
}

struct graft_error *
graft_origins_read(const struct graft_case *c, const struct graft_ops *ops,
		   bool parameters, struct graft_origins *ret)
{
	GRAFT_CLEANUP(graft_origins_deinit) struct graft_origins list = { 0 };
	struct reading reading = { .c = c, .origins = &list };
	struct known entry = known_at_entry(parameters);

	struct graft_error *err = follow(&reading, ops, &entry);
	if (err)
		return err;
	*ret = list;
	list = (struct graft_origins){ 0 };
	return NULL;
}

struct graft_error *
graft_origins_made(const struct graft_case *c, const struct graft_ops *ops,
		   uint64_t **made_ret)
{
	GRAFT_CLEANUP(graft_origins_deinit) struct graft_origins list = { 0 };
	GRAFT_FREE uint64_t *made = calloc((size_t)ops->count + 16,
					   sizeof(*made));
	struct reading reading = { .c = c, .origins = &list, .made = made };
	struct known entry = known_at_entry(true);

	if (!made)
		return graft_error_no_memory();
	struct graft_error *err = follow(&reading, ops, &entry);
	if (err)
		return err;
	for (int r = 0; r < 16; r++)
		made[ops->count + (uint32_t)r] = entry.reg[r].key;
	*made_ret = made;
	made = NULL;
	return NULL;
}

const struct graft_origin *
graft_origins_find(const struct graft_origins *origins, uint64_t key)
{
	for (size_t i = 0; i < origins->count; i++) {
		if (origins->list[i].key == key)
			return &origins->list[i];
	}
	return NULL;
}

void
graft_origins_deinit(struct graft_origins *origins)
{
	free(origins->list);
	*origins = (struct graft_origins){ 0 };
}

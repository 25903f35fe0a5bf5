// SPDX-License-Identifier: Apache-2.0

#include "truth.h"

#include "diff/code/area.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/** What an address is, going by the file with symbols. */
struct meaning {
	/** The object or function that the compiler meant, or NULL. */
	const struct graft_symbol *symbol;
	/** Distance from it; may be negative or past its end. */
	int64_t off;
};

static void __attribute__((format(printf, 2, 3)))
complain(struct truth *truth, const char *fmt, ...)
{
	va_list ap;

	if (truth->wrong_count == TRUTH_LINES_MAX)
		return;
	va_start(ap, fmt);
	if (vasprintf(&truth->wrong[truth->wrong_count], fmt, ap) >= 0)
		truth->wrong_count++;
	va_end(ap);
}

static bool
is_thing(const struct graft_symbol *symbol)
{
	return symbol->defined && symbol->name[0] && !symbol->absolute &&
	       (symbol->type == STT_FUNC || symbol->type == STT_OBJECT ||
		symbol->type == STT_GNU_IFUNC);
}

const struct graft_symbol *
truth_symbol(const struct graft_image *image, const char *name)
{
	size_t count;
	const struct graft_symbol *symbols = graft_image_symbols(image, &count);

	for (size_t i = 0; i < count; i++) {
		if (is_thing(&symbols[i]) && strcmp(symbols[i].name, name) == 0)
			return &symbols[i];
	}
	return NULL;
}

static const struct graft_reloc *
static_reloc_at(const struct graft_image *image, uint64_t at)
{
	size_t count;
	const struct graft_reloc *relocs = graft_image_static_relocs(image,
								     &count);
	size_t low = 0;
	size_t high = count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (relocs[mid].addr < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low < count && relocs[low].addr == at ? &relocs[low] : NULL;
}

/** What does the field at @p at mean by @p target? */
static struct meaning
meaning_of(const struct graft_image *full, uint64_t at, uint64_t target)
{
	const struct graft_reloc *reloc = static_reloc_at(full, at);
	const struct graft_symbol *symbol = NULL;

	if (reloc && reloc->symbol && is_thing(reloc->symbol))
		symbol = reloc->symbol;
	if (!symbol)
		symbol = graft_image_symbol_at(full, target);
	if (!symbol || !is_thing(symbol))
		return (struct meaning){ NULL, 0 };
	return (struct meaning){ symbol, (int64_t)(target - symbol->addr) };
}

/** Where does OLD have what @p meaning names? 0 if nowhere. */
static uint64_t
old_place_of(const struct truth *truth, struct meaning meaning)
{
	const struct graft_symbol *symbol = truth_symbol(truth->old_full,
							 meaning.symbol->name);

	return symbol ? symbol->addr + (uint64_t)meaning.off : 0;
}

static bool
same_import(const struct graft_symbol *a, const struct graft_symbol *b)
{
	return a && b && strcmp(a->name, b->name) == 0;
}

/** The name of what a GOT slot holds, "" for what cannot be named. */
static const char *
slot_name(const struct graft_image *image, const struct graft_image *full,
	  uint64_t slot)
{
	const struct graft_reloc *reloc = graft_image_reloc_at(image, slot);

	if (!reloc)
		return "";
	if (reloc->symbol && reloc->symbol->name[0])
		return reloc->symbol->name;
	const struct graft_symbol *symbol =
		graft_image_symbol_at(full, (uint64_t)reloc->addend);
	return symbol ? symbol->name : "";
}

static bool
same_bytes(const struct truth *truth, uint64_t old_addr, uint64_t new_addr,
	   uint64_t len, int depth)
{
	const uint8_t *o = graft_image_bytes(truth->old_full, old_addr, len);
	const uint8_t *n = graft_image_bytes(truth->new_full, new_addr, len);

	if (!o || !n)
		return false;
	for (uint64_t i = 0; i < len; i++) {
		const struct graft_reloc * or
			= graft_image_reloc_at(truth->old_full, old_addr + i);
		const struct graft_reloc *nr =
			graft_image_reloc_at(truth->new_full, new_addr + i);
		if (! or != !nr)
			return false;
		if (!nr) {
			if (o[i] != n[i])
				return false;
			continue;
		}
		if (or->type != nr->type)
			return false;
		if (nr->type == R_X86_64_RELATIVE) {
			struct meaning m = meaning_of(truth->new_full,
						      new_addr + i,
						      (uint64_t)nr->addend);
			if (m.symbol) {
				if (old_place_of(truth, m) != (uint64_t) or
					    ->addend)
					return false;
			} else if (depth < 3) {
				const char *ot =
					(const char *)graft_image_bytes(
						truth->old_full,
						(uint64_t) or->addend, 1);
				const char *nt =
					(const char *)graft_image_bytes(
						truth->new_full,
						(uint64_t)nr->addend, 1);
				if (!ot || !nt || strcmp(ot, nt) != 0)
					return false;
			}
		} else if (nr->symbol && !same_import(or->symbol, nr->symbol)) {
			return false;
		}
		i += 7;
	}
	return true;
}

/** Does OLD hold at @p old_addr what the meant constant of NEW holds? */
static bool
same_constant(const struct truth *truth, struct meaning m, uint64_t target,
	      uint64_t access, uint64_t old_addr)
{
	if (access)
		return same_bytes(truth, old_addr, target, access, 0);
	if (m.symbol && (m.off < 0 || (uint64_t)m.off >= m.symbol->size))
		return old_place_of(truth, m) == old_addr &&
		       same_bytes(truth, old_addr - (uint64_t)m.off,
				  m.symbol->addr, m.symbol->size, 0);
	if (m.symbol)
		return same_bytes(truth, old_addr, target,
				  m.symbol->size - (uint64_t)m.off, 0);
	const char *o = (const char *)graft_image_bytes(truth->old_full,
							old_addr, 1);
	const char *n = (const char *)graft_image_bytes(truth->new_full, target,
							1);
	return o && n && strcmp(o, n) == 0;
}

static bool
is_in_piece(const struct truth *truth, uint64_t start, uint64_t end)
{
	// Several pieces may hold it together.
	for (size_t i = 0; start < end && i < truth->diff->piece_count; i++) {
		const struct graft_piece *p = &truth->diff->pieces[i];
		if (p->addr <= start && start < p->addr + p->size) {
			start = p->addr + p->size;
			i = (size_t)-1;
		}
	}
	return start >= end;
}

/** What was resolved, in words. */
struct claim {
	const struct graft_ref *ref;
	const struct graft_resolution *resolution;
	struct meaning meaning;
	char who[128];
};

static void
check_function(struct truth *truth, const struct claim *c)
{
	if (!c->meaning.symbol)
		return;
	uint64_t expected = old_place_of(truth, c->meaning);
	if (c->resolution->place == GRAFT_PLACE_OLD &&
	    c->resolution->old_addr != expected)
		complain(truth, "%s: function %s+%lld put at old 0x%llx",
			 c->who, c->meaning.symbol->name,
			 (long long)c->meaning.off,
			 (unsigned long long)c->resolution->old_addr);
	if (c->resolution->place == GRAFT_PLACE_NEW &&
	    c->ref->kind == GRAFT_REF_ADDRESS && expected)
		complain(truth, "%s: the address of %s, which OLD has, is new",
			 c->who, c->meaning.symbol->name);
}

static void
check_data(struct truth *truth, const struct claim *c)
{
	if (!c->meaning.symbol)
		return;
	uint64_t expected = old_place_of(truth, c->meaning);
	if (c->resolution->place == GRAFT_PLACE_OLD &&
	    c->resolution->old_addr != expected)
		complain(truth, "%s: %s+%lld put at old 0x%llx, is 0x%llx",
			 c->who, c->meaning.symbol->name,
			 (long long)c->meaning.off,
			 (unsigned long long)c->resolution->old_addr,
			 (unsigned long long)expected);
	if (c->resolution->place == GRAFT_PLACE_NEW && expected)
		complain(truth, "%s: %s, which OLD has, is new", c->who,
			 c->meaning.symbol->name);
}

static void
check_constant(struct truth *truth, const struct claim *c)
{
	const struct graft_symbol *symbol = c->meaning.symbol;
	uint64_t access = c->ref->kind == GRAFT_REF_MEMORY ? c->ref->access : 0;
	uint64_t target = c->ref->target;

	if (c->resolution->place == GRAFT_PLACE_OLD) {
		if (!same_constant(truth, c->meaning, target, access,
				   c->resolution->old_addr))
			complain(
				truth,
				"%s: constant %s+%lld at 0x%llx is not what is "
				"at old 0x%llx",
				c->who, symbol ? symbol->name : "?",
				(long long)c->meaning.off,
				(unsigned long long)target,
				(unsigned long long)c->resolution->old_addr);
		return;
	}
	uint64_t start = target;
	uint64_t end = target + (access ? access : 1);
	if (symbol && !access) {
		if (c->meaning.off < 0 ||
		    (uint64_t)c->meaning.off >= symbol->size)
			start = symbol->addr;
		end = symbol->addr + symbol->size;
	}
	if (c->resolution->place == GRAFT_PLACE_NEW &&
	    !is_in_piece(truth, start, end))
		complain(truth, "%s: constant %s+%lld is carried in part only",
			 c->who, symbol ? symbol->name : "?",
			 (long long)c->meaning.off);
}

static void
check_claim(struct truth *truth, const struct claim *c)
{
	const struct graft_diff *diff = truth->diff;
	const struct graft_plt *op;
	const struct graft_plt *np;

	switch (c->resolution->thing) {
	case GRAFT_THING_FUNCTION:
		check_function(truth, c);
		break;
	case GRAFT_THING_DATA:
		check_data(truth, c);
		break;
	case GRAFT_THING_CONSTANT:
		check_constant(truth, c);
		break;
	case GRAFT_THING_PLT:
		if (c->resolution->place != GRAFT_PLACE_OLD)
			break;
		op = graft_image_plt_at(diff->old_image,
					c->resolution->old_addr);
		np = graft_image_plt_at(diff->new_image, c->ref->target);
		if (!op || !np ||
		    strcmp(slot_name(truth->old_image, truth->old_full,
				     op->slot),
			   slot_name(truth->new_image, truth->new_full,
				     np->slot)) != 0)
			complain(truth, "%s: another import", c->who);
		break;
	case GRAFT_THING_GOT:
		if (c->resolution->place == GRAFT_PLACE_OLD &&
		    strcmp(slot_name(truth->old_image, truth->old_full,
				     c->resolution->old_addr),
			   slot_name(truth->new_image, truth->new_full,
				     c->ref->target)) != 0)
			complain(truth, "%s: another slot", c->who);
		break;
	default:
		break;
	}
	if (c->resolution->place == GRAFT_PLACE_NONE)
		complain(truth, "%s: not resolved, and no finding", c->who);
}

/** All references of a function to one constant go to the same copy of it. */
static void
check_one_copy(struct truth *truth, const struct claim *a,
	       const struct claim *b)
{
	if (a->resolution->func != b->resolution->func || !a->meaning.symbol ||
	    a->meaning.symbol != b->meaning.symbol ||
	    a->ref->kind != GRAFT_REF_ADDRESS ||
	    b->ref->kind != GRAFT_REF_ADDRESS ||
	    a->resolution->thing != GRAFT_THING_CONSTANT ||
	    b->resolution->thing != GRAFT_THING_CONSTANT)
		return;
	uint64_t a_base = a->resolution->old_addr - (uint64_t)a->meaning.off;
	uint64_t b_base = b->resolution->old_addr - (uint64_t)b->meaning.off;
	if (a->resolution->place != b->resolution->place ||
	    (a->resolution->place == GRAFT_PLACE_OLD && a_base != b_base))
		complain(truth, "%s: %s+%lld and +%lld go to different copies",
			 a->who, a->meaning.symbol->name,
			 (long long)a->meaning.off, (long long)b->meaning.off);
}

static void
check_resolutions(struct truth *truth)
{
	const struct graft_diff *diff = truth->diff;
	struct claim *claims = calloc(diff->resolution_count + 1,
				      sizeof(*claims));

	for (size_t i = 0; claims && i < diff->resolution_count; i++) {
		struct claim *c = &claims[i];
		char name[96];
		c->resolution = &diff->resolutions[i];
		c->ref = &diff->new_code->refs[c->resolution->ref];
		c->meaning = meaning_of(truth->new_full, c->ref->at,
					c->ref->target);
		uint32_t func = c->resolution->func;
		const struct graft_symbol *symbol = graft_image_symbol_at(
			truth->new_full, diff->new_code->funcs[func].addr);
		snprintf(name, sizeof(name), "%s", symbol ? symbol->name : "?");
		snprintf(c->who, sizeof(c->who), "%s@0x%llx", name,
			 (unsigned long long)c->ref->at);
		check_claim(truth, c);
		// Those of one function stand together.
		for (size_t k = i;
		     k-- > 0 && claims[k].resolution->func == func;)
			check_one_copy(truth, c, &claims[k]);
		truth->checked++;
	}
	free(claims);
}

static void
check_pointers(struct truth *truth)
{
	const struct graft_diff *diff = truth->diff;

	for (size_t i = 0; i < diff->pointer_count; i++) {
		const struct graft_pointer *p = &diff->pointers[i];
		const struct graft_reloc *reloc =
			graft_image_reloc_at(truth->new_image, p->new_addr);
		truth->checked++;
		if (p->symbol || p->copy || !reloc ||
		    reloc->type != R_X86_64_RELATIVE)
			continue;
		struct meaning m = meaning_of(truth->new_full, p->new_addr,
					      (uint64_t)reloc->addend);
		if (!m.symbol)
			continue;
		uint64_t expected = old_place_of(truth, m);
		// A label of carried code (`&&label`) is where that is.
		if (m.symbol->type == STT_FUNC && m.off)
			continue;
		bool constant = graft_area_of(truth->new_full,
					      m.symbol->addr) ==
				GRAFT_AREA_CONSTANT;
		if (p->place == GRAFT_PLACE_OLD && constant) {
			if (!same_constant(truth, m, (uint64_t)reloc->addend, 0,
					   p->value))
				complain(truth, "pointer at 0x%llx: %s differs",
					 (unsigned long long)p->new_addr,
					 m.symbol->name);
		} else if (p->place == GRAFT_PLACE_OLD &&
			   p->value != expected) {
			complain(truth, "pointer at 0x%llx: %s put at 0x%llx",
				 (unsigned long long)p->new_addr,
				 m.symbol->name, (unsigned long long)p->value);
		} else if (p->place == GRAFT_PLACE_NEW && expected &&
			   !constant) {
			complain(truth, "pointer at 0x%llx: %s is new",
				 (unsigned long long)p->new_addr,
				 m.symbol->name);
		}
	}
}

/** Compare what the same reference of two functions means. */
static bool
same_reference(const struct truth *truth, const struct graft_ref *o,
	       const struct graft_ref *n)
{
	struct meaning m = meaning_of(truth->new_full, n->at, n->target);
	enum graft_area area = graft_area_of(truth->new_full, n->target);

	if (o->kind != n->kind || n->kind == GRAFT_REF_TLS)
		return o->kind == n->kind && o->target == n->target;
	if (area == GRAFT_AREA_PLT || area == GRAFT_AREA_GOT)
		return true;
	if (area == GRAFT_AREA_CONSTANT) {
		uint64_t access = n->kind == GRAFT_REF_MEMORY ? n->access : 0;
		uint64_t len;
		if (m.symbol || access)
			return same_constant(truth, m, n->target, access,
					     o->target);
		// A jump table has no name, and is no text.
		const uint8_t *nb = graft_image_bytes(truth->new_full,
						      n->target, 1);
		for (len = 0; nb && nb[len] >= 0x20 && nb[len] < 0x7f; len++)
			;
		return !nb || nb[len] || len < 3 ||
		       same_constant(truth, m, n->target, 0, o->target);
	}
	return !m.symbol || old_place_of(truth, m) == o->target;
}

/** Do two functions of one name do the same? */
static bool
same_function(const struct truth *truth, uint32_t o, uint32_t n)
{
	const struct graft_code *oc = truth->diff->old_code;
	const struct graft_code *nc = truth->diff->new_code;
	const struct graft_func *of = &oc->funcs[o];
	const struct graft_func *nf = &nc->funcs[n];

	if (of->hash != nf->hash || of->ref_count != nf->ref_count)
		return false;
	for (uint32_t i = 0; i < nf->ref_count; i++) {
		if (!same_reference(truth, &oc->refs[of->first_ref + i],
				    &nc->refs[nf->first_ref + i]))
			return false;
	}
	return true;
}

static const char *
func_name(const struct graft_image *full, const struct graft_func *func)
{
	const struct graft_symbol *symbol = graft_image_symbol_at(full,
								  func->addr);

	return symbol && symbol->addr == func->addr ? symbol->name : "?";
}

/** Note that somebody comes to a function, or remembers it. */
static void
mark_reached(const struct truth *truth, uint64_t addr, bool *reached)
{
	uint32_t o = graft_code_func_at(truth->diff->old_code, addr);

	if (o != GRAFT_NONE && truth->diff->old_code->funcs[o].addr == addr)
		reached[o] = true;
}

/** Which OLD functions may run after the switch? */
static void
find_reached(const struct truth *truth, bool *reached)
{
	const struct graft_diff *diff = truth->diff;
	const struct graft_code *code = diff->old_code;
	size_t count;
	const struct graft_symbol *symbols =
		graft_image_symbols(truth->old_image, &count);

	for (size_t i = 0; i < count; i++) {
		if (symbols[i].defined && symbols[i].dynamic)
			mark_reached(truth, symbols[i].addr, reached);
	}
	const struct graft_reloc *relocs = graft_image_relocs(truth->old_image,
							      &count);
	for (size_t i = 0; i < count; i++) {
		if (!relocs[i].symbol)
			mark_reached(truth, (uint64_t)relocs[i].addend,
				     reached);
	}
	for (uint32_t i = 0; i < code->func_count; i++) {
		const struct graft_func *f = &code->funcs[i];
		for (uint32_t k = 0; k < f->ref_count; k++) {
			const struct graft_ref *ref =
				&code->refs[f->first_ref + k];
			if (ref->kind == GRAFT_REF_ADDRESS ||
			    !diff->old_match[i].carried)
				mark_reached(truth, ref->target, reached);
		}
	}
}

/**
 * Every name of OLD that can be reached leads to what NEW has under that name:
 * by a redirect, or because both are the same and stay.
 */
static void
check_entries(struct truth *truth)
{
	const struct graft_diff *diff = truth->diff;
	bool *reached = calloc(diff->old_code->func_count + 1,
			       sizeof(*reached));
	bool *entered = calloc(diff->old_code->func_count + 1,
			       sizeof(*entered));
	size_t count;
	const struct graft_symbol *symbols =
		graft_image_symbols(truth->old_full, &count);

	if (reached && entered && diff->carried_count)
		find_reached(truth, reached);
	for (size_t i = 0; entered && i < diff->entry_count; i++)
		entered[diff->entries[i]] = true;
	for (size_t i = 0; reached && entered && i < count; i++) {
		const struct graft_symbol *symbol = &symbols[i];
		if (!symbol->defined || symbol->type != STT_FUNC ||
		    symbol->size == 0)
			continue;
		const struct graft_symbol *twin = truth_symbol(truth->new_full,
							       symbol->name);
		uint32_t o = graft_code_func_at(diff->old_code, symbol->addr);
		uint32_t n = GRAFT_NONE;
		if (twin)
			n = graft_code_func_at(diff->new_code, twin->addr);
		if (o == GRAFT_NONE || n == GRAFT_NONE || !reached[o] ||
		    diff->old_code->funcs[o].addr != symbol->addr)
			continue;
		truth->checked++;
		if (entered[o] ? diff->old_match[o].other != n
			       : n != diff->left_main &&
					 !same_function(truth, o, n))
			complain(truth, "%s can be reached and %s",
				 symbol->name,
				 entered[o] ? "goes elsewhere"
					    : "stays as it was");
	}
	free(entered);
	free(reached);
}

/** What changed is carried, and what is redirected leads to its own name. */
static void
check_functions(struct truth *truth)
{
	const struct graft_diff *diff = truth->diff;

	check_entries(truth);
	for (size_t i = 0; i < diff->entry_count; i++) {
		uint32_t o = diff->entries[i];
		const char *old_name = func_name(truth->old_full,
						 &diff->old_code->funcs[o]);
		uint32_t n = diff->old_match[o].other;
		const char *new_name = func_name(truth->new_full,
						 &diff->new_code->funcs[n]);
		if (strcmp(old_name, new_name) != 0)
			complain(truth, "%s is redirected to %s", old_name,
				 new_name);
	}
}

size_t
truth_check(struct truth *truth)
{
	if (truth->diff->finding_count)
		return 0;
	check_resolutions(truth);
	check_pointers(truth);
	check_functions(truth);
	return truth->wrong_count;
}

bool
truth_is_carried(const struct truth *truth, const char *name)
{
	const struct graft_symbol *symbol = truth_symbol(truth->new_full, name);
	uint32_t func = GRAFT_NONE;

	if (symbol)
		func = graft_code_func_at(truth->diff->new_code, symbol->addr);
	return func != GRAFT_NONE && truth->diff->new_match[func].carried;
}

bool
truth_finds(const struct truth *truth, enum graft_finding_kind kind)
{
	for (size_t i = 0; i < truth->diff->finding_count; i++) {
		if (truth->diff->findings[i].kind == kind)
			return true;
	}
	return false;
}

size_t
truth_resolved(const struct truth *truth, const char *name,
	       enum graft_place place)
{
	size_t count = 0;

	for (size_t i = 0; i < truth->diff->resolution_count; i++) {
		const struct graft_resolution *r = &truth->diff->resolutions[i];
		const struct graft_ref *ref =
			&truth->diff->new_code->refs[r->ref];
		struct meaning m = meaning_of(truth->new_full, ref->at,
					      ref->target);
		count += r->place == place && m.symbol &&
			 strcmp(m.symbol->name, name) == 0;
	}
	return count;
}

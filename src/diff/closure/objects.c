// SPDX-License-Identifier: Apache-2.0

#include "diff/closure/objects.h"

#include "base/sha256.h"
#include "base/text.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

/** A new object while it is looked at. */
struct found {
	const struct graft_piece *piece;
	const struct graft_symbol *symbol;
	/** A function that uses it, of NEW; or #GRAFT_NONE. */
	uint32_t user;
	uint64_t *refs;
	size_t ref_count;
	size_t ref_cap;
};

/** All new objects of a module. */
struct work {
	const struct graft_diff *diff;
	struct found *list;
	size_t count;
	/** Something is not known: none is listed. */
	bool unknown;
};

static void
work_deinit(struct work *work)
{
	for (size_t i = 0; work->list && i < work->count; i++)
		free(work->list[i].refs);
	free(work->list);
}

static int
by_addr(const void *x, const void *y)
{
	const struct found *a = x;
	const struct found *b = y;

	return (a->piece->addr > b->piece->addr) -
	       (a->piece->addr < b->piece->addr);
}

static int
by_number(const void *x, const void *y)
{
	const uint64_t *a = x;
	const uint64_t *b = y;

	return (*a > *b) - (*a < *b);
}

/** Find the symbol that says of a piece exactly that it is an object. */
static const struct graft_symbol *
symbol_of(const struct graft_diff *diff, const struct graft_piece *piece)
{
	const struct graft_symbol *symbol =
		graft_image_symbol_at(diff->new_image, piece->addr);

	// What is exported may be used by others, at its first place.
	return symbol && symbol->type == STT_OBJECT && *symbol->name &&
			       symbol->addr == piece->addr &&
			       symbol->size == piece->size && !symbol->dynamic
		       ? symbol
		       : NULL;
}

/** Collect what is new. */
GRAFT_MUST_CHECK static struct graft_error *
collect(struct work *work)
{
	const struct graft_diff *diff = work->diff;

	work->list = calloc(diff->piece_count + 1, sizeof(*work->list));
	if (!work->list)
		return graft_error_no_memory();
	for (size_t i = 0; i < diff->piece_count; i++) {
		const struct graft_piece *piece = &diff->pieces[i];
		if (!piece->writable)
			continue;
		work->list[work->count++] = (struct found){
			.piece = piece,
			.symbol = symbol_of(diff, piece),
			.user = GRAFT_NONE,
		};
		work->unknown |= !work->list[work->count - 1].symbol;
	}
	if (work->count)
		qsort(work->list, work->count, sizeof(*work->list), by_addr);
	for (size_t i = 1; i < work->count; i++) {
		const struct graft_piece *last = work->list[i - 1].piece;
		work->unknown |= last->addr + last->size >
				 work->list[i].piece->addr;
	}
	return NULL;
}

/** Find the object that an address is in, or whose end it is. */
static struct found *
object_at(struct work *work, uint64_t addr)
{
	struct found *end = NULL;

	for (size_t i = 0; i < work->count; i++) {
		const struct graft_piece *piece = work->list[i].piece;
		if (addr - piece->addr < piece->size)
			return &work->list[i];
		if (addr == piece->addr + piece->size)
			end = &work->list[i];
	}
	return end;
}

/** Take a reference of carried code, if it leads to a new object. */
GRAFT_MUST_CHECK static struct graft_error *
take_reference(struct work *work, const struct graft_resolution *resolution)
{
	const struct graft_ref *ref =
		&work->diff->new_code->refs[resolution->ref];
	struct found *found = object_at(work, ref->target);

	if (resolution->place != GRAFT_PLACE_NEW || !found)
		return NULL;
	uint64_t off = ref->target - found->piece->addr;
	bool touches = ref->kind == GRAFT_REF_MEMORY && ref->access &&
		       off + ref->access <= found->piece->size;
	bool names = off < found->piece->size && work->count == 1 && !ref->back;
	// What is read or written right behind an object is another thing.
	if (off == found->piece->size && ref->kind == GRAFT_REF_MEMORY &&
	    ref->access)
		return NULL;
	// What moves an object to its place leads displacements there.
	if (ref->width != 4 || ref->absolute || (!touches && !names)) {
		work->unknown = true;
		return NULL;
	}
	struct graft_error *err =
		graft_vec_reserve(&found->refs, &found->ref_cap,
				  found->ref_count + 1, sizeof(*found->refs));
	if (err)
		return err;
	found->refs[found->ref_count++] = ref->at;
	found->user = resolution->func;
	return NULL;
}

/** Pointers in data, to a new object or in one, are not followed. */
static void
look_at_pointers(struct work *work)
{
	const struct graft_diff *diff = work->diff;

	for (size_t i = 0; i < diff->pointer_count; i++) {
		const struct graft_pointer *p = &diff->pointers[i];
		work->unknown |= object_at(work, p->new_addr) != NULL;
		work->unknown |= p->place == GRAFT_PLACE_NEW && !p->copy &&
				 object_at(work, p->value) != NULL;
	}
}

/** Put what names the function that uses an object, in OLD if it is there. */
static void
put_user(const struct graft_diff *diff, uint32_t user, struct graft_text *text)
{
	uint32_t head = diff->new_code->funcs[user].group;
	uint32_t old = diff->new_match[head].other;
	char name[256];

	if (old != GRAFT_NONE) {
		graft_text_printf(
			text, "at %llx ",
			(unsigned long long)diff->old_code->funcs[old].addr);
		return;
	}
	graft_code_name(diff->new_code, head, name, sizeof(name));
	graft_text_printf(text, "in %s ", name);
}

/** Compute the identity of an object. */
GRAFT_MUST_CHECK static struct graft_error *
identify(const struct graft_diff *diff, const struct found *found,
	 uint8_t ret[GRAFT_PATCH_IDENTITY_SIZE])
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	const struct graft_piece *piece = found->piece;
	const char *name = found->symbol->name;
	// The compiler numbers static variables of functions: `seen.3`.
	const char *dot = strrchr(name, '.');
	bool numbered = dot && dot != name && dot[1] &&
			strspn(dot + 1, "0123456789") == strlen(dot + 1);
	const uint8_t *bytes = graft_image_bytes(diff->new_image, piece->addr,
						 piece->size);
	uint8_t hash[GRAFT_SHA256_LEN];

	graft_text_put(&text, "object ");
	put_user(diff, found->user, &text);
	graft_text_printf(&text, "%llu ", (unsigned long long)piece->size);
	graft_text_put_bytes(&text, name,
			     numbered ? (size_t)(dot - name) : strlen(name));
	graft_text_put_bytes(&text, "", 1);
	for (uint64_t i = 0; i < piece->size; i++)
		graft_text_put_bytes(&text,
				     bytes ? &bytes[i] : (uint8_t[1]){ 0 }, 1);
	if (text.failed)
		return graft_error_no_memory();
	struct graft_error *err = graft_sha256(text.str, text.len, hash);
	if (!err)
		memcpy(ret, hash, GRAFT_PATCH_IDENTITY_SIZE);
	return err;
}

/** Make the list of the module; nothing if two objects cannot be told apart. */
GRAFT_MUST_CHECK static struct graft_error *
fill(struct work *work, struct graft_patch_module *m)
{
	GRAFT_FREE struct graft_object *objects = calloc(work->count + 1,
							 sizeof(*objects));
	if (!objects)
		return graft_error_no_memory();
	for (size_t i = 0; i < work->count; i++) {
		struct found *found = &work->list[i];
		struct graft_object *object = &objects[i];
		*object = (struct graft_object){
			.new_addr = found->piece->addr,
			.size = found->piece->size,
		};
		struct graft_error *err = identify(work->diff, found,
						   object->identity);
		if (err)
			return err;
		for (size_t k = 0; k < i; k++) {
			if (memcmp(objects[k].identity, object->identity,
				   sizeof(object->identity)) == 0)
				return NULL;
		}
	}
	for (size_t i = 0; i < work->count; i++) {
		struct found *found = &work->list[i];
		qsort(found->refs, found->ref_count, sizeof(*found->refs),
		      by_number);
		objects[i].ref_count = found->ref_count;
		objects[i].refs = GRAFT_TAKE(found->refs);
	}
	m->objects = GRAFT_TAKE(objects);
	m->object_count = work->count;
	return NULL;
}

struct graft_error *
graft_emit_objects(struct graft_emit *emit)
{
	const struct graft_diff *diff = emit->diff;
	GRAFT_CLEANUP(work_deinit) struct work work = { .diff = diff };
	struct graft_error *err = collect(&work);

	for (size_t i = 0; !err && !work.unknown && i < diff->resolution_count;
	     i++)
		err = take_reference(&work, &diff->resolutions[i]);
	if (err)
		return err;
	look_at_pointers(&work);
	for (size_t i = 0; i < work.count; i++)
		work.unknown |= work.list[i].user == GRAFT_NONE;
	return work.count && !work.unknown ? fill(&work, emit->module) : NULL;
}

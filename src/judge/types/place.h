// SPDX-License-Identifier: Apache-2.0

/** @file Where a pointer leads, by types: so many bytes behind the start of an
 * object of some type, or in the frame. */

#ifndef GRAFT_JUDGE_TYPES_PLACE_H
#define GRAFT_JUDGE_TYPES_PLACE_H

#include "elf/image.h"
#include "elf/types.h"

enum graft_type_place_of {
	/** Not known. */
	GRAFT_TYPE_PLACE_OF_NOTHING,
	/** Bytes from where the stack pointer stood at the entry. */
	GRAFT_TYPE_PLACE_OF_FRAME,
	/** Bytes from the start of an object of a type. */
	GRAFT_TYPE_PLACE_OF_OBJECT,
};

/** Where a pointer leads. */
struct graft_type_place {
	enum graft_type_place_of of;
	/** Type of the object. */
	uint32_t type;
	int64_t off;
};

/** What types are asked of, and the first error of that. */
struct graft_type_source {
	/** Borrowed. */
	const struct graft_image *image;
	struct graft_dwarf *dwarf;
	/** NULL if all went well; whoever made this frees it. Places are not
	 * known where something failed. */
	struct graft_error *err;
};

/** Move a place, in the same object or out of it. */
struct graft_type_place
graft_type_place_moved(struct graft_type_place place, int64_t by);

/** Say whether two places are the same. */
bool
graft_type_place_is_same(struct graft_type_place a, struct graft_type_place b);

/** Move a pointer on: to another object of its type, to another element of the
 * array, or as graft_type_place_moved(). */
struct graft_type_place
graft_type_place_stepped(struct graft_type_source *source,
			 struct graft_type_place place, int64_t by);

/** Get where a value of a type leads; nowhere if that is no pointer. */
struct graft_type_place
graft_type_place_of_value(struct graft_type_source *source, uint32_t type);

/** Get where the pointer leads that stands in an object. */
struct graft_type_place
graft_type_place_loaded(struct graft_type_source *source,
			struct graft_type_place from);

/** Get the place in a variable that an address of the image is. */
struct graft_type_place
graft_type_place_at(struct graft_type_source *source, uint64_t addr);

/** Get the place that the loader writes into a word, an entry of the GOT. */
struct graft_type_place
graft_type_place_linked(struct graft_type_source *source, uint64_t word);

/** Get where the result of the function at an address of the image leads. */
struct graft_type_place
graft_type_place_returned(struct graft_type_source *source, uint64_t addr);

/** Say whether a type is a struct or union of which the members are known. */
bool
graft_type_place_is_struct(struct graft_type_source *source, uint32_t type);

/** Say whether a type is a byte, of which nobody knows what it is used for. */
bool
graft_type_place_is_bytes(struct graft_type_source *source, uint32_t type);

/**
 * Say whether types describe what stands at a place: a member of a struct, or an
 * element of a variable that is larger than a byte; from its start, or a part.
 *
 * @param[in] size Bytes that are reached; 0 if only the address is wanted.
 */
bool
graft_type_place_is_described(struct graft_type_source *source,
			      struct graft_type_place place, uint16_t size);

#endif /* GRAFT_JUDGE_TYPES_PLACE_H */

// SPDX-License-Identifier: Apache-2.0

/** @file What kind of thing lies at an address of a build. */

#ifndef GRAFT_DIFF_AREA_H
#define GRAFT_DIFF_AREA_H

#include "elf/image.h"

enum graft_area {
	/** No section, or one that code has no business in. */
	GRAFT_AREA_NONE,
	GRAFT_AREA_CODE,
	GRAFT_AREA_PLT,
	GRAFT_AREA_GOT,
	/** Never written once the program runs: read-only or RELRO. */
	GRAFT_AREA_CONSTANT,
	/** Written by the running program. */
	GRAFT_AREA_DATA,
};

/** Find the area of a section; #GRAFT_AREA_NONE for NULL. */
enum graft_area
graft_area_of_section(const struct graft_section *section);

/** Find the area of an address. */
enum graft_area
graft_area_of(const struct graft_image *image, uint64_t addr);

/**
 * Say whether two addresses stand at the same place of the frame that the
 * linker makes around the contents: the same offset in a section of the same
 * name and size, or of one that is not contents (`.dynamic`, the end of a
 * section that nothing follows).
 */
bool
graft_area_same_frame(const struct graft_image *old_image, uint64_t old_addr,
		      const struct graft_image *new_image, uint64_t new_addr);

/**
 * Say whether two addresses are the end of sections of one name, whatever
 * follows there: `__TMC_END__`, `_edata`, `_end`.
 */
bool
graft_area_same_end(const struct graft_image *old_image, uint64_t old_addr,
		    const struct graft_image *new_image, uint64_t new_addr);

#endif /* GRAFT_DIFF_AREA_H */

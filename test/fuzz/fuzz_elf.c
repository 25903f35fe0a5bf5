// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Fuzz the reader of ELF files: what opens keeps every promise of elf/image.h.
 */

#include "../unit/elf/promises.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *image = NULL;
	struct graft_error *err = graft_image_open_bytes("input", data, size,
							 NULL, &image);

	if (err)
		refused(err);
	else
		promises_check(image);
	return 0;
}

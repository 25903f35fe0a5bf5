// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Fuzz the reader of core dumps, and the search for hotpatches in one.
 */

#include "fuzz.h"
#include "plan/dump.h"

#include <sys/mman.h>
#include <unistd.h>

/** What opens keeps the promises of elf/core.h. */
static void
check(const struct graft_core *core)
{
	for (size_t i = 0; i < core->segment_count; i++) {
		const struct graft_core_segment *at = &core->segments[i];
		const struct graft_core_segment *last = i ? at - 1 : NULL;
		uint8_t byte;
		bool read;
		if (!at->len || (last && last->addr + last->len > at->addr))
			abort();
		must(graft_core_read(core, at->addr + at->len - 1, &byte, 1,
				     &read));
		if (!read)
			abort();
	}
	if (core->comm[sizeof(core->comm) - 1])
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_core_closep) struct graft_core *core = NULL;
	GRAFT_CLEANUP(graft_headers_freep) struct graft_headers *headers = NULL;
	int fd = memfd_create("core", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	struct graft_error *err = graft_core_open_fd(fd, &core);
	if (err) {
		refused(err);
		return 0;
	}
	check(core);
	must(graft_dump_find(core, &headers));
	for (size_t i = 0; i < headers->count; i++) {
		enum graft_dump_state state;
		must(graft_dump_state(core, headers, headers->headers[i],
				      &state));
	}
	return 0;
}

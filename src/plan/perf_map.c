// SPDX-License-Identifier: Apache-2.0

#include "plan/perf_map.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	/** Digits of an id in a line. */
	ID_LEN = 12,
};

static const char mark[] = " [hotpatch ";

/** A line of ours. */
struct line {
	uint64_t start;
	uint64_t size;
	/** Points into the text: #ID_LEN digits. */
	const char *id;
};

/** Take a line, which has no newline. @return false: it is not ours. */
static bool
take_line(const char *text, size_t len, struct line *ret)
{
	size_t tail = strlen(mark) + ID_LEN + 1;
	char *end;

	if (len < tail || text[len - 1] != ']' ||
	    memcmp(text + len - tail, mark, strlen(mark)) != 0)
		return false;
	ret->id = text + len - 1 - ID_LEN;
	ret->start = strtoull(text, &end, 16);
	if (end == text || *end != ' ')
		return false;
	const char *size = end + 1;
	ret->size = strtoull(size, &end, 16);
	return end != size && *end == ' ' && end < text + len - tail;
}

/** Is a range in code that a hotpatch has brought? */
static bool
is_code(const struct graft_header *header, uint64_t start, uint64_t size)
{
	for (uint32_t i = 0; i < header->region_count; i++) {
		const struct graft_header_region *r = &header->regions[i];
		if ((r->prot & PROT_EXEC) && start >= r->addr &&
		    start - r->addr <= r->len &&
		    size <= r->len - (start - r->addr))
			return true;
	}
	return false;
}

/** Is the code of a line still in the process? */
static bool
is_there(const struct graft_headers *headers, const struct line *line)
{
	for (size_t i = 0; i < headers->count; i++) {
		const struct graft_header *header = headers->headers[i];
		if (strncmp(header->id, line->id, ID_LEN) == 0 &&
		    is_code(header, line->start, line->size))
			return true;
	}
	return false;
}

/** Keep the lines of other hotpatches. */
GRAFT_MUST_CHECK static struct graft_error *
keep_lines(const struct graft_patch *patch, const struct graft_headers *headers,
	   const char *earlier, size_t len, struct graft_text *text)
{
	for (size_t at = 0; at < len;) {
		const char *end = memchr(earlier + at, '\n', len - at);
		size_t n = end ? (size_t)(end - earlier) - at : len - at;
		struct line line;
		if (!take_line(earlier + at, n, &line))
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"its map for perf has lines that are not ours: a JIT of the process writes it");
		if (strncmp(patch->id, line.id, ID_LEN) != 0 &&
		    is_there(headers, &line)) {
			graft_text_put_bytes(text, earlier + at, n);
			graft_text_put(text, "\n");
		}
		at += n + 1;
	}
	return NULL;
}

/** Find the module of a hotpatch that a header is about, or NULL. */
static const struct graft_patch_module *
find_module(const struct graft_patch *patch, const struct graft_header *header)
{
	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_patch_module *m = &patch->modules[i];
		if (m->old_build_id_len == header->old_build_id_len &&
		    memcmp(m->old_build_id, header->old_build_id,
			   m->old_build_id_len) == 0)
			return m;
	}
	return NULL;
}

struct graft_error *
graft_perf_map_make(const struct graft_patch *patch,
		    const struct graft_headers *headers, const char *earlier,
		    size_t len, struct graft_text *text, uint32_t *count_ret)
{
	struct graft_error *err = keep_lines(patch, headers, earlier, len,
					     text);

	*count_ret = 0;
	for (size_t i = 0; !err && i < headers->count; i++) {
		const struct graft_header *header = headers->headers[i];
		const struct graft_patch_module *m =
			strcmp(header->id, patch->id) == 0
				? find_module(patch, header)
				: NULL;
		for (size_t k = 0; m && k < m->carried_count; k++) {
			const struct graft_carried *piece = &m->carried[k];
			uint64_t start = header->shadow_base + piece->new_addr;
			if (!is_code(header, start, piece->size))
				continue;
			graft_text_printf(text, "%" PRIx64 " %" PRIx64 " ",
					  start, piece->size);
			graft_text_put_safe(text, piece->name);
			graft_text_printf(text, "%s%.*s]\n", mark, ID_LEN,
					  patch->id);
			++*count_ret;
		}
	}
	return err;
}

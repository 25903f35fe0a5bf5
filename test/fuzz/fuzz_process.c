// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Fuzz what is read of a process. The first byte of the input chooses what the
 * rest is: 'm' a maps file, 's' a status file, 't' a stat file, 'b' a seccomp
 * filter with the call that it is asked about, 'h' a header page (its checksums
 * made right first), 'c' what says in which call a thread is.
 */

#include "base/cursor.h"
#include "fuzz.h"
#include "plan/header.h"
#include "proc/bpf.h"
#include "proc/maps.h"
#include "proc/partway.h"
#include "proc/status.h"

static void
fuzz_maps(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	struct graft_error *err = graft_maps_parse((const char *)data, size,
						   &maps);
	uint64_t end = 0;

	if (err) {
		refused(err);
		return;
	}
	for (size_t i = 0; i < maps->count; i++) {
		const struct graft_map *map = &maps->maps[i];
		promise(map->path && map->start >= end &&
			map->start < map->end);
		end = map->end;
		promise(graft_maps_at(maps, map->start) == map &&
			graft_maps_at(maps, map->end - 1) == map);
	}
	promise(!graft_maps_at(maps, end));
}

static void
fuzz_status(const char *text)
{
	struct graft_proc_status status = { 0 };

	graft_proc_status_parse(text, &status);
	promise(memchr(status.comm, 0, sizeof(status.comm)) != NULL);
	for (const char *at = status.comm; *at; at++)
		promise((unsigned char)*at >= ' ');
}

static void
fuzz_stat(const char *text)
{
	struct graft_proc_status status = { 0 };

	if (graft_proc_stat_parse(text, &status))
		promise(status.state > ' ');
}

static void
fuzz_call(const char *text)
{
	// "running" and "-1" are no calls.
	if (graft_partway_parse(text))
		promise(!memchr("r-", *text, 2) && strlen(text) > 8);
}

static void
fuzz_filter(const uint8_t *data, size_t size)
{
	struct graft_bpf_call call = { .args_known = size & 1 };
	GRAFT_FREE struct sock_filter *code = NULL;
	uint32_t answer;
	uint32_t again;

	if (size < sizeof(call.args) + sizeof(call.nr))
		return;
	memcpy(call.args, data, sizeof(call.args));
	memcpy(&call.nr, data + sizeof(call.args), sizeof(call.nr));
	data += sizeof(call.args) + sizeof(call.nr);
	size -= sizeof(call.args) + sizeof(call.nr);
	size_t len = size / sizeof(*code);
	code = calloc(len + 1, sizeof(*code));
	if (!code)
		return;
	memcpy(code, data, len * sizeof(*code));
	if (!graft_bpf_run(code, len, &call, &answer))
		return;
	// What is known without the arguments is so with them.
	call.args_known = true;
	promise(graft_bpf_run(code, len, &call, &again) && again == answer);
}

/** Make right what is summed in a page: two blocks, and the whole. */
static void
seal_header(uint8_t *bytes, size_t size)
{
	struct graft_cursor c = graft_cursor_make(bytes, size);
	struct graft_header_before before = { 0 };

	(void)graft_cursor_take(&c, GRAFT_HEADER_STATE_OFF);
	uint64_t state = graft_cursor_le(&c, 4);
	(void)graft_cursor_le(&c, 4);
	graft_header_state_encode((enum graft_header_state)state,
				  graft_cursor_le(&c, 8),
				  bytes + GRAFT_HEADER_STATE_OFF);
	if (bytes[GRAFT_HEADER_MAGIC_SIZE] != 1) {
		uint8_t *block = bytes + GRAFT_HEADER_BEFORE_OFF;
		c = graft_cursor_make(block, GRAFT_HEADER_BEFORE_SIZE);
		before.addr = graft_cursor_le(&c, 8);
		memcpy(before.id, block + 8, GRAFT_PATCH_ID_LEN);
		graft_header_before_encode(&before, block);
	}
	must(graft_header_seal(bytes, size));
}

static void
fuzz_header(uint8_t *bytes, size_t size)
{
	GRAFT_CLEANUP(graft_header_freep) struct graft_header *header = NULL;
	GRAFT_FREE uint8_t *again = NULL;
	size_t len;

	// What is shorter holds no page; it must be refused all the same.
	if (size >= GRAFT_HEADER_BEFORE_OFF + GRAFT_HEADER_BEFORE_SIZE)
		seal_header(bytes, size);
	struct graft_error *err = graft_header_decode(bytes, size, &header);
	if (err) {
		refused(err);
		return;
	}
	must(graft_header_encode(header, &again, &len));
	promise(len <= size && memcmp(again, bytes, len) == 0);
	promise(graft_header_size(header) == len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GRAFT_FREE uint8_t *copy = size ? copy_input(data + 1, size - 1) : NULL;

	if (!copy)
		return 0;
	switch (data[0]) {
	case 'm':
		fuzz_maps(copy, size - 1);
		break;
	case 's':
		fuzz_status((const char *)copy);
		break;
	case 't':
		fuzz_stat((const char *)copy);
		break;
	case 'b':
		fuzz_filter(copy, size - 1);
		break;
	case 'c':
		fuzz_call((const char *)copy);
		break;
	case 'h':
		fuzz_header(copy, size - 1);
		break;
	default:
		break;
	}
	return 0;
}

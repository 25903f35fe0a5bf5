// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Fuzz releases. The first byte of the input chooses what the rest is: a release as JSON
 * ('r'), a specification ('s'), or a catalogue: releases as JSON, a line each. Properties: what
 * decodes, encodes to the same bytes; what a specification says, decodes; a catalogue is
 * checked and printed whatever is in it.
 */

#include "fuzz.h"
#include "release/catalogue.h"
#include "release/release_print.h"
#include "release/spec.h"

static void
fuzz_json(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_release_freep) struct graft_release *release = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err = graft_release_decode(data, size, &release);

	if (err) {
		refused(err);
		return;
	}
	graft_release_encode(release, &text);
	promise(!text.failed && text.len == size &&
		memcmp(text.str, data, size) == 0);
}

static void
fuzz_spec(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_release_freep) struct graft_release *release = NULL;
	GRAFT_CLEANUP(graft_release_freep) struct graft_release *again = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err = graft_release_spec_parse(
		(const char *)data, size, "fuzz", &release);

	if (err) {
		refused(err);
		return;
	}
	graft_release_encode(release, &text);
	promise(!text.failed);
	must(graft_release_decode(text.str, text.len, &again));
}

static void
fuzz_catalogue(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_catalogue_deinit)
	struct graft_catalogue all = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	const uint8_t *end = data + size;

	while (data < end) {
		struct graft_release *release = NULL;
		const uint8_t *stop = memchr(data, '\n', (size_t)(end - data));
		stop = stop ? stop + 1 : end;
		struct graft_error *err = graft_release_decode(
			data, (size_t)(stop - data), &release);
		data = stop;
		if (err)
			refused(err);
		else
			must(graft_catalogue_take(&all, release));
	}
	struct graft_error *err = graft_catalogue_check(&all, false);
	if (err)
		refused(err);
	graft_catalogue_print_list(&all, &text);
	graft_catalogue_print_sizes(&all, size, &text);
	graft_catalogue_print_sizes_json(&all, size, &text);
	for (size_t i = 0; i < all.count; i++)
		graft_release_print(&all, all.list[i], &text);
	promise(!text.failed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'r')
		fuzz_json(data + 1, size - 1);
	else if (data[0] == 's')
		fuzz_spec(data + 1, size - 1);
	else
		fuzz_catalogue(data + 1, size - 1);
	return 0;
}

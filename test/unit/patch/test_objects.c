// SPDX-License-Identifier: Apache-2.0

#include "patch/manifest.h"

#include "sample.h"

/** Two new objects, one of them in memory that is zero at first. */
static void
add_objects(struct graft_patch_module *m)
{
	m->object_count = 2;
	m->objects = sample_alloc(2, sizeof(*m->objects));
	m->objects[0] = (struct graft_object){
		.new_addr = 0x4018,
		.size = 8,
		.identity = { 1, 2, 3 },
		.refs = sample_alloc(2, sizeof(uint64_t)),
		.ref_count = 2,
	};
	m->objects[0].refs[0] = 0x1320;
	m->objects[0].refs[1] = 0x1401;
	m->objects[1] = (struct graft_object){
		.new_addr = 0x9010,
		.size = 16,
		.identity = { [15] = 9 },
		.refs = sample_alloc(1, sizeof(uint64_t)),
		.ref_count = 1,
	};
	m->objects[1].refs[0] = 0x1330;
}

static struct graft_patch *
make(void)
{
	struct graft_patch *patch = sample_small();

	add_objects(&patch->modules[0]);
	return patch;
}

static void
objects_survive_the_file_which_is_of_format_3(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = make();
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *back = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	GRAFT_FREE uint8_t *again = NULL;
	size_t len;
	size_t again_len;

	sample_ok(graft_patch_encode(patch, &bytes, &len));
	assert_non_null(memmem(bytes, len, "{\"format\":3,", 12));
	sample_ok(graft_patch_decode(bytes, len, &back));
	const struct graft_patch_module *m = &back->modules[0];
	assert_int_equal(m->object_count, 2);
	assert_int_equal(m->objects[0].new_addr, 0x4018);
	assert_int_equal(m->objects[0].ref_count, 2);
	assert_int_equal(m->objects[0].refs[1], 0x1401);
	assert_int_equal(m->objects[1].identity[15], 9);
	sample_ok(graft_patch_encode(back, &again, &again_len));
	assert_int_equal(len, again_len);
	assert_memory_equal(bytes, again, len);
}

static void
what_has_none_is_of_an_older_format(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_small();
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	sample_ok(graft_patch_encode(patch, &bytes, &len));
	assert_null(memmem(bytes, len, "objects", 7));
	assert_non_null(memmem(bytes, len, "{\"format\":1,", 12));
}

typedef void (*break_fn)(struct graft_object *o);

static void
in_constants(struct graft_object *o)
{
	o[0].new_addr = 0x2010;
}

static void
over_the_end(struct graft_object *o)
{
	o[0].size = 17;
}

static void
empty(struct graft_object *o)
{
	o[0].size = 0;
}

static void
out_of_order(struct graft_object *o)
{
	o[1].new_addr = 0x4000;
}

static void
nameless(struct graft_object *o)
{
	o[0].identity[0] = o[0].identity[1] = o[0].identity[2] = 0;
}

static void
reference_in_data(struct graft_object *o)
{
	o[0].refs[0] = 0x2010;
}

static void
reference_in_a_fix(struct graft_object *o)
{
	o[0].refs[0] = 0x1306;
}

static void
reference_of_both(struct graft_object *o)
{
	o[1].refs[0] = 0x1322;
}

static void
references_out_of_order(struct graft_object *o)
{
	o[0].refs[1] = 0x1310;
}

static void
impossible_objects_are_refused(void **state)
{
	(void)state;
	static const break_fn breaks[] = {
		in_constants,       over_the_end,      empty,
		out_of_order,       nameless,          reference_in_data,
		reference_in_a_fix, reference_of_both, references_out_of_order,
	};

	for (size_t i = 0; i < sizeof(breaks) / sizeof(*breaks); i++) {
		GRAFT_CLEANUP(graft_patch_freep)
		struct graft_patch *patch = make();
		struct graft_patch_module *m = &patch->modules[0];
		sample_ok(graft_patch_module_check(m));
		breaks[i](m->objects);
		struct graft_error *err = graft_patch_module_check(m);
		if (!err)
			fail_msg("accepted: %zu", i);
		sample_refused(err, GRAFT_ERROR_BAD_INPUT, NULL);
	}
}

static void
what_is_no_list_of_objects_is_refused(void **state)
{
	(void)state;
	static const char *const table[] = {
		"[]",
		"{}",
		"[7]",
		"[{\"addr\":1}]",
		"[{\"addr\":16408,\"size\":8,\"identity\":\"01\",\"refs\":[4]}]",
		"[{\"addr\":16408,\"size\":8,\"identity\":"
		"\"01020300000000000000000000000000\",\"refs\":[\"4\"]}]",
		"[{\"addr\":16408,\"size\":8,\"identity\":"
		"\"01020300000000000000000000000000\",\"refs\":[-1]}]",
		"[{\"addr\":16408,\"size\":8,\"identity\":"
		"\"01020300000000000000000000000000\",\"refs\":[],\"x\":1}]",
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		GRAFT_CLEANUP(graft_text_deinit)
		struct graft_text whole = { 0 };
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
		GRAFT_CLEANUP(graft_patch_freep)
		struct graft_patch *patch = make();
		struct graft_patch *back = NULL;
		struct graft_manifest_elf *elfs = NULL;
		const struct graft_manifest_elf elf = { .size = 1000 };
		GRAFT_CLEANUP(graft_manifest_disks_deinit)
		struct graft_manifest_disks disks = { 0 };
		sample_ok(graft_manifest_encode(patch, &elf, &disks, &whole));
		// With its own list it is read, so that one is what is refused.
		sample_ok(graft_manifest_decode(whole.str, whole.len, &back,
						&elfs, &disks));
		graft_patch_free(GRAFT_TAKE(back));
		free(GRAFT_TAKE(elfs));
		char *at = strstr(whole.str, "\"objects\":");
		assert_non_null(at);
		char *end = strstr(at, ",\"elf\":");
		assert_non_null(end);
		graft_text_put_bytes(&out, whole.str, (size_t)(at - whole.str));
		graft_text_printf(&out, "\"objects\":%s", table[i]);
		graft_text_put(&out, end);
		char id[GRAFT_PATCH_ID_LEN + 1];
		sample_ok(graft_manifest_id(out.str, out.len, id));
		memcpy(out.str + GRAFT_MANIFEST_ID_OFF, id, GRAFT_PATCH_ID_LEN);
		sample_refused(graft_manifest_decode(out.str, out.len, &back,
						     &elfs, &disks),
			       GRAFT_ERROR_BAD_INPUT, NULL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_survive_the_file_which_is_of_format_3),
		cmocka_unit_test(what_has_none_is_of_an_older_format),
		cmocka_unit_test(impossible_objects_are_refused),
		cmocka_unit_test(what_is_no_list_of_objects_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

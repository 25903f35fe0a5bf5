// SPDX-License-Identifier: Apache-2.0

// Files that no linker makes. The arguments: the directory that
// tools/elfwriter.py filled.

#include "promises.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/** The directory of the files; the only state of this program. */
static const char *odd_dir;

static uint8_t *
slurp(const char *name, size_t *len_ret)
{
	char path[4096];
	(void)snprintf(path, sizeof(path), "%s/%s", odd_dir, name);
	GRAFT_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	uint8_t *bytes = malloc((size_t)st.st_size + 1);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	*len_ret = (size_t)st.st_size;
	return bytes;
}

/** Open bytes; either they are refused as input or the model is true. */
static bool
is_sound(const uint8_t *bytes, size_t len)
{
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *image = NULL;
	struct graft_error *err = graft_image_open_bytes("odd", bytes, len,
							 NULL, &image);
	if (!err) {
		promises_check(image);
		return true;
	}
	assert_null(image);
	assert_int_equal(graft_error_kind(err), GRAFT_KIND_INPUT);
	assert_null(strchr(graft_error_message(err), '\n'));
	graft_error_free(err);
	return false;
}

/** Check one file: its name says what has to become of it. */
static void
check_file(const char *name)
{
	char path[4096];
	(void)snprintf(path, sizeof(path), "%s/%s", odd_dir, name);
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *image = NULL;
	struct graft_error *err = graft_image_open(path, NULL, &image);
	const char *wire = err ? graft_error_wire(graft_error_code(err))
			       : "good";
	if (strncmp(name, wire, strlen(wire)))
		fail_msg("%s: %s", name,
			 err ? graft_error_message(err) : "was accepted");
	// What went wrong begins with where.
	if (err)
		assert_int_equal(
			strncmp(graft_error_message(err), path, strlen(path)),
			0);
	else
		promises_check(image);
	graft_error_free(err);
}

static void
each_odd_file_is_taken_or_refused_as_its_name_says(void **state)
{
	(void)state;
	DIR *dir = opendir(odd_dir);
	assert_non_null(dir);
	size_t count = 0;
	for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		if (e->d_name[0] == '.')
			continue;
		check_file(e->d_name);
		count++;
	}
	closedir(dir);
	assert_true(count > 90);
}

static void
no_prefix_of_a_file_is_accepted(void **state)
{
	(void)state;
	size_t len;
	GRAFT_FREE uint8_t *bytes = slurp("good-plain", &len);
	assert_true(is_sound(bytes, len));
	for (size_t cut = 0; cut < len; cut++) {
		// A block of its own, so that a sanitizer sees its end.
		GRAFT_FREE uint8_t *part = malloc(cut ? cut : 1);
		assert_non_null(part);
		memcpy(part, bytes, cut);
		assert_false(is_sound(part, cut));
	}
}

static void
every_bit_flip_is_refused_or_leaves_a_true_model(void **state)
{
	(void)state;
	size_t len, accepted = 0;
	GRAFT_FREE uint8_t *bytes = slurp("good-plain", &len);
	for (size_t i = 0; i < len * 8; i++) {
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		accepted += is_sound(bytes, len);
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	// Code and padding are most of it, headers a good part.
	assert_in_range(accepted, 1, len * 8 - 1000);
}

static void
every_byte_may_have_an_extreme_value(void **state)
{
	(void)state;
	static const uint8_t values[] = { 0x00, 0x7f, 0x80, 0xff };
	size_t len;
	GRAFT_FREE uint8_t *bytes = slurp("good-plain", &len);
	for (size_t i = 0; i < len; i++) {
		uint8_t old = bytes[i];
		for (size_t v = 0; v < sizeof(values); v++) {
			bytes[i] = values[v];
			(void)is_sound(bytes, len);
		}
		bytes[i] = old;
	}
	assert_true(is_sound(bytes, len));
}

static void
words_of_all_ones_are_survived_everywhere(void **state)
{
	(void)state;
	size_t len;
	GRAFT_FREE uint8_t *bytes = slurp("good-plain", &len);
	for (size_t i = 0; i + 8 <= len; i += 4) {
		uint8_t old[8];
		memcpy(old, bytes + i, 8);
		for (int shift = 0; shift < 3; shift++) {
			static const int fills[] = { 0xff, 0x7f, 0x00 };
			memset(bytes + i, fills[shift], 8);
			(void)is_sound(bytes, len);
		}
		memcpy(bytes + i, old, 8);
	}
	assert_true(is_sound(bytes, len));
}

static void
the_model_of_the_written_file_is_what_was_written(void **state)
{
	(void)state;
	size_t len, count;
	GRAFT_FREE uint8_t *bytes = slurp("good-plain", &len);
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *image = NULL;
	assert_null(graft_image_open_bytes("odd", bytes, len, NULL, &image));

	assert_string_equal(graft_image_soname(image), "libodd.so.1");
	const char *const *needed = graft_image_needed(image, &count);
	assert_int_equal(count, 1);
	assert_string_equal(needed[0], "libc.so.6");
	const uint8_t *id = graft_image_build_id(image, &count);
	assert_int_equal(count, 20);
	assert_int_equal(id[19], 19);

	uint64_t text = graft_image_section_named(image, ".text")->addr;
	uint64_t data = graft_image_section_named(image, ".data")->addr;
	uint64_t got = graft_image_section_named(image, ".got")->addr;
	const struct graft_extent *e = graft_image_extents(image, &count);
	assert_int_equal(count, 3);
	assert_int_equal(e[1].addr, text + 16);
	assert_int_equal(e[1].personality, 0);
	assert_int_equal(e[2].personality, got);
	assert_true(e[2].personality_indirect && e[2].signal_frame);
	assert_int_equal(
		e[2].lsda,
		graft_image_section_named(image, ".gcc_except_table")->addr);

	// One of .rela.dyn, one of .rela.plt, three of .relr.dyn.
	(void)graft_image_relocs(image, &count);
	assert_int_equal(count, 5);
	const struct graft_reloc *r = graft_image_reloc_at(image, data + 8);
	assert_int_equal(r->type, R_X86_64_RELATIVE);
	assert_int_equal(r->addend, text + 16);

	const struct graft_plt *p = graft_image_plts(image, &count);
	assert_int_equal(count, 1);
	assert_string_equal(p->reloc->symbol->name, "puts");
	assert_string_equal(p->reloc->symbol->version, "GLIBC_2.2.5");

	const struct graft_reloc *s = graft_image_static_relocs(image, &count);
	assert_int_equal(count, 1);
	assert_string_equal(s->symbol->name, "puts");
	assert_int_equal(s->addend, -4);

	const struct graft_symbol *helper = graft_image_symbol_at(image,
								  text + 31);
	assert_string_equal(helper->name, "helper");
	assert_string_equal(helper->file, "odd.c");
	assert_string_equal(graft_image_symbol_at(image, text + 4)->name,
			    "api");
	assert_null(graft_image_symbol_at(image, text + 32));
}

static void
all_kinds_of_stubs_lead_to_the_slot(void **state)
{
	(void)state;
	static const struct {
		const char *file;
		size_t count;
		uint64_t size;
	} rows[] = {
		{ "good-plain", 1, 16 },
		{ "good-plt-endbr", 1, 16 },
		{ "good-plt-endbr-bnd", 1, 16 },
		{ "good-plt-bnd", 1, 16 },
		{ "good-plt-mold", 1, 16 },
		{ "good-plt-retpoline", 1, 32 },
		{ "good-plt-none", 0, 0 },
		{ "good-plt-cut", 0, 0 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t len, count;
		GRAFT_FREE uint8_t *bytes = slurp(rows[i].file, &len);
		GRAFT_CLEANUP(graft_image_closep)
		struct graft_image *image = NULL;
		assert_null(graft_image_open_bytes("odd", bytes, len, NULL,
						   &image));
		const struct graft_plt *p = graft_image_plts(image, &count);
		assert_int_equal(count, rows[i].count);
		if (count == 0)
			continue;
		assert_int_equal(p->size, rows[i].size);
		assert_int_equal(
			p->addr,
			graft_image_section_named(image, ".plt")->addr + 16);
		assert_int_equal(
			p->slot,
			graft_image_section_named(image, ".got")->addr);
	}
}

static void
a_missing_file_is_said_to_be_missing(void **state)
{
	(void)state;
	struct graft_image *image = NULL;
	struct graft_error *err = graft_image_open("/nonexistent/file", NULL,
						   &image);
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_NOT_FOUND);
	assert_null(image);
	graft_error_free(err);
}

static void
what_is_no_regular_file_is_refused(void **state)
{
	(void)state;
	static const char *const paths[] = { "/", "/dev/zero" };
	for (size_t i = 0; i < 2; i++) {
		struct graft_image *image = NULL;
		struct graft_error *err = graft_image_open(paths[i], NULL,
							   &image);
		assert_non_null(err);
		assert_int_equal(graft_error_code(err),
				 GRAFT_ERROR_UNSUPPORTED);
		graft_error_free(err);
	}
}

int
main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	odd_dir = argv[1];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_odd_file_is_taken_or_refused_as_its_name_says),
		cmocka_unit_test(no_prefix_of_a_file_is_accepted),
		cmocka_unit_test(
			every_bit_flip_is_refused_or_leaves_a_true_model),
		cmocka_unit_test(every_byte_may_have_an_extreme_value),
		cmocka_unit_test(words_of_all_ones_are_survived_everywhere),
		cmocka_unit_test(
			the_model_of_the_written_file_is_what_was_written),
		cmocka_unit_test(all_kinds_of_stubs_lead_to_the_slot),
		cmocka_unit_test(a_missing_file_is_said_to_be_missing),
		cmocka_unit_test(what_is_no_regular_file_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

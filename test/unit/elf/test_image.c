// SPDX-License-Identifier: Apache-2.0

// Files that a compiler made. The arguments: the library, the library stripped,
// its debug file, a program; see meson.build.

#include "promises.h"

#include "base/file.h"
#include "elf/model.h"

#include <stdio.h>
#include <sys/stat.h>

/** Paths of the files; the only state of this program. */
static const char *library, *stripped, *debug_file, *program;

static struct graft_image *
must_open(const char *path, const struct graft_debug_search *search)
{
	struct graft_image *image = NULL;
	struct graft_error *err = graft_image_open(path, search, &image);
	if (err)
		fail_msg("%s", graft_error_message(err));
	return image;
}

/** Find a symbol by name; a dynamic one or one of .symtab. */
static const struct graft_symbol *
find_symbol(const struct graft_image *image, const char *name, bool dynamic)
{
	size_t count;
	const struct graft_symbol *s = graft_image_symbols(image, &count);
	for (size_t i = 0; i < count; i++)
		if (s[i].dynamic == dynamic && !strcmp(s[i].name, name))
			return &s[i];
	return NULL;
}

static const struct graft_extent *
find_extent(const struct graft_image *image, uint64_t addr)
{
	size_t count;
	const struct graft_extent *e = graft_image_extents(image, &count);
	for (size_t i = 0; i < count; i++)
		if (e[i].addr == addr)
			return &e[i];
	return NULL;
}

static void
compiled_files_keep_the_promises(void **state)
{
	(void)state;
	const char *const paths[] = { library, stripped, program,
				      "/proc/self/exe" };
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		GRAFT_CLEANUP(graft_image_closep)
		struct graft_image *image = must_open(paths[i], NULL);
		promises_check(image);
		assert_string_equal(graft_image_path(image), paths[i]);
	}
}

static void
a_library_says_who_it_is(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(library, NULL);
	size_t count;
	const char *const *needed = graft_image_needed(image, &count);
	assert_true(count >= 1);
	bool libc = false;
	for (size_t i = 0; i < count; i++)
		libc = libc || !strcmp(needed[i], "libc.so.6");
	assert_true(libc);
	assert_string_equal(graft_image_soname(image), "libelffixture.so.1");
	assert_int_equal(graft_image_type(image), ET_DYN);
	(void)graft_image_build_id(image, &count);
	assert_int_equal(count, 20);
	assert_true(graft_image_has_symtab(image));
	assert_true(graft_image_has_dwarf(image));
	assert_null(image->debug_path);
}

static void
a_program_has_no_soname_but_an_entry_in_text(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(program, NULL);
	assert_null(graft_image_soname(image));
	const struct graft_section *text =
		graft_image_section_at(image, graft_image_entry(image));
	assert_non_null(text);
	assert_string_equal(text->name, ".text");
	assert_false(graft_image_has_dwarf(image));
}

static void
dynamic_symbols_carry_versions(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(library, NULL);
	const struct graft_symbol *api = find_symbol(image, "fixture_api",
						     true);
	assert_non_null(api);
	assert_string_equal(api->version, "FIXTURE_1");
	assert_true(api->defined);
	const struct graft_symbol *ifunc = find_symbol(image, "fixture_ifunc",
						       true);
	assert_non_null(ifunc);
	assert_string_equal(ifunc->version, "FIXTURE_2");
	assert_int_equal(ifunc->type, STT_GNU_IFUNC);
	const struct graft_symbol *import = find_symbol(image, "puts", true);
	assert_non_null(import);
	assert_false(import->defined);
	assert_int_equal(strncmp(import->version, "GLIBC_", 6), 0);
	// In .symtab the linker calls it "puts@GLIBC_2.2.5".
	import = find_symbol(image, "puts", false);
	assert_non_null(import);
	assert_null(import->version);
}

static void
local_symbols_know_their_file(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(library, NULL);
	const struct graft_symbol *s = find_symbol(image, "fixture_count",
						   false);
	assert_non_null(s);
	assert_string_equal(s->file, "lib.c");
	assert_int_equal(s->bind, STB_LOCAL);
	s = find_symbol(image, "fixture_api", false);
	assert_non_null(s);
	assert_null(s->file);
	s = find_symbol(image, "_DYNAMIC", false);
	assert_true(!s || !s->file);
}

static void
each_byte_of_a_function_is_covered_by_its_symbol(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(library, NULL);
	const struct graft_symbol *s = find_symbol(image, "fixture_helper",
						   false);
	assert_non_null(s);
	for (uint64_t i = 0; i < s->size; i++)
		assert_ptr_equal(graft_image_symbol_at(image, s->addr + i), s);
	assert_ptr_not_equal(graft_image_symbol_at(image, s->addr + s->size),
			     s);
	assert_null(graft_image_symbol_at(image, UINT64_MAX));
}

static void
each_byte_of_an_object_and_no_code_is_covered_by_the_object(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(library, NULL);
	const struct graft_symbol *s = find_symbol(image, "fixture_count",
						   false);
	assert_non_null(s);
	assert_true(s->size > 0);
	for (uint64_t i = 0; i < s->size; i++)
		assert_ptr_equal(graft_image_object_at(image, s->addr + i), s);
	assert_ptr_not_equal(graft_image_object_at(image, s->addr + s->size),
			     s);
	s = find_symbol(image, "fixture_helper", false);
	assert_non_null(s);
	assert_null(graft_image_object_at(image, s->addr));
}

static void
extents_are_those_of_the_symbols(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(library, NULL);
	static const char *const names[] = { "fixture_api", "fixture_helper",
					     "fixture_pointer", "fixture_one" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct graft_symbol *s = find_symbol(image, names[i],
							   false);
		assert_non_null(s);
		const struct graft_extent *e = find_extent(image, s->addr);
		assert_non_null(e);
		assert_int_equal(e->size, s->size);
		assert_int_equal(e->lsda, 0);
		assert_int_equal(e->personality, 0);
	}
}

static void
a_landing_pad_has_personality_and_data(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(library, NULL);
	const struct graft_symbol *s = find_symbol(image, "fixture_unwind",
						   false);
	assert_non_null(s);
	const struct graft_extent *e = find_extent(image, s->addr);
	assert_non_null(e);
	const struct graft_section *lsda = graft_image_section_at(image,
								  e->lsda);
	assert_non_null(lsda);
	assert_string_equal(lsda->name, ".gcc_except_table");
	// Through a slot that the loader fills.
	assert_true(e->personality_indirect);
	const struct graft_reloc *r = graft_image_reloc_at(image,
							   e->personality);
	assert_non_null(r);
	assert_string_equal(r->symbol->name, "__gcc_personality_v0");
}

static void
stubs_lead_to_their_imports(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(library, NULL);
	size_t count;
	const struct graft_plt *p = graft_image_plts(image, &count);
	bool puts_found = false;
	for (size_t i = 0; i < count; i++) {
		const struct graft_section *section =
			graft_image_section_at(image, p[i].addr);
		assert_int_equal(strncmp(section->name, ".plt", 4), 0);
		puts_found = puts_found ||
			     (p[i].reloc->symbol &&
			      !strcmp(p[i].reloc->symbol->name, "puts"));
	}
	assert_true(puts_found);
}

static void
tables_of_pointers_have_relocations(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(library, NULL);
	const struct graft_symbol *table = find_symbol(image, "fixture_table",
						       false);
	const struct graft_symbol *helper = find_symbol(image, "fixture_helper",
							false);
	assert_true(table && helper);
	const struct graft_reloc *r = graft_image_reloc_at(image, table->addr);
	assert_non_null(r);
	assert_int_equal(r->type, R_X86_64_RELATIVE);
	assert_int_equal(r->addend, helper->addr);
	assert_null(graft_image_reloc_at(image, table->addr + 1));
	assert_true(graft_image_section_at(image, table->addr)->relro);
	const struct graft_symbol *count = find_symbol(image, "fixture_count",
						       false);
	assert_false(graft_image_section_at(image, count->addr)->relro);
}

static void
kept_relocations_lead_from_code_to_symbols(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(library, NULL);
	const struct graft_symbol *helper = find_symbol(image, "fixture_helper",
							false);
	size_t count;
	const struct graft_reloc *r = graft_image_static_relocs(image, &count);
	bool found = false;
	for (size_t i = 0; i < count; i++)
		found = found ||
			(r[i].addr >= helper->addr &&
			 r[i].addr < helper->addr + helper->size &&
			 r[i].symbol && !strcmp(r[i].symbol->name, "puts"));
	assert_true(found);

	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *none = must_open(stripped, NULL);
	(void)graft_image_static_relocs(none, &count);
	assert_int_equal(count, 0);
}

static void
zeroes_have_an_address_but_no_contents(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(library, NULL);
	const struct graft_symbol *s = find_symbol(image, "fixture_bss", false);
	assert_non_null(s);
	assert_string_equal(graft_image_section_at(image, s->addr)->name,
			    ".bss");
	assert_null(graft_image_bytes(image, s->addr, 1));
	assert_null(graft_image_section_named(image, ".nothing"));
}

static void
a_stripped_library_without_search_has_dynamic_symbols_only(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(stripped, NULL);
	assert_false(graft_image_has_symtab(image));
	assert_false(graft_image_has_dwarf(image));
	assert_null(find_symbol(image, "fixture_helper", false));
	assert_non_null(find_symbol(image, "fixture_api", true));
}

/** Assert that a stripped library got the symbols of its debug file. */
static void
check_merged(const struct graft_image *image, const char *debug_path)
{
	assert_true(graft_image_has_symtab(image));
	assert_true(graft_image_has_dwarf(image));
	assert_string_equal(image->debug_path, debug_path);
	const struct graft_symbol *s = find_symbol(image, "fixture_helper",
						   false);
	assert_non_null(s);
	assert_string_equal(s->file, "lib.c");
	const struct graft_extent *e = find_extent(image, s->addr);
	assert_non_null(e);
	assert_int_equal(e->size, s->size);
	promises_check(image);
}

static void
a_debug_file_is_found_by_its_link(void **state)
{
	(void)state;
	static const struct graft_debug_search search = { .dirs = NULL };
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(stripped, &search);
	GRAFT_FREE char *real = realpath(debug_file, NULL);
	check_merged(image, real);
}

/** A directory of debug files, and the path in it for a build-id. */
struct tree {
	char dir[64];
	char sub[256];
	char path[512];
	/** A copy of the stripped library, away from its debug file. */
	char lone[128];
};

static void
copy_file(const char *from, const char *to, size_t flip)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;
	assert_null(graft_file_read(from, UINT64_MAX >> 1, &bytes, &len));
	if (flip)
		bytes[len - flip] ^= 0xff;
	assert_null(graft_file_write(to, bytes, len, 0644));
}

static void
tree_make(struct tree *tree)
{
	(void)strcpy(tree->dir, "/tmp/graft-test.XXXXXX");
	assert_non_null(mkdtemp(tree->dir));
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(stripped, NULL);
	size_t len;
	const uint8_t *id = graft_image_build_id(image, &len);
	(void)snprintf(tree->sub, sizeof(tree->sub), "%s/.build-id/%02x",
		       tree->dir, id[0]);
	assert_null(graft_dir_make(tree->sub, 0755));
	int at = snprintf(tree->path, sizeof(tree->path), "%s/", tree->sub);
	for (size_t i = 1; i < len; i++)
		at += snprintf(tree->path + at, sizeof(tree->path) - (size_t)at,
			       "%02x", id[i]);
	(void)snprintf(tree->path + at, sizeof(tree->path) - (size_t)at,
		       ".debug");
	(void)snprintf(tree->lone, sizeof(tree->lone), "%s/lone.so", tree->dir);
	copy_file(stripped, tree->lone, 0);
}

static void
tree_remove(const struct tree *tree)
{
	char parent[128];
	(void)snprintf(parent, sizeof(parent), "%s/.build-id", tree->dir);
	(void)unlink(tree->path);
	(void)unlink(tree->lone);
	(void)rmdir(tree->sub);
	(void)rmdir(parent);
	assert_int_equal(rmdir(tree->dir), 0);
}

static void
a_debug_file_is_found_by_build_id(void **state)
{
	(void)state;
	struct tree tree;
	tree_make(&tree);
	copy_file(debug_file, tree.path, 0);
	const char *const dirs[] = { "/nonexistent", tree.dir, NULL };
	const struct graft_debug_search search = { .dirs = dirs };
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(tree.lone, &search);
	check_merged(image, tree.path);
	tree_remove(&tree);
}

static void
a_debug_file_of_another_build_is_not_used(void **state)
{
	(void)state;
	struct tree tree;
	tree_make(&tree);
	// Named by the build-id of the library, but of the program.
	copy_file(program, tree.path, 0);
	const char *const dirs[] = { tree.dir, NULL };
	const struct graft_debug_search search = { .dirs = dirs };
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = must_open(tree.lone, &search);
	assert_null(image->debug_path);
	assert_false(graft_image_has_symtab(image));
	tree_remove(&tree);
}

static void
a_linked_debug_file_with_a_wrong_checksum_is_not_used(void **state)
{
	(void)state;
	struct tree tree;
	tree_make(&tree);
	char link[128];
	const char *base = strrchr(debug_file, '/');
	(void)snprintf(link, sizeof(link), "%s/%s", tree.dir,
		       base ? base + 1 : debug_file);
	static const struct graft_debug_search search = { .dirs = NULL };

	copy_file(debug_file, link, 0);
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *right = must_open(tree.lone, &search);
	assert_string_equal(right->debug_path, link);

	// The last byte but seven is in the section table's padding fields.
	copy_file(debug_file, link, 8);
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *wrong = must_open(tree.lone, &search);
	assert_null(wrong->debug_path);
	assert_int_equal(unlink(link), 0);
	tree_remove(&tree);
}

int
main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	library = argv[1];
	stripped = argv[2];
	debug_file = argv[3];
	program = argv[4];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compiled_files_keep_the_promises),
		cmocka_unit_test(a_library_says_who_it_is),
		cmocka_unit_test(a_program_has_no_soname_but_an_entry_in_text),
		cmocka_unit_test(dynamic_symbols_carry_versions),
		cmocka_unit_test(local_symbols_know_their_file),
		cmocka_unit_test(
			each_byte_of_a_function_is_covered_by_its_symbol),
		cmocka_unit_test(
			each_byte_of_an_object_and_no_code_is_covered_by_the_object),
		cmocka_unit_test(extents_are_those_of_the_symbols),
		cmocka_unit_test(a_landing_pad_has_personality_and_data),
		cmocka_unit_test(stubs_lead_to_their_imports),
		cmocka_unit_test(tables_of_pointers_have_relocations),
		cmocka_unit_test(kept_relocations_lead_from_code_to_symbols),
		cmocka_unit_test(zeroes_have_an_address_but_no_contents),
		cmocka_unit_test(
			a_stripped_library_without_search_has_dynamic_symbols_only),
		cmocka_unit_test(a_debug_file_is_found_by_its_link),
		cmocka_unit_test(a_debug_file_is_found_by_build_id),
		cmocka_unit_test(a_debug_file_of_another_build_is_not_used),
		cmocka_unit_test(
			a_linked_debug_file_with_a_wrong_checksum_is_not_used),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

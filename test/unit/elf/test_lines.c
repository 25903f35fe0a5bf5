// SPDX-License-Identifier: Apache-2.0

#include "built.h"

#include "elf/lines.h"
#include "elf/model.h"

static const char source[] = "int global;\n"
			     "\n"
			     "int first(int a)\n"
			     "{\n"
			     "	return a + global;\n"
			     "}\n"
			     "int second(int a) { return a * 3; }\n";

static const char *const compilers[] = {
	"gcc -gdwarf-4 -O2",       "gcc -gdwarf-5 -O0",
	"gcc -gdwarf-5 -O2 -gz",   "clang -gdwarf-4 -O0",
	"clang -gdwarf-5 -O2",     "gcc -gdwarf-5 -O2 -flto",
	"gcc -gdwarf-3 -O1 -fPIC",
};

static void
check_lines(const struct graft_image *image)
{
	GRAFT_CLEANUP(graft_dwarf_closep) struct graft_dwarf *dwarf = NULL;
	struct graft_line line = { 0 };

	must(graft_dwarf_open(image, &dwarf));
	assert_true(graft_dwarf_line_at(dwarf, addr_of(image, "first"), &line));
	assert_in_range(line.line, 3, 5);
	assert_non_null(strstr(line.file, "source.c"));
	assert_int_equal(line.addr, addr_of(image, "first"));
	assert_true(line.end > line.addr);
	assert_true(
		graft_dwarf_line_at(dwarf, addr_of(image, "second"), &line));
	assert_int_equal(line.line, 7);
	assert_false(graft_dwarf_line_at(dwarf, 1, &line));
	assert_false(graft_dwarf_line_at(dwarf, UINT64_MAX, &line));
}

static void
each_address_has_the_line_that_it_came_from(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(compilers) / sizeof(*compilers); i++) {
		struct built built = built_make();
		char line[256];
		built_write(&built, "source.c", source);
		snprintf(line, sizeof(line), "%s -fPIC -shared -o lib source.c",
			 compilers[i]);
		built_run(&built, line);
		GRAFT_CLEANUP(graft_image_closep)
		struct graft_image *image = built_open(&built, "lib", NULL);
		built_remove(&built);
		check_lines(image);
	}
}

static void
a_separate_debug_file_is_read(void **state)
{
	struct built built = built_make();

	(void)state;
	built_write(&built, "source.c", source);
	built_run(&built, "gcc -g -O2 -fPIC -shared -Wl,--build-id -o lib "
			  "source.c && objcopy --only-keep-debug lib lib.debug "
			  "&& strip --strip-all lib "
			  "&& objcopy --add-gnu-debuglink=lib.debug lib");
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = built_open(&built, "lib", NULL);
	assert_non_null(image->debug_path);
	check_lines(image);
	built_remove(&built);
}

static void
debug_information_of_another_build_is_not_read(void **state)
{
	struct built built = built_make();
	struct graft_dwarf *dwarf = NULL;

	(void)state;
	built_write(&built, "source.c", source);
	built_write(&built, "other.c", "int other(void) { return 1; }\n");
	built_run(&built, "gcc -g -O2 -fPIC -shared -Wl,--build-id -o lib "
			  "source.c && gcc -g -O2 -fPIC -shared "
			  "-Wl,--build-id -o other other.c && objcopy "
			  "--only-keep-debug other lib.debug && strip "
			  "--strip-all lib && objcopy "
			  "--add-gnu-debuglink=lib.debug lib");
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = built_open(&built, "lib", NULL);
	assert_null(image->debug_path);
	assert_false(graft_image_has_dwarf(image));
	assert_int_equal(code_of(graft_dwarf_open(image, &dwarf)),
			 GRAFT_ERROR_NOT_FOUND);
	assert_null(dwarf);
	built_remove(&built);
}

static void
units_are_named_with_their_compiler(void **state)
{
	struct built built = built_make();
	size_t count;

	(void)state;
	built_write(&built, "source.c", source);
	built_write(&built, "code.S",
		    ".text\n.globl asmf\nasmf: ret\n.size asmf,.-asmf\n"
		    ".section .note.GNU-stack\n");
	built_run(&built, "gcc -g -O2 -fPIC -shared -o lib source.c code.S");
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = built_open(&built, "lib", NULL);
	GRAFT_CLEANUP(graft_dwarf_closep) struct graft_dwarf *dwarf = NULL;
	must(graft_dwarf_open(image, &dwarf));
	const struct graft_unit *units = graft_dwarf_units(dwarf, &count);
	assert_int_equal(count, 2);
	uint32_t c = graft_dwarf_unit_at(dwarf, addr_of(image, "second"));
	assert_string_equal(units[c].name, "source.c");
	assert_string_equal(units[c].dir, built.dir);
	assert_non_null(strstr(units[c].producer, "GNU C"));
	assert_false(units[c].assembly);
	uint32_t s = graft_dwarf_unit_at(dwarf, addr_of(image, "asmf"));
	assert_string_equal(units[s].name, "code.S");
	assert_true(units[s].assembly);
	built_remove(&built);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_has_the_line_that_it_came_from),
		cmocka_unit_test(a_separate_debug_file_is_read),
		cmocka_unit_test(
			debug_information_of_another_build_is_not_read),
		cmocka_unit_test(units_are_named_with_their_compiler),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

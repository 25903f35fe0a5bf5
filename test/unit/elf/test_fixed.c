// SPDX-License-Identifier: Apache-2.0

// Programs at a fixed address whose relocations were kept.

#include "built.h"
#include "promises.h"

/** Data in a section whose name begins as that of the linker's own slots. */
static const char source[] =
	"int number;\n"
	"__attribute__((section(\".gotten\"))) int *both[2] = { &number, &number };\n"
	"int first(void) { return *both[0] + *both[1]; }\n";

static size_t
count_at(const struct graft_image *image, uint64_t addr)
{
	size_t count;
	size_t found = 0;
	const struct graft_reloc *relocs = graft_image_relocs(image, &count);

	for (size_t i = 0; i < count; i++)
		found += relocs[i].addr == addr;
	return found;
}

static void
test_a_slot_with_a_relocation_of_its_own_is_one_pointer(void **state)
{
	struct built built = built_make();

	(void)state;
	built_write(&built, "a.c", source);
	built_run(
		&built,
		"gcc -O2 -fno-pic -no-pie -nostdlib -static -Wl,--emit-relocs "
		"-Wl,-e,first -o a a.c");
	struct graft_image *image = built_open(&built, "a", NULL);
	assert_true(graft_image_is_fixed(image));
	assert_null(graft_image_fixed_fault(image));
	assert_int_equal(count_at(image, addr_of(image, "both")), 1);
	assert_int_equal(count_at(image, addr_of(image, "both") + 8), 1);
	promises_check(image);
	graft_image_close(image);
	built_remove(&built);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_slot_with_a_relocation_of_its_own_is_one_pointer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

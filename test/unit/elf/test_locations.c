// SPDX-License-Identifier: Apache-2.0

#include "built.h"

#include "elf/locations.h"
#include "elf/subjects.h"
#include "elf/types.h"

static const char source[] =
	"struct thing { long a, b; struct thing *next; };\n"
	"long use(void *p);\n"
	"static inline __attribute__((always_inline)) long inner(struct thing *in)\n"
	"{ return in->b + use(in); }\n"
	"long outer(char *bytes, struct thing *given, short number)\n"
	"{ struct thing *walk = given; long sum = number;\n"
	"  while (walk) { sum += inner(walk) + use(bytes); walk = walk->next; }\n"
	"  return sum; }\n";

/** The places of `outer` as a compiler leaves them. */
struct found {
	struct graft_image *image;
	struct graft_dwarf *dwarf;
	uint64_t entry;
	struct graft_locations locations;
};

static struct found
find(const char *compiler)
{
	struct built built = built_make();
	struct found found = { 0 };
	char line[256];

	built_write(&built, "some.c", source);
	snprintf(line, sizeof(line), "%s -fPIC -shared -o lib some.c",
		 compiler);
	built_run(&built, line);
	found.image = built_open(&built, "lib", NULL);
	built_remove(&built);
	must(graft_dwarf_open(found.image, &found.dwarf));
	must(graft_dwarf_scan(found.dwarf));
	for (uint32_t i = 0; i < graft_dwarf_subject_count(found.dwarf); i++) {
		const struct graft_subject *s = graft_dwarf_subject(found.dwarf,
								    i);
		if (strcmp(s->name, "outer") != 0)
			continue;
		found.entry = s->addr;
		must(graft_dwarf_locations(found.dwarf, i, &found.locations));
	}
	assert_true(found.entry != 0);
	return found;
}

static void
forget(struct found *found)
{
	graft_locations_deinit(&found->locations);
	graft_dwarf_close(found->dwarf);
	graft_image_close(found->image);
}

/** Say whether a place holds a pointer to a type of that name. */
static bool
leads_to(const struct found *found, const struct graft_location *at,
	 const char *name)
{
	const struct graft_type *type;
	uint32_t number;

	must(graft_dwarf_type_peel(found->dwarf, at->type, &number, &type));
	if (type->kind != GRAFT_TYPE_IS_POINTER)
		return false;
	must(graft_dwarf_type_peel(found->dwarf, type->target, &number, &type));
	return strcmp(type->name, name) == 0;
}

static void
parameters_are_in_their_registers_at_the_entry(void **state)
{
	static const char *const compilers[] = {
		"gcc -gdwarf-4 -O2",
		"gcc -gdwarf-5 -O2",
		"clang -gdwarf-4 -O2",
		"clang -gdwarf-5 -O2",
	};
	enum { RSI = 6, RDI = 7 };

	(void)state;
	for (size_t c = 0; c < sizeof(compilers) / sizeof(*compilers); c++) {
		struct found found = find(compilers[c]);
		bool bytes = false;
		bool given = false;
		for (size_t i = 0; i < found.locations.count; i++) {
			const struct graft_location *at =
				&found.locations.list[i];
			if (at->in_frame || at->addr > found.entry ||
			    at->end <= found.entry)
				continue;
			bytes |= at->reg == RDI && leads_to(&found, at, "char");
			given |= at->reg == RSI &&
				 leads_to(&found, at, "thing");
			assert_false(at->reg == RDI &&
				     leads_to(&found, at, "thing"));
		}
		assert_true(bytes);
		assert_true(given);
		forget(&found);
	}
}

static void
what_was_inlined_has_places_too(void **state)
{
	struct found found = find("gcc -gdwarf-5 -O2");
	size_t things = 0;

	(void)state;
	for (size_t i = 0; i < found.locations.count; i++)
		things += found.locations.list[i].addr > found.entry &&
			  leads_to(&found, &found.locations.list[i], "thing");
	// The loop's variable, and that of what was inlined.
	assert_true(things >= 2);
	forget(&found);
}

static void
without_optimisation_they_are_in_the_frame(void **state)
{
	static const char *const compilers[] = { "gcc -gdwarf-5 -O0",
						 "clang -gdwarf-5 -O0" };

	(void)state;
	for (size_t c = 0; c < sizeof(compilers) / sizeof(*compilers); c++) {
		struct found found = find(compilers[c]);
		size_t things = 0;
		for (size_t i = 0; i < found.locations.count; i++) {
			const struct graft_location *at =
				&found.locations.list[i];
			assert_true(at->in_frame);
			// Below the saved frame pointer.
			assert_true(at->off < -8 && at->off > -200);
			things += leads_to(&found, at, "thing");
		}
		assert_true(things >= 2);
		forget(&found);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			parameters_are_in_their_registers_at_the_entry),
		cmocka_unit_test(what_was_inlined_has_places_too),
		cmocka_unit_test(without_optimisation_they_are_in_the_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

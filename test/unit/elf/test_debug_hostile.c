// SPDX-License-Identifier: Apache-2.0

#include "built.h"

#include "elf/lines.h"
#include "elf/locations.h"
#include "elf/subjects.h"
#include "elf/types.h"

#include <time.h>

enum {
	/** Mutants of each build. */
	MUTANTS = 3000,
};

static const char source[] =
	"enum color { RED, GREEN = 5, BLUE = -1 };\n"
	"typedef struct { int x; } point;\n"
	"struct s { char c; enum color e; unsigned l : 3, h : 5; point at[4][2];\n"
	" union { long l2; double d; }; struct opaque *o; int (*f)(struct s *, ...);\n"
	" const struct s *volatile next; };\n"
	"struct s global; static int hidden[7]; __thread long local;\n"
	"static inline int in(int a) { int b = a * 3; { int c = b; return c + 1; } }\n"
	"int first(struct s *p, short n) { static int counter = 3; struct s *w = p;\n"
	" while (w->next) w = (struct s *)w->next;\n"
	" return counter++ + in(n) + hidden[n & 3]++ + w->c + (int)local; }\n"
	"long second(void) { static int counter = 4; return counter++ + in(4); }\n";

/** A number that the next one is made from (xorshift). */
static uint64_t
draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/** Ask for everything; errors are fine, and freed. */
static void
ask(struct graft_dwarf *dwarf, const struct graft_image *image)
{
	struct graft_error *err = graft_dwarf_scan(dwarf);
	struct graft_line line;
	const struct graft_section *text = graft_image_section_named(image,
								     ".text");

	for (uint64_t at = 0; text && at < text->size; at += 7)
		(void)graft_dwarf_line_at(dwarf, text->addr + at, &line);
	uint32_t count = err ? 0 : graft_dwarf_subject_count(dwarf);
	for (uint32_t i = 0; !err && i < count; i++) {
		GRAFT_CLEANUP(graft_locals_deinit)
		struct graft_locals locals = { 0 };
		GRAFT_CLEANUP(graft_locations_deinit)
		struct graft_locations locations = { 0 };
		uint32_t type;
		err = graft_dwarf_subject_type(dwarf, i, &type);
		if (!err && graft_dwarf_subject(dwarf, i)->is_function)
			err = graft_dwarf_locals(dwarf, i, &locals);
		if (!err && graft_dwarf_subject(dwarf, i)->is_function)
			err = graft_dwarf_locations(dwarf, i, &locations);
	}
	// Types that are read ask for others: so many as there are in the end.
	for (uint32_t type = 1; !err && type < 4096; type++) {
		const struct graft_type *ret;
		char place[64];
		uint32_t number;
		size_t named;
		const struct graft_named_type *list;
		err = graft_dwarf_types_named(dwarf, "s", &list, &named);
		if (err || type > named)
			break;
		err = graft_dwarf_type_of(dwarf, &list[type - 1], &number);
		if (!err)
			err = graft_dwarf_type_peel(dwarf, number, &number,
						    &ret);
		for (size_t k = 0; !err && k < ret->member_count; k++) {
			const struct graft_type *member;
			uint32_t other;
			graft_dwarf_type_place(dwarf, number, (uint32_t)k,
					       place, sizeof(place));
			err = graft_dwarf_type_peel(dwarf, ret->members[k].type,
						    &other, &member);
		}
	}
	graft_error_free(err);
}

/** A stretch of the file that holds debug information. */
struct stretch {
	size_t at;
	size_t len;
};

/** Find the sections of debug information by the section table. */
static size_t
find_sections(const uint8_t *bytes, size_t len, struct stretch *ret, size_t max)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)bytes;
	const Elf64_Shdr *sections =
		(const Elf64_Shdr *)(bytes + header->e_shoff);
	const char *names = (const char *)bytes +
			    sections[header->e_shstrndx].sh_offset;
	size_t count = 0;

	for (size_t i = 0; i < header->e_shnum && count < max; i++) {
		if (strncmp(names + sections[i].sh_name, ".debug_", 7) == 0 &&
		    sections[i].sh_offset + sections[i].sh_size <= len &&
		    sections[i].sh_size > 0)
			ret[count++] = (struct stretch){ sections[i].sh_offset,
							 sections[i].sh_size };
	}
	return count;
}

/** Change some bytes, in a way that parsers are known to mind. */
static void
mutate(uint8_t *bytes, const struct stretch *stretches, size_t count,
       uint64_t *state)
{
	static const uint8_t nasty[] = { 0, 1, 0x7f, 0x80, 0xff, 0x10, 0x34 };
	uint64_t changes = 1 + draw(state) % 6;

	while (changes-- > 0) {
		const struct stretch *in = &stretches[draw(state) % count];
		uint8_t *at = bytes + in->at + draw(state) % in->len;
		switch (draw(state) % 3) {
		case 0:
			*at ^= (uint8_t)(1 << draw(state) % 8);
			break;
		case 1:
			*at = nasty[draw(state) % sizeof(nasty)];
			break;
		default:
			*at = (uint8_t)draw(state);
			break;
		}
	}
}

static void
try_bytes(const uint8_t *bytes, size_t len)
{
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *image = NULL;
	GRAFT_CLEANUP(graft_dwarf_closep) struct graft_dwarf *dwarf = NULL;
	struct graft_error *err = graft_image_open_bytes("mutant", bytes, len,
							 NULL, &image);

	if (!err)
		err = graft_dwarf_open(image, &dwarf);
	if (!err)
		ask(dwarf, image);
	graft_error_free(err);
}

static void
hostile_debug_information_is_a_bounded_error(void **state)
{
	static const char *const compilers[] = { "gcc -gdwarf-4 -O2",
						 "gcc -gdwarf-5 -O1",
						 "clang -gdwarf-5 -O2",
						 "clang -gdwarf-4 -O0" };
	struct timespec start;
	struct timespec end;

	(void)state;
	for (size_t i = 0; i < sizeof(compilers) / sizeof(*compilers); i++) {
		struct built built = built_make();
		struct stretch stretches[16];
		char line[256];
		GRAFT_FREE uint8_t *bytes = NULL;
		size_t len;
		uint64_t seed = 0x9e3779b97f4a7c15 + i;
		built_write(&built, "source.c", source);
		snprintf(line, sizeof(line), "%s -fPIC -shared -o lib source.c",
			 compilers[i]);
		built_run(&built, line);
		snprintf(line, sizeof(line), "%s/lib", built.dir);
		must(graft_file_read(line, 1 << 20, &bytes, &len));
		built_remove(&built);
		size_t count = find_sections(bytes, len, stretches, 16);
		assert_true(count >= 4);
		GRAFT_FREE uint8_t *copy = malloc(len);
		assert_non_null(copy);
		clock_gettime(CLOCK_MONOTONIC, &start);
		for (int mutant = 0; mutant < MUTANTS; mutant++) {
			memcpy(copy, bytes, len);
			mutate(copy, stretches, count, &seed);
			try_bytes(copy, len);
		}
		clock_gettime(CLOCK_MONOTONIC, &end);
		assert_in_range(end.tv_sec - start.tv_sec, 0, 60);
	}
}

static void
truncated_sections_are_a_bounded_error(void **state)
{
	struct built built = built_make();
	GRAFT_FREE uint8_t *bytes = NULL;
	char path[64];
	size_t len;

	(void)state;
	built_write(&built, "source.c", source);
	built_run(&built, "gcc -g -O2 -fPIC -shared -o lib source.c");
	snprintf(path, sizeof(path), "%s/lib", built.dir);
	must(graft_file_read(path, 1 << 20, &bytes, &len));
	built_remove(&built);
	Elf64_Shdr *sections =
		(Elf64_Shdr *)(bytes + ((Elf64_Ehdr *)bytes)->e_shoff);
	struct stretch stretches[16];
	size_t count = find_sections(bytes, len, stretches, 16);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < ((Elf64_Ehdr *)bytes)->e_shnum; k++) {
			if (sections[k].sh_offset != stretches[i].at ||
			    sections[k].sh_type != SHT_PROGBITS)
				continue;
			for (uint64_t size = 0; size < stretches[i].len;
			     size += 1 + size / 8) {
				sections[k].sh_size = size;
				try_bytes(bytes, len);
			}
			sections[k].sh_size = stretches[i].len;
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_debug_information_is_a_bounded_error),
		cmocka_unit_test(truncated_sections_are_a_bounded_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Fuzz the reader of debug information.
 *
 * The input is an ELF file as a compiler makes it (`gcc -g -shared`), mutated.
 * Everything that can be asked is asked; whatever is wrong must be an error.
 */

#include "elf/lines.h"
#include "elf/locations.h"
#include "elf/subjects.h"
#include "elf/types.h"
#include "fuzz.h"

enum {
	/** Subjects, types in a unit and members that are asked for. */
	ASK_MAX = 2000,
};

/** Ask for what a type is, and where it was declared. */
static struct graft_error *
ask_type(struct graft_dwarf *dwarf, uint32_t number)
{
	const struct graft_type *type;
	const struct graft_type *other;
	uint32_t peeled;
	char place[64];
	struct graft_error *err = graft_dwarf_type_peel(dwarf, number, &peeled,
							&type);

	if (!err)
		graft_dwarf_type_place(dwarf, peeled, GRAFT_DWARF_NONE, place,
				       sizeof(place));
	for (uint32_t i = 0; !err && i < type->member_count && i < ASK_MAX; i++)
		err = graft_dwarf_type_peel(dwarf, type->members[i].type,
					    &number, &other);
	return err;
}

static struct graft_error *
ask_subject(struct graft_dwarf *dwarf, uint32_t subject)
{
	const struct graft_subject *s = graft_dwarf_subject(dwarf, subject);
	GRAFT_CLEANUP(graft_locals_deinit) struct graft_locals locals = { 0 };
	GRAFT_CLEANUP(graft_locations_deinit)
	struct graft_locations locations = { 0 };
	struct graft_line line;
	uint32_t type;
	struct graft_error *err = graft_dwarf_subject_type(dwarf, subject,
							   &type);

	if (!err)
		err = ask_type(dwarf, type);
	if (!err && s->is_function)
		err = graft_dwarf_locals(dwarf, subject, &locals);
	for (size_t i = 0; !err && i < locals.count && i < ASK_MAX; i++)
		err = ask_type(dwarf, locals.list[i].type);
	if (!err && s->is_function)
		err = graft_dwarf_locations(dwarf, subject, &locations);
	for (size_t i = 0; !err && i < locations.count && i < ASK_MAX; i++)
		err = ask_type(dwarf, locations.list[i].type);
	(void)graft_dwarf_line_at(dwarf, s->addr, &line);
	(void)graft_dwarf_variable_before(dwarf, s->addr);
	(void)graft_dwarf_function_at(dwarf, s->addr);
	return err;
}

static struct graft_error *
ask_all(struct graft_dwarf *dwarf)
{
	size_t units;
	struct graft_error *err = graft_dwarf_scan(dwarf);

	if (err)
		return err;
	(void)graft_dwarf_units(dwarf, &units);
	uint32_t count = graft_dwarf_subject_count(dwarf);
	for (uint32_t i = 0; !err && i < count && i < ASK_MAX; i++)
		err = ask_subject(dwarf, i);
	for (uint32_t unit = 0; !err && unit < units && unit < 16; unit++) {
		size_t named;
		const struct graft_named_type *list =
			graft_dwarf_types_in(dwarf, unit, &named);
		for (size_t i = 0; !err && i < named && i < ASK_MAX; i++) {
			uint32_t type;
			err = graft_dwarf_type_of(dwarf, &list[i], &type);
			if (!err)
				err = ask_type(dwarf, type);
		}
	}
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *image = NULL;
	GRAFT_CLEANUP(graft_dwarf_closep) struct graft_dwarf *dwarf = NULL;
	struct graft_error *err = graft_image_open_bytes("input", data, size,
							 NULL, &image);

	if (!err)
		err = graft_dwarf_open(image, &dwarf);
	if (!err)
		err = ask_all(dwarf);
	if (err)
		refused(err);
	return 0;
}

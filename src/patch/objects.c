// SPDX-License-Identifier: Apache-2.0

#include "patch/objects.h"

#include "base/hex.h"
#include "patch/limits.h"

#include <inttypes.h>
#include <stdio.h>

void
graft_objects_put(struct graft_text *out, const struct graft_patch_module *m)
{
	char identity[2 * GRAFT_PATCH_IDENTITY_SIZE + 1];

	for (size_t i = 0; i < m->object_count; i++) {
		const struct graft_object *object = &m->objects[i];
		graft_hex_encode(object->identity, sizeof(object->identity),
				 identity);
		graft_text_printf(out,
				  "%s{\"addr\":%" PRIu64 ",\"size\":%" PRIu64
				  ",\"identity\":\"%s\",\"refs\":[",
				  i ? "," : ",\"objects\":[", object->new_addr,
				  object->size, identity);
		for (size_t k = 0; k < object->ref_count; k++)
			graft_text_printf(out, "%s%" PRIu64, k ? "," : "",
					  object->refs[k]);
		graft_text_put(out, "]}");
	}
	if (m->object_count)
		graft_text_put(out, "]");
}

static void
take_object(struct graft_json *o, struct graft_object *object)
{
	object->new_addr = graft_json_take_number(o, "addr",
						  GRAFT_PATCH_ADDR_END);
	object->size = graft_json_take_number(o, "size", GRAFT_PATCH_ELF_MAX);
	if (graft_json_take_hex(o, "identity", sizeof(object->identity),
				object->identity) != sizeof(object->identity))
		graft_json_bad(o, "identity", "not an identity");
	const cJSON *array = graft_json_take_array(
		o, "refs", GRAFT_PATCH_RECORDS_MAX, sizeof(*object->refs),
		&object->refs, &object->ref_count);
	const cJSON *element = array ? array->child : NULL;
	for (size_t i = 0; element; i++, element = element->next) {
		double number = cJSON_IsNumber(element) ? element->valuedouble
							: -1;
		if (!(number >= 0 && number < (double)GRAFT_PATCH_ADDR_END))
			graft_json_bad(o, "refs", "not an address");
		else
			object->refs[i] = (uint64_t)number;
	}
}

void
graft_objects_take(struct graft_json *o, struct graft_patch_module *m)
{
	if (!graft_json_has(o, "objects"))
		return;
	const cJSON *array = graft_json_take_array(
		o, "objects", GRAFT_PATCH_RECORDS_MAX, sizeof(*m->objects),
		&m->objects, &m->object_count);
	const cJSON *element = array ? array->child : NULL;

	for (size_t i = 0; element && !o->err; i++, element = element->next) {
		char what[32];
		(void)snprintf(what, sizeof(what), "object %zu", i);
		struct graft_json inner = graft_json_enter(o, element, what);
		if (o->err)
			return;
		take_object(&inner, &m->objects[i]);
		graft_json_leave(o, &inner, what);
	}
}

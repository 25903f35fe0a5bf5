// SPDX-License-Identifier: Apache-2.0

#include "release/policy.h"

#include "base/cleanup.h"
#include "base/utf8.h"
#include "trust/json.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/** Devices of one file. */
	DEVICES_MAX = 1000000,
	/** Members of one device: more than any that means well has. */
	MEMBERS_MAX = 64,
	/** Of numbers that a double holds exactly. */
	EXACT_BITS = 53,
};

/** A device that is being read. */
struct device {
	const char *file;
	size_t number;
	struct graft_facts *facts;
};

GRAFT_PRINTF(2)
GRAFT_MUST_CHECK static struct graft_error *
wrong(const struct device *device, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s: device %zu: %s",
			       device->file, device->number, text);
}

GRAFT_MUST_CHECK static struct graft_error *
read_name(const struct device *device, const cJSON *json,
	  struct graft_fact *ret)
{
	size_t len = cJSON_IsString(json) ? strlen(json->valuestring) : 0;

	if (!cJSON_IsString(json) || len >= GRAFT_FACT_LEN ||
	    !graft_utf8_printable(json->valuestring, len))
		return wrong(device, "%s is no text of up to %d bytes",
			     json->string, GRAFT_FACT_LEN - 1);
	memcpy(ret->str, json->valuestring, len + 1);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_level(const struct device *device, const cJSON *json, graft_level *ret)
{
	// What is not known is null.
	if (cJSON_IsNull(json) ||
	    (cJSON_IsString(json) && graft_level_read(json->valuestring, ret)))
		return NULL;
	return wrong(device, "%s is no level such as \"2026-10\", nor null",
		     json->string);
}

GRAFT_MUST_CHECK static struct graft_error *
read_space(const struct device *device, const cJSON *json, uint64_t *ret)
{
	double most = (double)(1ULL << EXACT_BITS);

	if (!cJSON_IsNumber(json) || json->valuedouble < 0 ||
	    json->valuedouble > most ||
	    json->valuedouble != (double)(uint64_t)json->valuedouble)
		return wrong(device, "%s is no number of bytes", json->string);
	*ret = (uint64_t)json->valuedouble;
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_abilities(const struct device *device, const cJSON *json, uint32_t *ret)
{
	const cJSON *item;

	if (!cJSON_IsArray(json))
		return wrong(device, "%s is no array", json->string);
	cJSON_ArrayForEach(item, json)
	{
		// Those that we do not know do not help, and do not hurt.
		for (unsigned i = 0; i < GRAFT_ABILITY_COUNT; i++) {
			if (cJSON_IsString(item) &&
			    strcmp(item->valuestring, graft_ability_name(i)) ==
				    0)
				*ret |= 1U << i;
		}
		if (!cJSON_IsString(item))
			return wrong(device, "%s holds what is no text",
				     json->string);
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_member(const struct device *device, const cJSON *json)
{
	struct graft_facts *facts = device->facts;
	const char *name = json->string;

	if (strcmp(name, "name") == 0)
		return read_name(device, json, &facts->name);
	if (strcmp(name, "edition") == 0)
		return read_name(device, json, &facts->edition);
	if (strcmp(name, "architecture") == 0)
		return read_name(device, json, &facts->architecture);
	if (strcmp(name, "distribution") == 0)
		return read_name(device, json, &facts->distribution);
	if (strcmp(name, "baseline") == 0)
		return read_level(device, json, &facts->baseline);
	if (strcmp(name, "level") == 0)
		return read_level(device, json, &facts->level);
	if (strcmp(name, "abilities") == 0)
		return read_abilities(device, json, &facts->abilities);
	if (strcmp(name, "space") == 0)
		return read_space(device, json, &facts->space);
	if (strcmp(name, "agent") == 0)
		return cJSON_IsString(json) &&
				       graft_version_read(json->valuestring,
							  &facts->agent)
			       ? NULL
			       : wrong(device,
				       "agent is no version such as \"0.1\"");
	if (strcmp(name, "held") == 0) {
		facts->held = cJSON_IsTrue(json);
		return cJSON_IsBool(json)
			       ? NULL
			       : wrong(device,
				       "held is neither true nor false");
	}
	// Devices may say more than we ask.
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_device(const struct device *device, const cJSON *json)
{
	const cJSON *member;
	struct graft_error *err = NULL;

	if (!cJSON_IsObject(json))
		return wrong(device, "it is no object");
	if (cJSON_GetArraySize(json) > MEMBERS_MAX)
		return wrong(device, "more than %d members", MEMBERS_MAX);
	for (member = json->child; !err && member; member = member->next) {
		// Two that contradict each other would each be believed by somebody.
		for (const cJSON *other = member->next; other;
		     other = other->next) {
			if (strcmp(other->string, member->string) == 0)
				return wrong(device, "a member stands twice");
		}
		err = read_member(device, member);
	}
	if (!err && (!device->facts->edition.str[0] ||
		     !device->facts->architecture.str[0] ||
		     !device->facts->distribution.str[0]))
		err = wrong(
			device,
			"edition, architecture and distribution must be there");
	return err;
}

/** Say whether a string in JSON holds a NUL: what is read ends there, and other programs read on. */
static bool
has_nul(const char *text, size_t len)
{
	static const char nul[] = "\\u0000";

	for (size_t i = 0; i + strlen(nul) <= len; i++) {
		if (text[i] != '\\')
			continue;
		if (memcmp(text + i, nul, strlen(nul)) == 0)
			return true;
		// What it quotes, another one too.
		i++;
	}
	return false;
}

struct graft_error *
graft_facts_parse(const char *text, size_t len, const char *file,
		  struct graft_facts **ret, size_t *count_ret)
{
	const char *end = NULL;
	size_t count = 1;
	struct graft_error *err = NULL;

	if (has_nul(text, len))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s: a text holds a NUL", file);
	cJSON *root = cJSON_ParseWithLengthOpts(text, len + 1, &end, true);
	if (!root)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s: no JSON from byte %zu on", file,
				       end ? (size_t)(end - text) : 0);
	if (cJSON_IsArray(root))
		count = (size_t)cJSON_GetArraySize(root);
	struct graft_facts *facts = calloc(count + 1, sizeof(*facts));
	if (!facts)
		err = graft_error_no_memory();
	else if (count > DEVICES_MAX)
		err = graft_error_new(GRAFT_ERROR_LIMIT,
				      "%s: more than %d devices", file,
				      DEVICES_MAX);
	const cJSON *at = cJSON_IsArray(root) ? root->child : root;
	for (size_t i = 0; !err && i < count; i++, at = at->next) {
		struct device device = { file, i + 1, &facts[i] };
		err = read_device(&device, at);
	}
	cJSON_Delete(root);
	if (err) {
		free(facts);
		return err;
	}
	*ret = facts;
	*count_ret = count;
	return NULL;
}

/** Append a member that is a text. */
static void
put_name(struct graft_text *text, const char *key, const char *value)
{
	graft_text_printf(text, ",\"%s\":", key);
	graft_json_put_string(text, value, strlen(value));
}

/** Append a level: what is not known is null. */
static void
put_level(struct graft_text *text, const char *key, graft_level level)
{
	if (level)
		put_name(text, key, graft_level_write(level).str);
	else
		graft_text_printf(text, ",\"%s\":null", key);
}

void
graft_facts_put_json(const struct graft_facts *facts, struct graft_text *text)
{
	const char *comma = "";

	graft_text_put(text, "{\"abilities\":[");
	for (unsigned i = 0; i < GRAFT_ABILITY_COUNT; i++) {
		if (!(facts->abilities & (1U << i)))
			continue;
		graft_text_printf(text, "%s\"%s\"", comma,
				  graft_ability_name(i));
		comma = ",";
	}
	graft_text_put(text, "]");
	if (facts->name.str[0])
		put_name(text, "name", facts->name.str);
	put_name(text, "edition", facts->edition.str);
	put_name(text, "architecture", facts->architecture.str);
	put_name(text, "distribution", facts->distribution.str);
	put_level(text, "baseline", facts->baseline);
	put_level(text, "level", facts->level);
	graft_text_printf(
		text, ",\"agent\":\"%u.%u\",\"space\":%" PRIu64 ",\"held\":%s}",
		facts->agent >> 16, facts->agent & 0xffff, facts->space,
		facts->held ? "true" : "false");
}

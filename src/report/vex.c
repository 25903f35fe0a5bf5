// SPDX-License-Identifier: Apache-2.0

#include "report/vex.h"

#include "base/cleanup.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "report/quote.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <string.h>
#include <time.h>

static const char unseen_text[] =
	"processes could not be looked at: whether they run old code is not known";

/** Append a part of a package URL: what is no plain character as %XX. */
static void
put_url(struct graft_text *text, const char *str, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)str[i];
		if (isalnum(c) || strchr("-._~", c))
			graft_text_printf(text, "%c", c);
		else
			graft_text_printf(text, "%%%02X", c);
	}
}

/** Append the package URL of a binary package (purl-spec, type deb). */
static void
put_purl(struct graft_text *text, const char *vendor, const char *package,
	 const char *version)
{
	size_t len = strcspn(package, ":");
	const char *arch = package[len] ? package + len + 1 : NULL;

	graft_text_put(text, "pkg:deb/");
	put_url(text, vendor, strlen(vendor));
	graft_text_put(text, "/");
	put_url(text, package, len);
	graft_text_put(text, "@");
	put_url(text, version, strlen(version));
	if (arch) {
		graft_text_put(text, "?arch=");
		put_url(text, arch, strlen(arch));
	}
}

/** Write a time as RFC 3339 has it. */
static void
print_time(uint64_t now, char ret[32])
{
	time_t seconds = (time_t)now;
	struct tm tm;

	ret[0] = '\0';
	if (gmtime_r(&seconds, &tm))
		(void)strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/** Is a fix in the memory of all processes, as far as can be known? */
static bool
is_in_memory(const struct graft_report_fixes *fixes,
	     const struct graft_report_fix *fix)
{
	return fix->in_memory && !fixes->unseen;
}

static const char *
rest_of(const struct graft_report_fix *fix)
{
	return fix->in_memory ? unseen_text : fix->rest;
}

static bool
add_products(cJSON *statement, const char *vendor,
	     const struct graft_report_fix *fix)
{
	cJSON *list = cJSON_AddArrayToObject(statement, "products");
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < fix->package_count; i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
		cJSON *product = cJSON_CreateObject();
		put_purl(&text, vendor, fix->packages[i], fix->version);
		ok = cJSON_AddItemToArray(list, product) && !text.failed &&
		     cJSON_AddStringToObject(product, "@id",
					     graft_text_str(&text));
	}
	return ok;
}

static bool
add_statement(cJSON *list, const struct graft_report_fixes *fixes,
	      const struct graft_report_fix *fix, const char *cve)
{
	cJSON *statement = cJSON_CreateObject();
	cJSON *name = cJSON_CreateObject();
	bool fixed = is_in_memory(fixes, fix);

	bool ok = cJSON_AddItemToArray(list, statement);
	ok = cJSON_AddItemToObject(statement, "vulnerability", name) && ok;
	return ok && graft_report_add_string(name, "name", cve) &&
	       add_products(statement, fixes->vendor, fix) &&
	       cJSON_AddStringToObject(statement, "status",
				       fixed ? "fixed" : "affected") &&
	       (fixed || graft_report_add_string(statement, "action_statement",
						 rest_of(fix)));
}

/** Make what tells one document from another: a hash of all that it says. */
GRAFT_MUST_CHECK static struct graft_error *
add_id(cJSON *root, const char *prefix, const char *name)
{
	uint8_t hash[GRAFT_SHA256_LEN];
	char hex[2 * GRAFT_SHA256_LEN + 1];
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	char *all = cJSON_PrintUnformatted(root);
	struct graft_error *err = all ? graft_sha256(all, strlen(all), hash)
				      : graft_error_no_memory();

	cJSON_free(all);
	if (err)
		return err;
	graft_hex_encode(hash, sizeof(hash), hex);
	graft_text_printf(&text, "%s%s", prefix, hex);
	return text.failed || !cJSON_AddStringToObject(root, name,
						       graft_text_str(&text))
		       ? graft_error_no_memory()
		       : NULL;
}

/** Is anything said at all? */
static bool
is_empty(const struct graft_report_fixes *fixes)
{
	for (size_t i = 0; i < fixes->count; i++) {
		if (fixes->fixes[i].cve_count)
			return false;
	}
	return true;
}

struct graft_error *
graft_report_print_openvex(const struct graft_report_fixes *fixes,
			   struct graft_text *text)
{
	char when[32];

	if (is_empty(fixes))
		return graft_error_new(
			GRAFT_ERROR_NOT_FOUND,
			"no upgrade that dpkg's log knows has fixed a "
			"vulnerability, and an OpenVEX document has "
			"one at least; --format cyclonedx-vex may "
			"have none");
	cJSON *root = cJSON_CreateObject();
	print_time(fixes->now, when);
	bool ok = root &&
		  cJSON_AddStringToObject(root, "@context",
					  "https://openvex.dev/ns/v0.2.0") &&
		  graft_report_add_string(root, "author", fixes->host) &&
		  cJSON_AddStringToObject(root, "timestamp", when) &&
		  cJSON_AddNumberToObject(root, "version", 1) &&
		  cJSON_AddStringToObject(root, "tooling",
					  "graft " GRAFT_VERSION);
	cJSON *list = ok ? cJSON_AddArrayToObject(root, "statements") : NULL;
	ok = list != NULL;
	for (size_t i = 0; ok && i < fixes->count; i++) {
		const struct graft_report_fix *fix = &fixes->fixes[i];
		for (size_t k = 0; ok && k < fix->cve_count; k++)
			ok = add_statement(list, fixes, fix, fix->cves[k]);
	}
	struct graft_error *err = ok ? add_id(root, "urn:graft:vex:", "@id")
				     : NULL;
	if (err) {
		cJSON_Delete(root);
		return err;
	}
	return graft_report_take_json(root, ok, text);
}

static bool
add_affects(cJSON *item, const char *vendor, const struct graft_report_fix *fix)
{
	cJSON *list = cJSON_AddArrayToObject(item, "affects");
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < fix->package_count; i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
		cJSON *one = cJSON_CreateObject();
		put_purl(&text, vendor, fix->packages[i], fix->version);
		ok = cJSON_AddItemToArray(list, one) && !text.failed &&
		     cJSON_AddStringToObject(one, "ref", graft_text_str(&text));
	}
	return ok;
}

/** Add the packages that vulnerabilities refer to. */
static bool
add_components(cJSON *list, const char *vendor,
	       const struct graft_report_fix *fix)
{
	bool ok = true;

	for (size_t i = 0; ok && i < fix->package_count; i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text purl = { 0 };
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text name = { 0 };
		cJSON *one = cJSON_CreateObject();
		put_purl(&purl, vendor, fix->packages[i], fix->version);
		graft_text_put_bytes(&name, fix->packages[i],
				     strcspn(fix->packages[i], ":"));
		ok = cJSON_AddItemToArray(list, one) && !purl.failed &&
		     !name.failed &&
		     cJSON_AddStringToObject(one, "type", "library") &&
		     cJSON_AddStringToObject(one, "bom-ref",
					     graft_text_str(&purl)) &&
		     graft_report_add_string(one, "name",
					     graft_text_str(&name)) &&
		     graft_report_add_string(one, "version", fix->version) &&
		     cJSON_AddStringToObject(one, "purl",
					     graft_text_str(&purl));
	}
	return ok;
}

static bool
add_vulnerability(cJSON *list, const struct graft_report_fixes *fixes,
		  const struct graft_report_fix *fix, const char *cve)
{
	cJSON *item = cJSON_CreateObject();
	bool fixed = is_in_memory(fixes, fix);
	bool ok = cJSON_AddItemToArray(list, item) &&
		  graft_report_add_string(item, "id", cve);
	cJSON *analysis = ok ? cJSON_AddObjectToObject(item, "analysis") : NULL;

	ok = analysis &&
	     cJSON_AddStringToObject(analysis, "state",
				     fixed ? "resolved" : "exploitable");
	if (ok && !fixed) {
		cJSON *response = cJSON_AddArrayToObject(analysis, "response");
		ok = response &&
		     cJSON_AddItemToArray(response,
					  cJSON_CreateString("update")) &&
		     graft_report_add_string(analysis, "detail", rest_of(fix));
	}
	return ok && add_affects(item, fixes->vendor, fix);
}

struct graft_error *
graft_report_print_cyclonedx(const struct graft_report_fixes *fixes,
			     struct graft_text *text)
{
	char when[32];
	cJSON *root = cJSON_CreateObject();

	print_time(fixes->now, when);
	bool ok = root &&
		  cJSON_AddStringToObject(root, "bomFormat", "CycloneDX") &&
		  cJSON_AddStringToObject(root, "specVersion", "1.5") &&
		  cJSON_AddNumberToObject(root, "version", 1);
	cJSON *metadata = ok ? cJSON_AddObjectToObject(root, "metadata") : NULL;
	ok = metadata && cJSON_AddStringToObject(metadata, "timestamp", when);
	cJSON *component = ok ? cJSON_AddObjectToObject(metadata, "component")
			      : NULL;
	ok = component &&
	     cJSON_AddStringToObject(component, "type", "device") &&
	     graft_report_add_string(component, "name", fixes->host);
	cJSON *packages = ok ? cJSON_AddArrayToObject(root, "components")
			     : NULL;
	ok = packages != NULL;
	for (size_t i = 0; ok && i < fixes->count; i++)
		ok = add_components(packages, fixes->vendor, &fixes->fixes[i]);
	cJSON *list = ok ? cJSON_AddArrayToObject(root, "vulnerabilities")
			 : NULL;
	ok = list != NULL;
	for (size_t i = 0; ok && i < fixes->count; i++) {
		const struct graft_report_fix *fix = &fixes->fixes[i];
		for (size_t k = 0; ok && k < fix->cve_count; k++)
			ok = add_vulnerability(list, fixes, fix, fix->cves[k]);
	}
	return graft_report_take_json(root, ok, text);
}

// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Fuzz reports of compliance. The first byte of the input chooses what the rest is: a report ('r'), what is
 * signed of one ('s': it is sealed, so that mutations get past the signature), the key of a host ('k'), what
 * is remembered of looks for releases ('l'), a bundle ('t'), or lines of which one is made ('b': for each part its
 * type and name, and then what is signed in it). Properties: what decodes is written so that it decodes to the same
 * canonical bytes; a report is known to who has it, and refused by who has seen a higher number; a table of it is
 * JSON; a host that is taken out of a bundle has a name that is one.
 */

#include "../unit/trust/repository.h"
#include "compliance/bundle.h"
#include "compliance/hosts.h"
#include "compliance/stand.h"
#include "fuzz.h"
#include "tar.h"
#include "update/last.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOW ((int64_t)1800000000)

/** Get the key that seals. */
static const struct graft_key *
seal_key(void)
{
	static struct graft_key *key;
	static struct graft_document *document;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	if (key)
		return key;
	graft_text_put(&text, "{");
	repository_public(1, &text);
	graft_text_put(&text, "}");
	must(graft_document_parse(text.str, text.len, &document));
	must(graft_key_decode(
		graft_node_get(graft_document_root(document), "k1"), &key));
	return key;
}

/** Print a report in all ways. */
static void
print(const struct graft_compliance *report)
{
	const struct graft_compliance_host host = { .host = report->host,
						    .key_id = "k1",
						    .report = report };

	for (int way = 0; way < 3; way++) {
		GRAFT_CLEANUP(graft_compliance_table_deinit)
		struct graft_compliance_table table = { .now = NOW,
							.json = way == 1,
							.facts = way == 2 };
		GRAFT_CLEANUP(graft_document_freep)
		struct graft_document *document = NULL;
		graft_compliance_table_begin(&table);
		must(graft_compliance_table_add(&table, &host));
		must(graft_compliance_table_end(&table));
		if (way > 0)
			must(graft_document_parse(table.text.str,
						  table.text.len, &document));
	}
}

/** Hold a report against itself. */
static void
compare(struct graft_compliance *report)
{
	enum graft_compliance_news news = GRAFT_COMPLIANCE_NEW;
	struct graft_compliance newer = *report;
	struct graft_error *err = graft_compliance_check(
		report, seal_key(), "k1", report, NOW, &news);

	if (err) {
		// Not sealed: then nothing else counts.
		promise(graft_error_code(err) == GRAFT_ERROR_BAD_SIGNATURE);
		graft_error_free(err);
		return;
	}
	promise(news == GRAFT_COMPLIANCE_KNOWN);
	newer.serial = report->serial + 1;
	err = graft_compliance_check(report, seal_key(), "k1", &newer, NOW,
				     &news);
	promise(err && graft_error_code(err) == GRAFT_ERROR_ROLLBACK);
	graft_error_free(err);
	err = graft_compliance_check(report, seal_key(), "k1", NULL, NOW,
				     &news);
	promise(!err || graft_error_code(err) == GRAFT_ERROR_EXPIRED);
	promise(err || report->expires > NOW);
	graft_error_free(err);
}

static void
fuzz_report(const void *bytes, size_t len)
{
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *report = NULL;
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *again = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err = graft_compliance_decode(bytes, len, &report);

	if (err) {
		promise(!report);
		refused(err);
		return;
	}
	promise(graft_compliance_is_host(report->host) &&
		report->expires > report->made && report->serial > 0);
	graft_compliance_put(report, &text);
	err = graft_compliance_decode(text.str, text.len, &again);
	if (err) {
		// Escapes may be longer than what they stand for.
		promise(graft_error_code(err) == GRAFT_ERROR_LIMIT);
		graft_error_free(err);
		return;
	}
	promise(again->canonical_len == report->canonical_len &&
		memcmp(again->canonical, report->canonical,
		       report->canonical_len) == 0);
	compare(report);
	print(report);
}

static void
fuzz_signed(const uint8_t *data, size_t size)
{
	static const int keys[] = { 1, 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_FREE char *json = strndup((const char *)data, size);

	if (!json)
		return;
	repository_seal(json, keys, &text);
	fuzz_report(text.str, text.len);
}

static void
fuzz_key(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_compliance_key_deinit)
	struct graft_compliance_key key = { 0 };
	struct graft_error *err = graft_compliance_key_decode(data, size, &key);

	if (err)
		refused(err);
	else
		promise(graft_compliance_is_host(key.host) && key.key &&
			strlen(key.id) == GRAFT_KEY_ID_LEN - 1);
}

static void
fuzz_last(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_update_last_deinit)
	struct graft_update_last last = { 0 };
	GRAFT_CLEANUP(graft_update_last_deinit)
	struct graft_update_last again = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text one = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text other = { 0 };
	struct graft_error *err = graft_update_last_decode(data, size, &last);

	if (err) {
		refused(err);
		return;
	}
	graft_update_last_encode(&last, &one);
	must(graft_update_last_decode(one.str, one.len, &again));
	graft_update_last_encode(&again, &other);
	promise(strcmp(graft_text_str(&one), graft_text_str(&other)) == 0);
}

/** Take a part of a bundle. */
static struct graft_error *
take_part(void *arg, const char *name, const uint8_t *bytes, size_t len,
	  struct graft_error *err)
{
	struct graft_compliance_items *items = arg;

	if (err) {
		refused(err);
		return NULL;
	}
	promise(name && bytes);
	err = graft_compliance_items_add(items, bytes, len);
	if (err)
		refused(err);
	return NULL;
}

/** Read a bundle and collect what is in it. */
static void
fuzz_tar(const void *bytes, size_t len)
{
	GRAFT_CLEANUP(graft_compliance_items_deinit)
	struct graft_compliance_items items = { 0 };
	const int fd = memfd_create("bundle", MFD_CLOEXEC);
	char path[32];

	promise(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct graft_error *err = graft_compliance_bundle_read(path, take_part,
							       &items);
	if (err)
		refused(err);
	for (size_t i = 0; i < items.count; i++)
		promise(graft_compliance_is_host(items.list[i].speaker.host));
	(void)close(fd);
}

static void
fuzz_lines(const uint8_t *data, size_t size)
{
	static const int keys[] = { 1, 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text tar = { 0 };
	GRAFT_FREE char *text = strndup((const char *)data, size);
	char *at = text;

	while (at) {
		GRAFT_CLEANUP(graft_text_deinit)
		struct graft_text sealed = { 0 };
		char *line = strsep(&at, "\n");
		char *json = at ? strsep(&at, "\n") : NULL;
		if (!*line)
			continue;
		repository_seal(json ? json : "", keys, &sealed);
		tar_entry(&tar, *line, line + 1, sealed.str, sealed.len);
	}
	fuzz_tar(graft_text_str(&tar), tar.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (*data) {
	case 'r':
		fuzz_report(data + 1, size - 1);
		break;
	case 's':
		fuzz_signed(data + 1, size - 1);
		break;
	case 'k':
		fuzz_key(data + 1, size - 1);
		break;
	case 'l':
		fuzz_last(data + 1, size - 1);
		break;
	case 't':
		fuzz_tar(data + 1, size - 1);
		break;
	case 'b':
		fuzz_lines(data + 1, size - 1);
		break;
	default:
		break;
	}
	return 0;
}

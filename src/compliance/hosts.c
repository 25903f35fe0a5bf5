// SPDX-License-Identifier: Apache-2.0

#include "compliance/hosts.h"

#include "base/fault.h"
#include "compliance/enrolled.h"
#include "compliance/firsts.h"
#include "compliance/names.h"
#include "trust/json.h"
#include "trust/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct graft_compliance_hosts {
	char *dir;
	struct graft_trust_store *keys;
	struct graft_trust_store *reports;
	/** Who has which key, once somebody asked. */
	struct graft_compliance_enrolled enrolled;
	bool asked;
};

void
graft_compliance_hosts_close(struct graft_compliance_hosts *hosts)
{
	if (!hosts)
		return;
	graft_trust_store_close(hosts->reports);
	graft_trust_store_close(hosts->keys);
	graft_compliance_enrolled_deinit(&hosts->enrolled);
	free(hosts->dir);
	free(hosts);
}

GRAFT_MUST_CHECK static struct graft_error *
open_store(const char *dir, const char *name, bool make,
	   struct graft_trust_store **ret)
{
	GRAFT_FREE char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return graft_error_no_memory();
	}
	return graft_trust_store_open(path, make, ret);
}

struct graft_error *
graft_compliance_hosts_open(const char *dir, bool make,
			    struct graft_compliance_hosts **ret)
{
	GRAFT_CLEANUP(graft_compliance_hosts_closep)
	struct graft_compliance_hosts *hosts = calloc(1, sizeof(*hosts));

	if (!hosts)
		return graft_error_no_memory();
	hosts->dir = strdup(dir);
	if (!hosts->dir)
		return graft_error_no_memory();
	struct graft_error *err = open_store(dir, "keys", make, &hosts->keys);
	if (!err)
		err = open_store(dir, "reports", true, &hosts->reports);
	if (err)
		return err;
	*ret = GRAFT_TAKE(hosts);
	return NULL;
}

/** Read the key of a host. */
GRAFT_MUST_CHECK static struct graft_error *
read_key(const struct graft_compliance_hosts *hosts, const char *host,
	 struct graft_compliance_key *ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	*ret = (struct graft_compliance_key){ 0 };
	struct graft_error *err = graft_trust_store_read(
		hosts->keys, host, GRAFT_COMPLIANCE_KEY_BYTES_MAX, &bytes,
		&len);
	if (err)
		return err;
	err = graft_compliance_key_decode(bytes, len, ret);
	if (!err && strcmp(ret->host, host) != 0)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "it is the key of %s", ret->host);
	return err ? graft_error_prefix(err, "%s/%s.json",
					graft_trust_store_path(hosts->keys),
					host)
		   : NULL;
}

/**
 * Read the last report of a host, and verify it.
 *
 * @param[out] ret NULL if there is none that its present key signed.
 */
GRAFT_MUST_CHECK static struct graft_error *
read_report(const struct graft_compliance_hosts *hosts,
	    const struct graft_compliance_key *key,
	    struct graft_compliance **ret)
{
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *report = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	*ret = NULL;
	struct graft_error *err = graft_trust_store_read(
		hosts->reports, key->host, GRAFT_COMPLIANCE_BYTES_MAX, &bytes,
		&len);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return NULL;
	}
	if (!err)
		err = graft_compliance_decode(bytes, len, &report);
	// Of a key that was replaced; nothing that it signed passes the present one.
	if (!err && strcmp(report->key_id, key->id) != 0)
		return NULL;
	if (!err)
		err = graft_compliance_verify(report, key->key, key->id);
	if (!err && strcmp(report->host, key->host) != 0)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT, "it is of %s",
				      report->host);
	if (err)
		return graft_error_prefix(
			err, "%s/%s.json is damaged: restore it, or remove it",
			graft_trust_store_path(hosts->reports), key->host);
	*ret = GRAFT_TAKE(report);
	return NULL;
}

/** Find out who has which key. One whose file is damaged has none. */
GRAFT_MUST_CHECK static struct graft_error *
ask(struct graft_compliance_hosts *hosts)
{
	GRAFT_CLEANUP(graft_compliance_names_deinit)
	struct graft_compliance_names names = { 0 };

	if (hosts->asked)
		return NULL;
	struct graft_error *err = graft_compliance_names_read(
		graft_trust_store_path(hosts->keys), &names);
	for (size_t i = 0; !err && i < names.count; i++) {
		GRAFT_CLEANUP(graft_compliance_key_deinit)
		struct graft_compliance_key key = { 0 };
		struct graft_error *other = read_key(hosts, names.list[i],
						     &key);
		if (!other)
			err = graft_compliance_enrolled_add(
				&hosts->enrolled, names.list[i], key.id);
		graft_error_free(other);
	}
	hosts->asked = !err;
	return err;
}

/** See that a key is that of no other host: a clone would speak for it. */
GRAFT_MUST_CHECK static struct graft_error *
check_alone(struct graft_compliance_hosts *hosts, const char *host,
	    const char *id)
{
	struct graft_error *err = ask(hosts);

	if (err)
		return err;
	const char *other = graft_compliance_enrolled_other(&hosts->enrolled,
							    host, id);
	return other ? graft_error_new(
			       GRAFT_ERROR_REFUSED,
			       "the key of %s is that of %s: one of them is a "
			       "copy; remove compliance/key.pem in the state "
			       "directory there",
			       host, other)
		     : NULL;
}

/** Write the key of a host. */
GRAFT_MUST_CHECK static struct graft_error *
write_key(struct graft_compliance_hosts *hosts, const char *host,
	  const struct graft_node *node, const char *id, bool first_use)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text key = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_json_put_node(&key, node);
	graft_compliance_key_put(host, graft_text_str(&key), first_use, &text);
	if (key.failed || text.failed)
		return graft_error_no_memory();
	struct graft_error *err = graft_trust_store_write(hosts->keys, host,
							  text.str, text.len);
	return err || !hosts->asked ? err
				    : graft_compliance_enrolled_add(
					      &hosts->enrolled, host, id);
}

struct graft_error *
graft_compliance_hosts_enroll(struct graft_compliance_hosts *hosts,
			      const void *bytes, size_t len, bool replace,
			      char host_ret[GRAFT_COMPLIANCE_HOST_LEN])
{
	GRAFT_CLEANUP(graft_compliance_key_deinit)
	struct graft_compliance_key key = { 0 };
	GRAFT_CLEANUP(graft_compliance_key_deinit)
	struct graft_compliance_key before = { 0 };

	struct graft_error *err = graft_compliance_key_decode(bytes, len, &key);
	if (!err)
		err = check_alone(hosts, key.host, key.id);
	if (err)
		return err;
	err = read_key(hosts, key.host, &before);
	const bool there = !err;
	if (err && graft_error_code(err) != GRAFT_ERROR_NOT_FOUND && !replace)
		return err;
	graft_error_free(err);
	if (there && !replace && strcmp(before.id, key.id) != 0)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s has another key, %.12s, and not "
				       "%.12s: --replace, if it was made anew "
				       "there",
				       key.host, before.id, key.id);
	(void)snprintf(host_ret, GRAFT_COMPLIANCE_HOST_LEN, "%s", key.host);
	err = write_key(hosts, key.host, key.node, key.id, false);
	if (!err && there && strcmp(before.id, key.id) != 0)
		graft_compliance_enrolled_remove(&hosts->enrolled, key.host,
						 before.id);
	return err;
}

struct graft_error *
graft_compliance_hosts_remove(struct graft_compliance_hosts *hosts,
			      const char *host)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	if (!graft_compliance_is_host(host))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "it is no name of a host");
	struct graft_error *err = graft_trust_store_read(
		hosts->keys, host, GRAFT_COMPLIANCE_KEY_BYTES_MAX, &bytes,
		&len);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s is not enrolled", host);
	}
	graft_error_free(err);
	err = graft_trust_store_remove(hosts->keys, host);
	if (!err)
		err = graft_fault("compliance-removed");
	graft_compliance_enrolled_deinit(&hosts->enrolled);
	hosts->asked = false;
	return err ? err : graft_trust_store_remove(hosts->reports, host);
}

/** Get the key that counts for a report: the one that was enrolled, or at first use its own. */
GRAFT_MUST_CHECK static struct graft_error *
find_key(struct graft_compliance_hosts *hosts,
	 const struct graft_compliance *report,
	 const struct graft_compliance_firsts *firsts,
	 struct graft_compliance_key *ret, bool *new_ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text json = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	*new_ret = false;
	struct graft_error *err = read_key(hosts, report->host, ret);
	if (!err || graft_error_code(err) != GRAFT_ERROR_NOT_FOUND)
		return err;
	graft_error_free(err);
	if (!firsts)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s is not enrolled: graft compliance "
				       "enroll, or --first-use",
				       report->host);
	*new_ret = true;
	graft_json_put_node(&json, report->key);
	graft_compliance_key_put(report->host, graft_text_str(&json), true,
				 &text);
	if (json.failed || text.failed)
		return graft_error_no_memory();
	err = graft_compliance_key_decode(text.str, text.len, ret);
	// What its own key did not sign was no first one.
	if (!err)
		err = graft_compliance_verify_own(report, ret->id);
	if (!err)
		err = graft_compliance_firsts_check(firsts, report->host,
						    ret->id);
	return err ? err : check_alone(hosts, report->host, ret->id);
}

/** Check that a file is called as its report's host is. */
GRAFT_MUST_CHECK static struct graft_error *
check_name(const char *name, const struct graft_compliance *report)
{
	const size_t len = strlen(report->host);

	return !name || (strncmp(name, report->host, len) == 0 &&
			 strcmp(name + len, ".json") == 0)
		       ? NULL
		       : graft_error_new(GRAFT_ERROR_BAD_INPUT,
					 "it is of %s, and called otherwise",
					 report->host);
}

/** Write a report: of what the courier put beside it nothing. */
GRAFT_MUST_CHECK static struct graft_error *
write_report(struct graft_compliance_hosts *hosts,
	     const struct graft_compliance *report)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_compliance_put(report, &text);
	return text.failed
		       ? graft_error_no_memory()
		       : graft_trust_store_write(hosts->reports, report->host,
						 text.str, text.len);
}

struct graft_error *
graft_compliance_hosts_take(struct graft_compliance_hosts *hosts,
			    const char *name, const void *bytes, size_t len,
			    const struct graft_compliance_firsts *firsts,
			    int64_t now, enum graft_compliance_news *ret)
{
	GRAFT_CLEANUP(graft_compliance_key_deinit)
	struct graft_compliance_key key = { 0 };
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *report = NULL;
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *last = NULL;
	enum graft_compliance_news news = GRAFT_COMPLIANCE_KNOWN;
	bool new_key = false;

	struct graft_error *err = graft_compliance_decode(bytes, len, &report);
	if (!err)
		err = check_name(name, report);
	if (!err)
		err = find_key(hosts, report, firsts, &key, &new_key);
	if (!err)
		err = read_report(hosts, &key, &last);
	if (!err)
		err = graft_compliance_check(report, key.key, key.id, last, now,
					     &news);
	if (!err && new_key)
		err = write_key(hosts, report->host, report->key, key.id, true);
	if (!err)
		err = graft_fault("compliance-key");
	if (err)
		return err;
	*ret = news;
	return news == GRAFT_COMPLIANCE_NEW ? write_report(hosts, report)
					    : NULL;
}

/** Tell of one host. */
GRAFT_MUST_CHECK static struct graft_error *
tell(const struct graft_compliance_hosts *hosts, const char *name,
     graft_compliance_host_fn *fn, void *arg)
{
	GRAFT_CLEANUP(graft_compliance_key_deinit)
	struct graft_compliance_key key = { 0 };
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *report = NULL;
	struct graft_error *wrong = read_key(hosts, name, &key);

	if (!wrong)
		wrong = read_report(hosts, &key, &report);
	const struct graft_compliance_host host = {
		.host = name,
		.first_use = key.first_use,
		.key_id = key.id,
		.report = report,
		.wrong = wrong,
	};
	struct graft_error *err = fn(arg, &host);
	graft_error_free(wrong);
	return err;
}

struct graft_error *
graft_compliance_hosts_each(struct graft_compliance_hosts *hosts,
			    graft_compliance_host_fn *fn, void *arg)
{
	GRAFT_CLEANUP(graft_compliance_names_deinit)
	struct graft_compliance_names names = { 0 };
	struct graft_error *err = graft_compliance_names_read(
		graft_trust_store_path(hosts->keys), &names);

	for (size_t i = 0; !err && i < names.count; i++)
		err = tell(hosts, names.list[i], fn, arg);
	return err;
}

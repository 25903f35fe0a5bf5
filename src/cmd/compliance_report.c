// SPDX-License-Identifier: Apache-2.0

// The key of this host, and the reports that it signs.
//
//     STATE/compliance/key.pem      made when it is first needed, unless another one is configured
//     STATE/compliance/report.json  the last report: its number is the one before the next

#include "cmd/compliance.h"

#include "base/cleanup.h"
#include "base/env.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "cmd/print.h"
#include "compliance/hosts.h"
#include "trust/instant.h"
#include "trust/json.h"
#include "trust/secrets.h"
#include "trust/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	DAY_S = 24 * 3600,
	/** Bytes of the hash that a host is called by, and of what is hashed. */
	NAME_BYTES = 16,
	MACHINE_ID_MAX = 64,
	/** 2026-01-01T00:00:00Z: a clock that says an earlier time was never set. */
	CLOCK_MIN_S = 1767225600,
};

static const char role[] = "report";

/** Who this host is, and where it notes what it said. */
struct identity {
	struct graft_config *config;
	struct graft_trust_store *store;
	struct graft_signer *signer;
	char host[GRAFT_COMPLIANCE_HOST_LEN];
};

static void
identity_deinit(struct identity *identity)
{
	graft_signer_close(identity->signer);
	graft_trust_store_close(identity->store);
	graft_config_free(identity->config);
}

/** Call this host by a hash of its machine-id, which machine-id(5) asks not to tell to others. */
GRAFT_MUST_CHECK static struct graft_error *
name_by_machine(char ret[GRAFT_COMPLIANCE_HOST_LEN])
{
	static const char path[] = "/etc/machine-id";
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_FREE uint8_t *bytes = NULL;
	uint8_t hash[GRAFT_SHA256_LEN];
	size_t len = 0;

	struct graft_error *err = graft_file_read(path, MACHINE_ID_MAX, &bytes,
						  &len);
	const size_t digits =
		err ? 0 : strspn((const char *)bytes, "0123456789abcdef");
	if (!err && digits != (size_t)2 * NAME_BYTES)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "%s: it has no machine-id", path);
	if (err)
		return graft_error_prefix(err, "a name is needed (report-name "
					       "= HOST in " GRAFT_CONFIG_PATH
					       ", or --name)");
	graft_text_printf(&text, "graft compliance %.*s", (int)digits,
			  (const char *)bytes);
	if (text.failed)
		return graft_error_no_memory();
	err = graft_sha256(text.str, text.len, hash);
	if (!err)
		graft_hex_encode(hash, NAME_BYTES, ret);
	return err;
}

/** Find out what this host is called. */
GRAFT_MUST_CHECK static struct graft_error *
find_name(const struct graft_compliance_options *options,
	  struct identity *identity)
{
	const char *name = options->name ? options->name
					 : identity->config->report_name;

	if (!name)
		return name_by_machine(identity->host);
	if (!graft_compliance_is_host(name))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "'%.80s' is no name of a host: letters, "
				       "digits, '-', '_', '.', at most %d",
				       name, GRAFT_COMPLIANCE_HOST_LEN - 1);
	(void)snprintf(identity->host, sizeof(identity->host), "%s", name);
	return NULL;
}

/** Open the key; the one in the state directory is made if it is missing. */
GRAFT_MUST_CHECK static struct graft_error *
open_key(const struct graft_compliance_options *options,
	 struct identity *identity)
{
	GRAFT_CLEANUP(graft_secrets_closep)
	struct graft_secrets *secrets = NULL;
	GRAFT_FREE char *own = NULL;
	const char *name = options->key ? options->key
					: identity->config->report_key;

	if (!name) {
		if (asprintf(&own, "%s/key.pem",
			     graft_trust_store_path(identity->store)) < 0) {
			own = NULL;
			return graft_error_no_memory();
		}
		name = own;
	}
	struct graft_error *err = graft_secrets_open(
		options->passphrase_file, options->passphrase_fd, &secrets);
	if (!err)
		err = graft_signer_open(name, secrets, &identity->signer);
	if (own && err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		err = graft_signer_make_file(own);
		if (!err)
			err = graft_signer_open(own, secrets,
						&identity->signer);
	}
	if (!err && !graft_signer_signs(identity->signer))
		err = graft_error_new(GRAFT_ERROR_REFUSED,
				      "%s: a public key, which cannot sign",
				      name);
	return err;
}

/** Find out who this host is. */
GRAFT_MUST_CHECK static struct graft_error *
open_identity(const struct graft_compliance_options *options,
	      struct identity *identity)
{
	GRAFT_FREE char *dir = NULL;

	struct graft_error *err = graft_config_read(
		options->config ? options->config : GRAFT_CONFIG_PATH,
		!options->config, &identity->config);
	if (!err)
		err = find_name(options, identity);
	if (!err &&
	    asprintf(&dir, "%s/compliance", graft_env_state_dir()) < 0) {
		dir = NULL;
		err = graft_error_no_memory();
	}
	if (!err)
		err = graft_trust_store_open(dir, true, &identity->store);
	if (err)
		return err;
	// A private key that was half made.
	graft_file_sweep(dir, "key.pem");
	return open_key(options, identity);
}

/**
 * Find the number of the next report: greater than that of the last one, and than all before where the state
 * directory is that of a copy, for it is not less than the time.
 */
GRAFT_MUST_CHECK static struct graft_error *
find_serial(const struct identity *identity, int64_t now, uint64_t *ret)
{
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *last = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = 0;

	*ret = now > 0 ? (uint64_t)now : 1;
	struct graft_error *err = graft_trust_store_read(
		identity->store, role, GRAFT_COMPLIANCE_BYTES_MAX, &bytes,
		&len);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return NULL;
	}
	if (!err)
		err = graft_compliance_decode(bytes, len, &last);
	if (err)
		return graft_error_prefix(
			err,
			"%s/%s.json: the number of the last report is not "
			"known; remove it, and the time is taken",
			graft_trust_store_path(identity->store), role);
	if (last->serial == INT64_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "there is no greater number");
	if (last->serial >= *ret)
		*ret = last->serial + 1;
	return NULL;
}

/** Make the report. @param[in] says What the host says of itself. */
GRAFT_MUST_CHECK static struct graft_error *
make(const struct graft_compliance_options *options,
     const struct identity *identity, const char *says, struct graft_text *ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	const int64_t now = (int64_t)time(NULL);
	const int64_t days = options->days ? options->days
					   : identity->config->report_days;
	char made[GRAFT_INSTANT_LEN];
	char expires[GRAFT_INSTANT_LEN];
	uint64_t serial = 0;

	graft_instant_print(now, made);
	// Nobody outside would take it, and there nobody knows why.
	if (now < CLOCK_MIN_S)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "the clock of this host is wrong: it "
				       "says %s; set it, and try again",
				       made);
	struct graft_error *err = find_serial(identity, now, &serial);
	if (err)
		return err;
	graft_instant_print(now + days * DAY_S, expires);
	graft_text_printf(&text,
			  "{\"_type\":\"graft-compliance\",\"format\":1,"
			  "\"host\":\"%s\",\"key\":%s,\"serial\":%" PRIu64
			  ",\"made\":\"%s\",\"expires\":\"%s\","
			  "\"agent\":\"" GRAFT_VERSION "\"",
			  identity->host, graft_signer_json(identity->signer),
			  serial, made, expires);
	graft_text_put(&text, says);
	graft_text_put(&text, "}");
	return text.failed
		       ? graft_error_no_memory()
		       : graft_compliance_sign(text.str, identity->signer, ret);
}

/** Put what was made where it is wanted. */
GRAFT_MUST_CHECK static struct graft_error *
put_out(const struct graft_compliance_options *options,
	const struct identity *identity, const struct graft_text *text)
{
	GRAFT_FREE char *path = NULL;
	struct stat st;

	if (!options->output)
		return graft_print_text(text);
	const bool folder = stat(options->output, &st) == 0 &&
			    S_ISDIR(st.st_mode);
	if (asprintf(&path, "%s%s%s%s", options->output, folder ? "/" : "",
		     folder ? identity->host : "", folder ? ".json" : "") < 0) {
		path = NULL;
		return graft_error_no_memory();
	}
	return graft_file_write(path, text->str, text->len, 0644);
}

struct graft_error *
graft_compliance_action_report(const struct graft_compliance_options *options,
			       int *status_ret)
{
	GRAFT_CLEANUP(identity_deinit) struct identity identity = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text says = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	(void)status_ret;
	// First: who holds a key is closed to others, and that would be taken for what the kernel forbids.
	struct graft_error *err = graft_compliance_put_host(&says);
	if (!err)
		err = open_identity(options, &identity);
	if (!err)
		err = make(options, &identity, graft_text_str(&says), &text);
	// Its number is used up before anybody sees it.
	if (!err)
		err = graft_trust_store_write(identity.store, role, text.str,
					      text.len);
	if (!err)
		err = graft_fault("compliance-reported");
	return err ? err : put_out(options, &identity, &text);
}

struct graft_error *
graft_compliance_action_key(const struct graft_compliance_options *options,
			    int *status_ret)
{
	GRAFT_CLEANUP(identity_deinit) struct identity identity = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	(void)status_ret;
	struct graft_error *err = open_identity(options, &identity);
	if (err)
		return err;
	graft_compliance_key_put(identity.host,
				 graft_signer_json(identity.signer), false,
				 &text);
	return text.failed ? graft_error_no_memory()
			   : put_out(options, &identity, &text);
}

// SPDX-License-Identifier: Apache-2.0

// graft-tuf: a client of repositories of The Update Framework, for people and for suites
// that try clients. It says what is wrong in one line, and ends with 0 or 1.

#include "base/file.h"
#include "base/text.h"
#include "trust/client.h"
#include "trust/curl.h"
#include "trust/limits.h"
#include "tuf/options.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

/** Print an error on one line, whatever names from outside are in it. */
static void
print_error(struct graft_error *err)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_text_put_safe(&text, graft_error_message(err));
	(void)fprintf(stderr, "graft-tuf: %s\n", graft_text_str(&text));
	graft_error_free(err);
}

GRAFT_MUST_CHECK static struct graft_error *
init(const struct graft_tuf_options *options)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	struct graft_error *err = graft_file_read(
		options->root, GRAFT_TRUST_ROOT_BYTES, &bytes, &len);
	if (err)
		return err;
	err = graft_client_init(options->metadata_dir, bytes, len);
	return err ? graft_error_prefix(err, "%s", options->root) : NULL;
}

/** Get all targets, also those behind one that cannot be had. */
static bool
download(struct graft_client *client, const struct graft_tuf_options *options)
{
	bool all = true;

	for (size_t i = 0; i < options->target_count; i++) {
		GRAFT_FREE char *file = NULL;
		struct graft_error *err = graft_client_download(
			client, options->target_names[i],
			options->target_base_url, options->target_dir, &file);
		if (!err) {
			(void)puts(file);
			continue;
		}
		all = false;
		print_error(err);
	}
	return all;
}

/** Do what needs the network. @return Whether all of it was done. */
static bool
update(const struct graft_tuf_options *options)
{
	GRAFT_CLEANUP(graft_curl_closep) struct graft_curl *curl = NULL;
	GRAFT_CLEANUP(graft_client_closep) struct graft_client *client = NULL;
	struct graft_client_config config = {
		.metadata_dir = options->metadata_dir,
		.metadata_url = options->metadata_url,
		.now = (int64_t)time(NULL),
	};

	struct graft_error *err = graft_curl_open(options->timeout_s, &curl);
	if (!err) {
		config.fetcher = graft_curl_fetcher(curl);
		err = graft_client_open(&config, &client);
	}
	if (!err)
		err = graft_client_refresh(client);
	if (err) {
		print_error(err);
		return false;
	}
	return options->verb == GRAFT_TUF_REFRESH || download(client, options);
}

int
main(int argc, char **argv)
{
	struct graft_tuf_options options;

	// A server that closes a connection shall be an error and no end.
	(void)signal(SIGPIPE, SIG_IGN);
	if (!graft_tuf_options_read(argc, argv, &options))
		return 1;
	if (options.verb == GRAFT_TUF_NOTHING)
		return 0;
	if (options.verb != GRAFT_TUF_INIT)
		return update(&options) ? 0 : 1;
	struct graft_error *err = init(&options);
	if (!err)
		return 0;
	print_error(err);
	return 1;
}

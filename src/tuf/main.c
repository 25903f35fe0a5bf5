// SPDX-License-Identifier: Apache-2.0

// graft-tuf: a client of repositories of The Update Framework, for people and for suites
// that try clients. It says what is wrong in one line, and ends with 0 or 1.

#include "base/file.h"
#include "base/settings.h"
#include "base/text.h"
#include "trust/agree.h"
#include "trust/client.h"
#include "trust/curl.h"
#include "trust/limits.h"
#include "tuf/map.h"
#include "tuf/options.h"

#include <errno.h>
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

/** One repository, or two that must agree. */
struct sides {
	const struct graft_tuf_options *options;
	struct graft_client *first;
	/** NULL: there is only one. */
	struct graft_client *second;
	struct graft_tuf_map *map;
};

static void
sides_deinit(struct sides *sides)
{
	graft_client_close(sides->first);
	graft_client_close(sides->second);
	graft_tuf_map_free(sides->map);
}

/** Get one target, if those agree who must. */
GRAFT_MUST_CHECK static struct graft_error *
download_one(const struct sides *sides, const char *name, char **file_ret)
{
	const struct graft_tuf_options *options = sides->options;
	const enum graft_tuf_side side =
		sides->second ? graft_tuf_map_ask(sides->map, name)
			      : GRAFT_TUF_FIRST;
	const char *second_url = options->second_target_base_url
					 ? options->second_target_base_url
					 : options->target_base_url;

	if (side == GRAFT_TUF_SECOND)
		return graft_client_download(sides->second, name, second_url,
					     options->target_dir, file_ret);
	struct graft_error *err =
		side == GRAFT_TUF_BOTH
			? graft_client_agree(sides->first, sides->second, name)
			: NULL;
	return err ? err
		   : graft_client_download(sides->first, name,
					   options->target_base_url,
					   options->target_dir, file_ret);
}

/** Get all targets, also those behind one that cannot be had. */
static bool
download(const struct sides *sides)
{
	bool all = true;

	for (size_t i = 0; i < sides->options->target_count; i++) {
		GRAFT_FREE char *file = NULL;
		struct graft_error *err = download_one(
			sides, sides->options->target_names[i], &file);
		if (!err) {
			(void)puts(file);
			continue;
		}
		all = false;
		print_error(err);
	}
	if (fflush(stdout) == 0 && !ferror(stdout))
		return all;
	print_error(graft_error_os(errno, "print the names of files"));
	return false;
}

/** Open a repository and refresh it. @param[in] target_dir NULL: nothing is put anywhere. */
GRAFT_MUST_CHECK static struct graft_error *
open_side(const char *dir, const char *url, const char *target_dir,
	  struct graft_curl *curl, struct graft_client **ret)
{
	const struct graft_client_config config = {
		.metadata_dir = dir,
		.metadata_url = url,
		.fetcher = graft_curl_fetcher(curl),
		.now = (int64_t)time(NULL),
	};
	struct graft_error *err = graft_client_open(&config, ret);

	// Also for the one that is not asked for the target.
	if (!err && target_dir)
		err = graft_client_check_dir(*ret, target_dir);
	return err ? err : graft_client_refresh(*ret);
}

GRAFT_MUST_CHECK static struct graft_error *
read_map(const char *path, struct graft_tuf_map **ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;
	struct graft_error *err =
		graft_file_read(path, GRAFT_SETTINGS_BYTES_MAX, &bytes, &len);

	return err ? err
		   : graft_tuf_map_parse((const char *)bytes, len, path, ret);
}

/** Do what needs the network. @return Whether all of it was done. */
static bool
update(const struct graft_tuf_options *options)
{
	GRAFT_CLEANUP(graft_curl_closep) struct graft_curl *curl = NULL;
	GRAFT_CLEANUP(sides_deinit) struct sides sides = { .options = options };

	struct graft_error *err = graft_curl_open(options->timeout_s, &curl);
	if (!err && options->map)
		err = read_map(options->map, &sides.map);
	if (!err)
		err = open_side(options->metadata_dir, options->metadata_url,
				options->target_dir, curl, &sides.first);
	if (!err && options->second_metadata_dir) {
		err = open_side(options->second_metadata_dir,
				options->second_metadata_url,
				options->target_dir, curl, &sides.second);
		if (err)
			err = graft_error_prefix(err, "the second repository");
	}
	if (err) {
		print_error(err);
		return false;
	}
	return options->verb == GRAFT_TUF_REFRESH || download(&sides);
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

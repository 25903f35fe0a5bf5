// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/limits.h"
#include "base/text.h"
#include "cmd/against.h"
#include "cmd/old.h"
#include "cmd/side.h"
#include "cmd/usage.h"
#include "patch/disk.h"
#include "patch/file.h"
#include "patch/patch.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
	"usage: graft verify FILE [--old OLD] [--key PUBLIC-KEY\n"
	"                    [--signature FILE]] [--json]\n"
	"       graft verify --against OLD NEW FILE\n"
	"\n"
	"Check that a hotpatch is well formed and that every hash in it is right.\n"
	"With a key, check its signature too.\n"
	"\n"
	"      --against OLD NEW prove that OLD with the hotpatch does what NEW does,\n"
	"                        or name the first difference (ELF files,\n"
	"                        directories, Debian packages or folders of some)\n"
	"      --old OLD         the build that it replaces (ELF file, directory,\n"
	"                        Debian package or folder of some): check that it\n"
	"                        is, and the code that is stored as a delta to it\n"
	"      --json            print JSON\n"
	"      --key FILE        Ed25519 public key: 32 bytes, or as 64 hex digits\n"
	"      --signature FILE  the signature, instead of FILE.sig\n";

enum { KEY_FILE_MAX = 4096 };

static void
cjson_freep(cJSON **json)
{
	cJSON_Delete(*json);
}

/** What the command line says. */
struct arguments {
	const char *path;
	const char *key;
	const char *signature;
	const char *old_path;
	/** Check against OLD and this; or NULL. */
	const char *new_path;
	bool json;
};

/** See that what is said goes together. Returns the exit status, 0 if it does. */
static int
check(int argc, char **argv, bool against, const struct arguments *arguments)
{
	int want = 1 + against;
	int count = argc - optind;

	if (against && count == 0)
		return graft_usage_wrong(
			argv, "--against needs OLD, NEW and a hotpatch");
	if (count < want)
		return graft_usage_wrong(argv, "which hotpatch?");
	if (count > want)
		return graft_usage_wrong(argv, "'%s' is one argument too many",
					 argv[optind + want]);
	if (against && arguments->json)
		return graft_usage_wrong(
			argv, "--json and --against exclude each other");
	if (arguments->signature && !arguments->key)
		return graft_usage_wrong(argv, "--signature needs --key");
	return 0;
}

/** Read the command line; false: the usage or what is wrong was printed. */
static bool
parse(int argc, char **argv, struct arguments *arguments, int *status_ret)
{
	static const struct option options[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "signature", required_argument, NULL, 's' },
		{ "old", required_argument, NULL, 'o' },
		{ "against", required_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool against = false;

	optind = 0;
	for (int at;
	     (at = getopt_long(argc, argv, ":h", options, NULL)) >= 0;) {
		switch (at) {
		case 'k':
			arguments->key = optarg;
			break;
		case 's':
			arguments->signature = optarg;
			break;
		case 'a':
			against = true;
			arguments->old_path = optarg;
			break;
		case 'o':
			arguments->old_path = optarg;
			break;
		case 'j':
			arguments->json = true;
			break;
		default:
			*status_ret = graft_usage_option(argv, at, usage);
			return false;
		}
	}
	*status_ret = check(argc, argv, against, arguments);
	if (*status_ret)
		return false;
	if (against)
		arguments->new_path = argv[optind];
	arguments->path = argv[optind + against];
	return true;
}

/** Read a public key: raw, or as hexadecimal digits. */
static struct graft_error *
read_key(const char *path, uint8_t ret[GRAFT_PATCH_PUBLIC_KEY_SIZE])
{
	GRAFT_FREE uint8_t *bytes = NULL;
	struct graft_error *err;
	size_t len = 0;

	err = graft_file_read(path, KEY_FILE_MAX, &bytes, &len);
	if (err)
		return err;
	if (len == GRAFT_PATCH_PUBLIC_KEY_SIZE) {
		memcpy(ret, bytes, len);
		return NULL;
	}
	while (len && isspace(bytes[len - 1]))
		bytes[--len] = '\0';
	size_t got = 0;
	err = graft_hex_decode((const char *)bytes, GRAFT_PATCH_PUBLIC_KEY_SIZE,
			       ret, &got);
	if (!err && got == GRAFT_PATCH_PUBLIC_KEY_SIZE)
		return NULL;
	graft_error_free(err);
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "%s: no Ed25519 public key", path);
}

/** Check the signature of a hotpatch. */
static struct graft_error *
verify_signature(const struct arguments *arguments, const uint8_t *bytes,
		 size_t len)
{
	uint8_t key[GRAFT_PATCH_PUBLIC_KEY_SIZE];
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text path = { 0 };
	GRAFT_FREE uint8_t *signature = NULL;
	struct graft_error *err;
	size_t signature_len = 0;

	graft_text_put(&path, arguments->signature ? arguments->signature
						   : arguments->path);
	if (!arguments->signature)
		graft_text_put(&path, ".sig");
	if (path.failed)
		return graft_error_no_memory();
	err = read_key(arguments->key, key);
	if (!err)
		err = graft_file_read(graft_text_str(&path), KEY_FILE_MAX,
				      &signature, &signature_len);
	if (err)
		return err;
	err = graft_patch_verify_signature(bytes, len, signature, signature_len,
					   key);
	return err ? graft_error_prefix(err, "%s", graft_text_str(&path))
		   : NULL;
}

/** Check that the builds are OLD, and the code that is stored as deltas to them. */
static struct graft_error *
verify_old(const struct graft_side *side, struct graft_patch *patch)
{
	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_patch_module *module = &patch->modules[i];
		if (module->verdict == GRAFT_VERDICT_HOTPATCH &&
		    !graft_side_find(side, module->old_sha256, NULL))
			return graft_error_new(
				GRAFT_ERROR_NOT_FOUND,
				"%s: holds no file that is the old build of "
				"%s, which the hotpatch was made from (SHA-256)",
				side->name, module->path);
	}
	return graft_old_complete(side, patch);
}

/** Check what only the builds show, if they are there. */
static struct graft_error *
verify_builds(const struct arguments *arguments, struct graft_patch *patch)
{
	GRAFT_CLEANUP(graft_side_closep) struct graft_side *old_side = NULL;
	GRAFT_CLEANUP(graft_side_closep) struct graft_side *new_side = NULL;
	struct graft_error *err;

	if (!arguments->old_path)
		return NULL;
	err = graft_side_open(arguments->old_path, &old_side);
	if (!err)
		err = verify_old(old_side, patch);
	if (err || !arguments->new_path)
		return err;
	err = graft_side_open(arguments->new_path, &new_side);
	return err ? err : graft_against_check(old_side, new_side, patch);
}

/** Add each package that there is something of for the disk. */
static bool
add_disks(cJSON *root, const struct graft_patch *patch)
{
	cJSON *list = cJSON_AddArrayToObject(root, "disks");
	bool good = list != NULL;

	for (size_t i = 0; good && i < patch->disk_count; i++) {
		const struct graft_disk *disk = patch->disks[i];
		cJSON *item = cJSON_CreateObject();
		good = item && cJSON_AddItemToArray(list, item) &&
		       (!disk->package ||
			(cJSON_AddStringToObject(item, "package",
						 disk->package) &&
			 cJSON_AddStringToObject(item, "architecture",
						 disk->architecture) &&
			 cJSON_AddStringToObject(item, "old_version",
						 disk->old_version) &&
			 cJSON_AddStringToObject(item, "new_version",
						 disk->new_version))) &&
		       cJSON_AddNumberToObject(item, "paths",
					       (double)disk->entry_count);
	}
	return good;
}

/** Print what was checked, and what was not, as JSON. */
static struct graft_error *
print_json(const struct arguments *arguments, const struct graft_patch *patch)
{
	GRAFT_CLEANUP(cjson_freep) cJSON *root = cJSON_CreateObject();
	const char *signature = arguments->key ? "good" : "unchecked";

	bool good = cJSON_AddStringToObject(root, "id", patch->id) &&
		    cJSON_AddStringToObject(root, "signature", signature) &&
		    add_disks(root, patch);
	cJSON *modules = cJSON_AddArrayToObject(root, "unchecked_code");
	for (size_t i = 0; good && i < patch->module_count; i++) {
		const struct graft_patch_module *module = &patch->modules[i];
		cJSON *path = module->lacks_code
				      ? cJSON_CreateString(module->path)
				      : NULL;
		if (!module->lacks_code)
			continue;
		good = cJSON_AddItemToArray(modules, path);
		if (!good)
			cJSON_Delete(path);
	}
	GRAFT_FREE char *text = good && modules ? cJSON_PrintUnformatted(root)
						: NULL;
	if (!text)
		return graft_error_no_memory();
	(void)printf("%s\n", text);
	return NULL;
}

/** Print what was checked, and what was not. */
static struct graft_error *
print(const struct arguments *arguments, const struct graft_patch *patch)
{
	size_t lacking = graft_old_lacking(patch);

	if (arguments->json)
		return print_json(arguments, patch);
	(void)printf("%s: id %s, well formed, every hash %sis right%s\n",
		     arguments->path, patch->id,
		     lacking ? "that needs no old build " : "",
		     arguments->key ? ", the signature is good"
				    : "; no key given, no signature checked");
	for (size_t i = 0; i < patch->disk_count; i++) {
		const struct graft_disk *disk = patch->disks[i];
		if (disk->package)
			(void)printf("%s: for the disk: %s:%s %s -> %s, %zu "
				     "paths\n",
				     arguments->path, disk->package,
				     disk->architecture, disk->old_version,
				     disk->new_version, disk->entry_count);
	}
	if (lacking)
		(void)printf("%s: the code of %zu %s was not checked: it is "
			     "stored as a delta to the old build; name that "
			     "with --old\n",
			     arguments->path, lacking,
			     lacking == 1 ? "module" : "modules");
	return NULL;
}

struct graft_error *
graft_verb_verify(int argc, char **argv, int *status_ret)
{
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	struct arguments arguments = { 0 };
	GRAFT_FREE uint8_t *bytes = NULL;
	struct graft_error *err;
	size_t len = 0;

	if (!parse(argc, argv, &arguments, status_ret))
		return NULL;
	err = graft_patch_read_bytes(arguments.path, &bytes, &len);
	if (err)
		return err;
	err = graft_patch_decode(bytes, len, &patch);
	if (err)
		return graft_error_prefix(err, "%s", arguments.path);
	if (arguments.key) {
		err = verify_signature(&arguments, bytes, len);
		if (err)
			return err;
	}
	err = verify_builds(&arguments, patch);
	if (!err)
		err = print(&arguments, patch);
	*status_ret = 0;
	return err;
}

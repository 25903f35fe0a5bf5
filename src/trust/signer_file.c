// SPDX-License-Identifier: Apache-2.0

#include "trust/signer_model.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

enum {
	/** RSA with 8192 bits has 7 KiB. */
	FILE_BYTES_MAX = 64 * 1024,
};

GRAFT_DEFINE_CLEANUP(BIO, BIO_vfree)

/** Bytes of a file with a private key; wiped when its scope ends. */
struct private_bytes {
	uint8_t *bytes;
	size_t len;
};

static void
private_bytes_deinit(struct private_bytes *file)
{
	if (file->bytes)
		OPENSSL_cleanse(file->bytes, file->len);
	free(file->bytes);
}

/** What a callback of libcrypto needs, and what came of it. */
struct asked {
	struct graft_secrets *secrets;
	const char *path;
	struct graft_error *err;
};

/** Hand a passphrase to libcrypto. */
static int
give_passphrase(char *buf, int size, int writes, void *context)
{
	GRAFT_CLEANUP(graft_secrets_wipe) char secret[GRAFT_SECRET_LEN];
	struct asked *asked = context;

	(void)writes;
	// It may ask again when the first one did not fit.
	if (asked->err)
		return -1;
	asked->err = graft_secrets_next(asked->secrets, asked->path, secret);
	if (asked->err)
		return -1;
	const size_t len = strlen(secret);
	if (size < 0 || len > (size_t)size)
		return -1;
	memcpy(buf, secret, len);
	return (int)len;
}

static bool
has_label(const uint8_t *bytes, const char *label)
{
	return strstr((const char *)bytes, label) != NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_private(const struct private_bytes *file, const char *path, bool guarded,
	     struct graft_secrets *secrets, struct graft_signer_parts *ret)
{
	struct asked asked = { .secrets = secrets, .path = path };
	GRAFT_CLEANUP(BIO_vfreep)
	BIO *bio = BIO_new_mem_buf(file->bytes, (int)file->len);

	if (!bio)
		return graft_error_no_memory();
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase,
						 &asked);
	ERR_clear_error();
	if (asked.err) {
		EVP_PKEY_free(pkey);
		return asked.err;
	}
	if (!pkey)
		return graft_error_new(guarded ? GRAFT_ERROR_NOT_PERMITTED
					       : GRAFT_ERROR_BAD_INPUT,
				       "%s: %s", path,
				       guarded ? "the passphrase is wrong, or "
						 "the file is damaged"
					       : "it holds no private key");
	*ret = (struct graft_signer_parts){ .pkey = pkey,
					    .private = true,
					    .guarded = guarded };
	return NULL;
}

/** Read a file that may be a private key: only if nobody else can. */
GRAFT_MUST_CHECK static struct graft_error *
read_own(const char *path, struct private_bytes *ret)
{
	GRAFT_CLOSE int fd = -1;
	struct graft_error *err = graft_secrets_open_file(path, &fd);

	if (err)
		return err;
	err = graft_file_read_fd(fd, FILE_BYTES_MAX, &ret->bytes, &ret->len);
	return err ? graft_error_prefix(err, "%s", path) : NULL;
}

struct graft_error *
graft_signer_read_file(const char *path, struct graft_secrets *secrets,
		       struct graft_signer_parts *ret)
{
	GRAFT_CLEANUP(private_bytes_deinit) struct private_bytes file = { 0 };
	GRAFT_CLEANUP(private_bytes_deinit) struct private_bytes own = { 0 };

	struct graft_error *err = graft_file_read(path, FILE_BYTES_MAX,
						  &file.bytes, &file.len);
	if (err)
		return err;
	const bool guarded = has_label(file.bytes,
				       "-----BEGIN ENCRYPTED PRIVATE KEY-----");
	if (guarded || has_label(file.bytes, "-----BEGIN PRIVATE KEY-----")) {
		// Read once more, for this is the file whose mode was looked at.
		err = read_own(path, &own);
		return err ? err
			   : read_private(&own, path, guarded, secrets, ret);
	}
	if (has_label(file.bytes, "PRIVATE KEY-----"))
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "%s: a private key in another form than "
				       "PKCS#8: openssl pkcs8 -topk8 -scrypt",
				       path);
	*ret = (struct graft_signer_parts){
		.pkey = graft_key_read_pem((const char *)file.bytes, file.len)
	};
	return ret->pkey ? NULL
			 : graft_error_new(GRAFT_ERROR_BAD_INPUT,
					   "%s: it holds no key in PEM", path);
}

// SPDX-License-Identifier: Apache-2.0

#include "trust/signer.h"

#include "base/file.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

GRAFT_DEFINE_CLEANUP(BIO, BIO_vfree)
GRAFT_DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free)

struct graft_error *
graft_signer_make_file(const char *path)
{
	char *text = NULL;
	struct stat st;

	if (lstat(path, &st) == 0)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s: it is there already", path);
	GRAFT_CLEANUP(EVP_PKEY_freep)
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	// Wiped when it is freed.
	GRAFT_CLEANUP(BIO_vfreep) BIO *bio = BIO_new(BIO_s_secmem());
	const bool good = pkey && bio &&
			  PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL,
							0, NULL, NULL) == 1;
	ERR_clear_error();
	const long len = good ? BIO_get_mem_data(bio, &text) : 0;
	if (len <= 0)
		return graft_error_new(GRAFT_ERROR_LIBRARY,
				       "libcrypto cannot make a key");
	return graft_file_write(path, text, (size_t)len, 0600);
}

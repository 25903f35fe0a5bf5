// SPDX-License-Identifier: Apache-2.0

#include "trust/key.h"

#include "base/hex.h"
#include "trust/canonical.h"
#include "trust/limits.h"
#include "trust/signer_model.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

enum {
	ED25519_LEN = 32,
	/** An uncompressed point: 4, x, y. */
	P256_LEN = 65,
	CURVE_NAME_MAX = 32,
};

struct graft_key {
	EVP_PKEY *pkey;
	/** EVP_PKEY_ED25519, EVP_PKEY_EC or EVP_PKEY_RSA. */
	int type;
};

GRAFT_DEFINE_CLEANUP(BIO, BIO_vfree)
GRAFT_DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free)
GRAFT_DEFINE_CLEANUP(EVP_PKEY_CTX, EVP_PKEY_CTX_free)

void
graft_key_free(struct graft_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

/** Say no to whoever asks for a passphrase: public keys have none. */
static int
no_passphrase(char *buf, int size, int writes, void *context)
{
	(void)buf;
	(void)size;
	(void)writes;
	(void)context;
	return -1;
}

EVP_PKEY *
graft_key_read_pem(const char *text, size_t len)
{
	GRAFT_CLEANUP(BIO_vfreep) BIO *bio = BIO_new_mem_buf(text, (int)len);
	EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_passphrase,
						   NULL)
			     : NULL;

	ERR_clear_error();
	return pkey;
}

static EVP_PKEY *
read_ed25519(const char *digits)
{
	uint8_t bytes[ED25519_LEN];
	size_t len;

	struct graft_error *err = graft_hex_decode(digits, sizeof(bytes), bytes,
						   &len);
	if (err) {
		graft_error_free(err);
		return NULL;
	}
	// Of another length it is refused there.
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, len);
}

static EVP_PKEY *
read_p256(const char *digits)
{
	uint8_t bytes[P256_LEN];
	char curve[] = "prime256v1";
	EVP_PKEY *pkey = NULL;
	size_t len;

	struct graft_error *err = graft_hex_decode(digits, sizeof(bytes), bytes,
						   &len);
	if (err) {
		graft_error_free(err);
		return NULL;
	}
	GRAFT_CLEANUP(EVP_PKEY_CTX_freep)
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(
					OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
				OSSL_PARAM_construct_octet_string(
					OSSL_PKEY_PARAM_PUB_KEY, bytes, len),
				OSSL_PARAM_construct_end() };
	if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return pkey;
}

/** See that a key is of the type that its scheme is for, and of no odd size. */
static bool
fits(EVP_PKEY *pkey, int type)
{
	char curve[CURVE_NAME_MAX];
	size_t len;

	if (EVP_PKEY_get_base_id(pkey) != type)
		return false;
	if (type == EVP_PKEY_RSA)
		return EVP_PKEY_get_bits(pkey) >= GRAFT_TRUST_RSA_BITS_MIN &&
		       EVP_PKEY_get_bits(pkey) <= GRAFT_TRUST_RSA_BITS_MAX;
	if (type == EVP_PKEY_EC)
		return EVP_PKEY_get_group_name(pkey, curve, sizeof(curve),
					       &len) == 1 &&
		       strcmp(curve, "prime256v1") == 0;
	return true;
}

/** Get the type of key that `keytype` and `scheme` ask for, or 0. */
static int
wanted_type(const char *keytype, const char *scheme)
{
	static const struct {
		const char *keytype;
		const char *scheme;
		int type;
	} rows[] = {
		{ "ed25519", "ed25519", EVP_PKEY_ED25519 },
		{ "ecdsa", "ecdsa-sha2-nistp256", EVP_PKEY_EC },
		{ "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", EVP_PKEY_EC },
		{ "rsa", "rsassa-pss-sha256", EVP_PKEY_RSA },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].keytype, keytype) == 0 &&
		    strcmp(rows[i].scheme, scheme) == 0)
			return rows[i].type;
	}
	return 0;
}

struct graft_error *
graft_key_decode(const struct graft_node *node, struct graft_key **ret)
{
	const struct graft_node *keytype = graft_node_get(node, "keytype");
	const struct graft_node *scheme = graft_node_get(node, "scheme");
	const struct graft_node *text =
		graft_node_get(graft_node_get(node, "keyval"), "public");

	if (!graft_node_is(keytype, GRAFT_NODE_STRING) ||
	    !graft_node_is(scheme, GRAFT_NODE_STRING) ||
	    !graft_node_is(text, GRAFT_NODE_STRING))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "no keytype, scheme or public value");
	int type = wanted_type(keytype->text, scheme->text);
	if (!type)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "neither Ed25519, ECDSA with P-256 "
				       "nor RSA-PSS");

	GRAFT_CLEANUP(graft_key_freep)
	struct graft_key *key = calloc(1, sizeof(*key));
	if (!key)
		return graft_error_no_memory();
	key->type = type;
	if (strncmp(text->text, "-----BEGIN", strlen("-----BEGIN")) == 0)
		key->pkey = graft_key_read_pem(text->text, text->len);
	else if (type == EVP_PKEY_ED25519)
		key->pkey = read_ed25519(text->text);
	else if (type == EVP_PKEY_EC)
		key->pkey = read_p256(text->text);
	ERR_clear_error();
	if (!key->pkey)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "the public value is no key");
	if (!fits(key->pkey, type))
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "a key of another type, curve or size "
				       "than its scheme is for");
	*ret = GRAFT_TAKE(key);
	return NULL;
}

static bool
set_padding(EVP_PKEY_CTX *context)
{
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) ==
		       1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(context,
						RSA_PSS_SALTLEN_AUTO) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

bool
graft_key_verify(const struct graft_key *key, const char *sig,
		 const void *bytes, size_t len)
{
	uint8_t raw[GRAFT_TRUST_SIGNATURE_MAX];
	EVP_PKEY_CTX *borrowed;
	size_t raw_len;

	struct graft_error *err = graft_hex_decode(sig, sizeof(raw), raw,
						   &raw_len);
	if (err) {
		graft_error_free(err);
		return false;
	}
	GRAFT_CLEANUP(EVP_MD_CTX_freep)
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context &&
		    EVP_DigestVerifyInit(
			    context, &borrowed,
			    key->type == EVP_PKEY_ED25519 ? NULL : EVP_sha256(),
			    NULL, key->pkey) == 1 &&
		    (key->type != EVP_PKEY_RSA || set_padding(borrowed)) &&
		    EVP_DigestVerify(context, raw, raw_len, bytes, len) == 1;
	ERR_clear_error();
	return good;
}

bool
graft_key_equal(const struct graft_key *a, const struct graft_key *b)
{
	return EVP_PKEY_eq(a->pkey, b->pkey) == 1;
}

struct graft_error *
graft_key_id(const struct graft_node *node, char ret[GRAFT_KEY_ID_LEN])
{
	GRAFT_FREE uint8_t *canonical = NULL;
	uint8_t hash[GRAFT_SHA256_LEN];
	size_t len = 0;

	struct graft_error *err = graft_canonical_make(node, &canonical, &len);
	if (!err)
		err = graft_sha256(canonical, len, hash);
	if (err)
		return err;
	graft_hex_encode(hash, sizeof(hash), ret);
	return NULL;
}

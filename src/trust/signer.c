// SPDX-License-Identifier: Apache-2.0

#include "trust/signer.h"

#include "base/hex.h"
#include "trust/json.h"
#include "trust/limits.h"
#include "trust/signer_model.h"
#include "trust/token.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

enum {
	ED25519_LEN = 32,
	/** Bytes of salt: as many as the hash has. */
	SALT_LEN = 32,
};

GRAFT_DEFINE_CLEANUP(BIO, BIO_vfree)
GRAFT_DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free)

struct graft_signer {
	char *name;
	struct graft_signer_parts parts;
	struct graft_key *key;
	char *json;
	char id[GRAFT_KEY_ID_LEN];
};

void
graft_signer_close(struct graft_signer *signer)
{
	if (!signer)
		return;
	// libcrypto wipes what it frees of a private key.
	EVP_PKEY_free(signer->parts.pkey);
	graft_token_close(signer->parts.token);
	graft_key_free(signer->key);
	free(signer->name);
	free(signer->json);
	free(signer);
}

const char *
graft_signer_name(const struct graft_signer *signer)
{
	return signer->name;
}

bool
graft_signer_signs(const struct graft_signer *signer)
{
	return signer->parts.private || signer->parts.token;
}

bool
graft_signer_guarded(const struct graft_signer *signer)
{
	return signer->parts.guarded || signer->parts.token;
}

const struct graft_key *
graft_signer_key(const struct graft_signer *signer)
{
	return signer->key;
}

const char *
graft_signer_json(const struct graft_signer *signer)
{
	return signer->json;
}

const char *
graft_signer_id(const struct graft_signer *signer)
{
	return signer->id;
}

/** Append the public half as metadata write it: Ed25519 in digits, others in PEM. */
GRAFT_MUST_CHECK static struct graft_error *
put_public(EVP_PKEY *pkey, struct graft_text *out)
{
	char digits[2 * ED25519_LEN + 1];
	uint8_t raw[ED25519_LEN];
	size_t raw_len = sizeof(raw);
	char *text;

	if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519) {
		if (EVP_PKEY_get_raw_public_key(pkey, raw, &raw_len) != 1)
			return graft_error_no_memory();
		graft_hex_encode(raw, raw_len, digits);
		graft_json_put_string(out, digits, strlen(digits));
		return NULL;
	}
	GRAFT_CLEANUP(BIO_vfreep) BIO *bio = BIO_new(BIO_s_mem());
	if (!bio || PEM_write_bio_PUBKEY(bio, pkey) != 1)
		return graft_error_no_memory();
	const long len = BIO_get_mem_data(bio, &text);
	graft_json_put_string(out, text, len > 0 ? (size_t)len : 0);
	return NULL;
}

/** Write the object of metadata. */
GRAFT_MUST_CHECK static struct graft_error *
make_json(struct graft_signer *signer)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	const char *type = "ed25519";
	const char *scheme = "ed25519";

	switch (EVP_PKEY_get_base_id(signer->parts.pkey)) {
	case EVP_PKEY_ED25519:
		break;
	case EVP_PKEY_EC:
		type = "ecdsa";
		scheme = "ecdsa-sha2-nistp256";
		break;
	case EVP_PKEY_RSA:
		type = "rsa";
		scheme = "rsassa-pss-sha256";
		break;
	default:
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "neither Ed25519, ECDSA with P-256 nor "
				       "RSA");
	}
	graft_text_printf(&text,
			  "{\"keytype\":\"%s\",\"keyval\":{\"public\":", type);
	struct graft_error *err = put_public(signer->parts.pkey, &text);
	if (err)
		return err;
	graft_text_printf(&text, "},\"scheme\":\"%s\"}", scheme);
	return graft_text_take(&text, &signer->json);
}

/** Read the object back, as any client would, and get its id. */
GRAFT_MUST_CHECK static struct graft_error *
make_key(struct graft_signer *signer)
{
	GRAFT_CLEANUP(graft_document_freep)
	struct graft_document *document = NULL;

	struct graft_error *err = graft_document_parse(
		signer->json, strlen(signer->json), &document);
	if (!err)
		err = graft_key_decode(graft_document_root(document),
				       &signer->key);
	return err ? err
		   : graft_key_id(graft_document_root(document), signer->id);
}

GRAFT_MUST_CHECK static struct graft_error *
open_parts(const char *name, struct graft_secrets *secrets,
	   struct graft_signer_parts *ret)
{
	struct graft_token_uri uri;

	if (strncmp(name, "pkcs11:", strlen("pkcs11:")) != 0)
		return graft_signer_read_file(name, secrets, ret);
	struct graft_error *err = graft_token_uri_read(name, &uri);
	if (err)
		return err;
	err = graft_token_open(&uri, name, secrets, &ret->token, &ret->pkey);
	return err ? graft_error_prefix(err, "%s", name) : NULL;
}

struct graft_error *
graft_signer_open(const char *name, struct graft_secrets *secrets,
		  struct graft_signer **ret)
{
	GRAFT_CLEANUP(graft_signer_closep)
	struct graft_signer *signer = calloc(1, sizeof(*signer));
	if (!signer)
		return graft_error_no_memory();
	signer->name = strdup(name);
	if (!signer->name)
		return graft_error_no_memory();
	struct graft_error *err = open_parts(name, secrets, &signer->parts);
	if (err)
		return err;
	err = make_json(signer);
	if (!err)
		err = make_key(signer);
	if (err)
		return graft_error_prefix(err, "%s", name);
	*ret = GRAFT_TAKE(signer);
	return NULL;
}

/** Sign with a private half that is here. */
GRAFT_MUST_CHECK static struct graft_error *
sign_here(EVP_PKEY *pkey, const void *bytes, size_t len, uint8_t *sig,
	  size_t *sig_len)
{
	const int type = EVP_PKEY_get_base_id(pkey);
	EVP_PKEY_CTX *borrowed;
	GRAFT_CLEANUP(EVP_MD_CTX_freep)
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	*sig_len = GRAFT_TRUST_SIGNATURE_MAX;
	bool good = context &&
		    EVP_DigestSignInit(context, &borrowed,
				       type == EVP_PKEY_ED25519 ? NULL
								: EVP_sha256(),
				       NULL, pkey) == 1;
	if (good && type == EVP_PKEY_RSA)
		good = EVP_PKEY_CTX_set_rsa_padding(
			       borrowed, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(borrowed, SALT_LEN) ==
			       1 &&
		       EVP_PKEY_CTX_set_rsa_mgf1_md(borrowed, EVP_sha256()) ==
			       1;
	good = good && EVP_DigestSign(context, sig, sig_len, bytes, len) == 1;
	ERR_clear_error();
	return good ? NULL
		    : graft_error_new(GRAFT_ERROR_LIBRARY,
				      "libcrypto cannot sign");
}

struct graft_error *
graft_signer_sign(const struct graft_signer *signer, const void *bytes,
		  size_t len, char **ret)
{
	uint8_t sig[GRAFT_TRUST_SIGNATURE_MAX];
	size_t sig_len = 0;

	if (!graft_signer_signs(signer))
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s: a public key, which cannot sign",
				       signer->name);
	struct graft_error *err =
		signer->parts.token
			? graft_token_sign(signer->parts.token, bytes, len, sig,
					   &sig_len)
			: sign_here(signer->parts.pkey, bytes, len, sig,
				    &sig_len);
	if (err)
		return graft_error_prefix(err, "%s", signer->name);
	GRAFT_FREE char *digits = malloc(2 * sig_len + 1);
	if (!digits)
		return graft_error_no_memory();
	graft_hex_encode(sig, sig_len, digits);
	// A token whose halves do not belong together, a bit that fell: never sent out.
	if (!graft_key_verify(signer->key, digits, bytes, len))
		return graft_error_new(GRAFT_ERROR_LIBRARY,
				       "%s: its signature does not verify",
				       signer->name);
	*ret = GRAFT_TAKE(digits);
	return NULL;
}

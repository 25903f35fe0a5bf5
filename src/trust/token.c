// SPDX-License-Identifier: Apache-2.0

#include "trust/token.h"

#include "trust/limits.h"
#include "trust/token_public.h"

#include <dlfcn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>
#include <string.h>

enum {
	SLOTS_MAX = 64,
	P256_HALF = 32,
	SALT_LEN = 32,
	DIGEST_LEN = 32,
};

GRAFT_DEFINE_CLEANUP(ECDSA_SIG, ECDSA_SIG_free)

struct graft_token {
	/** Stays loaded: modules do not like to go while they have threads. */
	CK_FUNCTION_LIST *f;
	CK_SESSION_HANDLE session;
	bool initialized;
	bool in_session;
	CK_OBJECT_HANDLE key;
	CK_KEY_TYPE type;
};

void
graft_token_close(struct graft_token *token)
{
	if (!token)
		return;
	if (token->in_session) {
		(void)token->f->C_Logout(token->session);
		(void)token->f->C_CloseSession(token->session);
	}
	if (token->initialized)
		(void)token->f->C_Finalize(NULL);
	free(token);
}

struct graft_error *
graft_token_failed(const char *what, unsigned long code)
{
	return graft_error_new(GRAFT_ERROR_LIBRARY,
			       "the token: %s failed (CKR 0x%lx)", what, code);
}

/** Load the module and start it. */
GRAFT_MUST_CHECK static struct graft_error *
load(const char *path, struct graft_token *token)
{
	CK_RV (*get_list)(CK_FUNCTION_LIST **);

	if (*path != '/')
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "module-path begins with '/'");
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND, "%s", dlerror());
	*(void **)&get_list = dlsym(handle, "C_GetFunctionList");
	if (!get_list || get_list(&token->f) != CKR_OK)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "%s: no module of PKCS#11", path);
	CK_RV code = token->f->C_Initialize(NULL);
	// Another key of this process may be of the same module: it is not ours to end.
	if (code != CKR_OK && code != CKR_CRYPTOKI_ALREADY_INITIALIZED)
		return graft_token_failed("C_Initialize", code);
	token->initialized = code == CKR_OK;
	return NULL;
}

/** Compare a text with one that has blanks behind it instead of a NUL. */
static bool
says(const unsigned char *padded, size_t room, const char *text)
{
	const size_t len = strlen(text);

	if (!len)
		return true;
	if (len > room || memcmp(padded, text, len) != 0)
		return false;
	for (size_t i = len; i < room; i++) {
		if (padded[i] != ' ')
			return false;
	}
	return true;
}

/** Find the one token that the URI means. */
GRAFT_MUST_CHECK static struct graft_error *
find_slot(const struct graft_token *token, const struct graft_token_uri *uri,
	  CK_SLOT_ID *ret)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX;
	CK_TOKEN_INFO info;
	size_t found = 0;

	CK_RV code = token->f->C_GetSlotList(CK_TRUE, slots, &count);
	if (code != CKR_OK)
		return graft_token_failed("C_GetSlotList", code);
	for (CK_ULONG i = 0; i < count; i++) {
		if (token->f->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
		    !says(info.label, sizeof(info.label), uri->token) ||
		    !says(info.serialNumber, sizeof(info.serialNumber),
			  uri->serial))
			continue;
		*ret = slots[i];
		found++;
	}
	if (found == 1)
		return NULL;
	return graft_error_new(GRAFT_ERROR_NOT_FOUND,
			       found ? "several tokens are called so: say "
				       "serial=, too"
				     : "there is no such token");
}

GRAFT_MUST_CHECK static struct graft_error *
log_in(struct graft_token *token, CK_SLOT_ID slot, const char *name,
       struct graft_secrets *secrets)
{
	GRAFT_CLEANUP(graft_secrets_wipe) char pin[GRAFT_SECRET_LEN];

	CK_RV code = token->f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL,
					     NULL, &token->session);
	if (code != CKR_OK)
		return graft_token_failed("C_OpenSession", code);
	token->in_session = true;
	struct graft_error *err = graft_secrets_next(secrets, name, pin);
	if (err)
		return err;
	code = token->f->C_Login(token->session, CKU_USER, (unsigned char *)pin,
				 strlen(pin));
	if (code == CKR_OK || code == CKR_USER_ALREADY_LOGGED_IN)
		return NULL;
	if (code == CKR_PIN_INCORRECT || code == CKR_PIN_LEN_RANGE ||
	    code == CKR_PIN_INVALID)
		return graft_error_new(GRAFT_ERROR_NOT_PERMITTED,
				       "the PIN is wrong: a token counts how "
				       "often");
	if (code == CKR_PIN_LOCKED)
		return graft_error_new(GRAFT_ERROR_NOT_PERMITTED,
				       "the token is locked after wrong PINs");
	return graft_token_failed("C_Login", code);
}

/** Find the one object of a class that the URI means. */
GRAFT_MUST_CHECK static struct graft_error *
find_object(const struct graft_token *token, const struct graft_token_uri *uri,
	    CK_OBJECT_CLASS class, CK_OBJECT_HANDLE *ret)
{
	CK_ATTRIBUTE wanted[3] = { { CKA_CLASS, &class, sizeof(class) } };
	CK_OBJECT_HANDLE found[2];
	CK_ULONG wanted_count = 1;
	CK_ULONG count = 0;

	if (*uri->object)
		wanted[wanted_count++] = (CK_ATTRIBUTE){ CKA_LABEL,
							 (void *)uri->object,
							 strlen(uri->object) };
	if (uri->id_len)
		wanted[wanted_count++] =
			(CK_ATTRIBUTE){ CKA_ID, (void *)uri->id, uri->id_len };
	CK_RV code = token->f->C_FindObjectsInit(token->session, wanted,
						 wanted_count);
	if (code == CKR_OK) {
		code = token->f->C_FindObjects(token->session, found, 2,
					       &count);
		(void)token->f->C_FindObjectsFinal(token->session);
	}
	if (code != CKR_OK)
		return graft_token_failed("C_FindObjects", code);
	if (count != 1)
		return graft_error_new(
			GRAFT_ERROR_NOT_FOUND,
			count ? "several keys are called so: say id=, too"
			: class == CKO_PRIVATE_KEY
				? "there is no such private key in the token"
				: "the token has no public half of the key");
	*ret = found[0];
	return NULL;
}

struct graft_error *
graft_token_open(const struct graft_token_uri *uri, const char *name,
		 struct graft_secrets *secrets, struct graft_token **ret,
		 EVP_PKEY **public_ret)
{
	CK_OBJECT_HANDLE public = 0;
	CK_SLOT_ID slot = 0;
	GRAFT_CLEANUP(graft_token_closep)
	struct graft_token *token = calloc(1, sizeof(*token));
	if (!token)
		return graft_error_no_memory();

	struct graft_error *err = load(uri->module, token);
	if (!err)
		err = find_slot(token, uri, &slot);
	if (!err)
		err = log_in(token, slot, name, secrets);
	if (!err)
		err = find_object(token, uri, CKO_PRIVATE_KEY, &token->key);
	if (!err)
		err = find_object(token, uri, CKO_PUBLIC_KEY, &public);
	if (!err)
		err = graft_token_public(token->f, token->session, public,
					 &token->type, public_ret);
	if (err)
		return err;
	*ret = GRAFT_TAKE(token);
	return NULL;
}

/** Turn r and s of a token into the DER that metadata have. */
GRAFT_MUST_CHECK static struct graft_error *
to_der(uint8_t *sig, size_t *sig_len)
{
	GRAFT_CLEANUP(ECDSA_SIG_freep) ECDSA_SIG *pair = ECDSA_SIG_new();
	uint8_t *at = sig;

	if (*sig_len != (size_t)2 * P256_HALF)
		return graft_error_new(GRAFT_ERROR_LIBRARY,
				       "the token: a signature of %zu bytes",
				       *sig_len);
	BIGNUM *r = BN_bin2bn(sig, P256_HALF, NULL);
	BIGNUM *s = BN_bin2bn(sig + P256_HALF, P256_HALF, NULL);
	if (!pair || !r || !s || ECDSA_SIG_set0(pair, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return graft_error_no_memory();
	}
	// Some bytes more than twice a half: there is room.
	const int len = i2d_ECDSA_SIG(pair, &at);
	if (len <= 0)
		return graft_error_no_memory();
	*sig_len = (size_t)len;
	return NULL;
}

struct graft_error *
graft_token_sign(const struct graft_token *token, const void *bytes, size_t len,
		 uint8_t *sig, size_t *sig_len)
{
	CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA256, CKG_MGF1_SHA256, SALT_LEN };
	CK_MECHANISM how = { CKM_EDDSA, NULL, 0 };
	CK_ULONG count = GRAFT_TRUST_SIGNATURE_MAX;
	uint8_t digest[DIGEST_LEN];

	if (token->type == CKK_RSA)
		how = (CK_MECHANISM){ CKM_SHA256_RSA_PKCS_PSS, &pss,
				      sizeof(pss) };
	if (token->type == CKK_EC) {
		// Few tokens hash for this kind themselves.
		how.mechanism = CKM_ECDSA;
		if (EVP_Digest(bytes, len, digest, NULL, EVP_sha256(), NULL) !=
		    1)
			return graft_error_no_memory();
		bytes = digest;
		len = sizeof(digest);
	}
	CK_RV code = token->f->C_SignInit(token->session, &how, token->key);
	if (code != CKR_OK)
		return graft_token_failed("C_SignInit", code);
	code = token->f->C_Sign(token->session, (unsigned char *)bytes, len,
				sig, &count);
	if (code != CKR_OK)
		return graft_token_failed("C_Sign", code);
	*sig_len = count;
	return token->type == CKK_EC ? to_der(sig, sig_len) : NULL;
}

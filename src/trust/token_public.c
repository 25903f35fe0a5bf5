// SPDX-License-Identifier: Apache-2.0

#include "trust/token_public.h"

#include "base/cleanup.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdint.h>
#include <string.h>

enum {
	ATTRIBUTE_MAX = 2048,
	/** DER of an octet string that short: 4, length, bytes. */
	DER_HEAD = 2,
	ED25519_LEN = 32,
	P256_LEN = 65,
};

GRAFT_DEFINE_CLEANUP(BIGNUM, BN_free)
GRAFT_DEFINE_CLEANUP(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
GRAFT_DEFINE_CLEANUP(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
GRAFT_DEFINE_CLEANUP(OSSL_PARAM, OSSL_PARAM_free)

/** An attribute of an object. */
struct value {
	uint8_t bytes[ATTRIBUTE_MAX];
	size_t len;
};

/** What is asked of a module. */
struct place {
	CK_FUNCTION_LIST *f;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE object;
};

GRAFT_MUST_CHECK static struct graft_error *
get(const struct place *place, CK_ATTRIBUTE_TYPE type, struct value *ret)
{
	CK_ATTRIBUTE attribute = { type, ret->bytes, sizeof(ret->bytes) };
	CK_RV code = place->f->C_GetAttributeValue(
		place->session, place->object, &attribute, 1);

	if (code != CKR_OK)
		return graft_token_failed("C_GetAttributeValue", code);
	if (attribute.ulValueLen > sizeof(ret->bytes))
		return graft_error_new(GRAFT_ERROR_LIBRARY,
				       "the token: an attribute of odd length");
	ret->len = attribute.ulValueLen;
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
no_such_kind(void)
{
	return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
			       "the token: a key that is neither Ed25519, "
			       "ECDSA with P-256 nor RSA");
}

static EVP_PKEY *
from_params(const char *kind, OSSL_PARAM_BLD *build)
{
	GRAFT_CLEANUP(EVP_PKEY_CTX_freep)
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
	GRAFT_CLEANUP(OSSL_PARAM_freep)
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY *pkey = NULL;

	if (!context || !params || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return pkey;
}

GRAFT_MUST_CHECK static struct graft_error *
read_rsa(const struct place *place, EVP_PKEY **ret)
{
	struct value modulus;
	struct value exponent;
	struct graft_error *err = get(place, CKA_MODULUS, &modulus);

	if (!err)
		err = get(place, CKA_PUBLIC_EXPONENT, &exponent);
	if (err)
		return err;
	GRAFT_CLEANUP(BN_freep)
	BIGNUM *n = BN_bin2bn(modulus.bytes, (int)modulus.len, NULL);
	GRAFT_CLEANUP(BN_freep)
	BIGNUM *e = BN_bin2bn(exponent.bytes, (int)exponent.len, NULL);
	GRAFT_CLEANUP(OSSL_PARAM_BLD_freep)
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	if (!n || !e || !build ||
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		return graft_error_no_memory();
	*ret = from_params("RSA", build);
	return *ret ? NULL : no_such_kind();
}

/** Read a point; some modules wrap it up as an octet string, some do not. */
GRAFT_MUST_CHECK static struct graft_error *
read_point(const struct place *place, size_t len, struct value *ret)
{
	struct graft_error *err = get(place, CKA_EC_POINT, ret);

	if (err)
		return err;
	if (ret->len == len + DER_HEAD && ret->bytes[0] == 4 &&
	    ret->bytes[1] == len) {
		memmove(ret->bytes, ret->bytes + DER_HEAD, len);
		ret->len = len;
	}
	return ret->len == len ? NULL : no_such_kind();
}

GRAFT_MUST_CHECK static struct graft_error *
read_p256(const struct place *place, EVP_PKEY **ret)
{
	struct value point;
	struct graft_error *err = read_point(place, P256_LEN, &point);

	if (err)
		return err;
	GRAFT_CLEANUP(OSSL_PARAM_BLD_freep)
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	if (!build ||
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME,
					    "prime256v1", 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY,
					     point.bytes, point.len) != 1)
		return graft_error_no_memory();
	// A point of another curve is not on this one.
	*ret = from_params("EC", build);
	return *ret ? NULL : no_such_kind();
}

GRAFT_MUST_CHECK static struct graft_error *
read_ed25519(const struct place *place, EVP_PKEY **ret)
{
	struct value point;
	struct graft_error *err = read_point(place, ED25519_LEN, &point);

	if (err)
		return err;
	*ret = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point.bytes,
					   point.len);
	return *ret ? NULL : no_such_kind();
}

struct graft_error *
graft_token_public(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session,
		   CK_OBJECT_HANDLE object, CK_KEY_TYPE *type_ret,
		   EVP_PKEY **ret)
{
	const struct place place = { f, session, object };
	CK_ATTRIBUTE type = { CKA_KEY_TYPE, type_ret, sizeof(*type_ret) };
	CK_RV code = f->C_GetAttributeValue(session, object, &type, 1);

	if (code != CKR_OK)
		return graft_token_failed("C_GetAttributeValue", code);
	switch (*type_ret) {
	case CKK_RSA:
		return read_rsa(&place, ret);
	case CKK_EC:
		return read_p256(&place, ret);
	case CKK_EC_EDWARDS:
		return read_ed25519(&place, ret);
	default:
		return no_such_kind();
	}
}

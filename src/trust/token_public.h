// SPDX-License-Identifier: Apache-2.0

/** @file The public half of a key in a token. Inside trust/ only. */

#ifndef GRAFT_TRUST_TOKEN_PUBLIC_H
#define GRAFT_TRUST_TOKEN_PUBLIC_H

#include "base/error.h"

#include <openssl/types.h>
#include <p11-kit/pkcs11.h>

/**
 * Read a public key.
 *
 * @param[in] f Functions of the module.
 * @param[in] object The public key.
 * @param[out] type_ret CKK_RSA, CKK_EC or CKK_EC_EDWARDS.
 * @param[out] ret New; the caller frees it.
 * @return NULL; #GRAFT_ERROR_UNSUPPORTED of another kind; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_token_public(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session,
		   CK_OBJECT_HANDLE object, CK_KEY_TYPE *type_ret,
		   EVP_PKEY **ret);

/** Make the error of a call of a module. @param[in] code Its CK_RV. */
GRAFT_MUST_CHECK struct graft_error *
graft_token_failed(const char *what, unsigned long code);

#endif /* GRAFT_TRUST_TOKEN_PUBLIC_H */

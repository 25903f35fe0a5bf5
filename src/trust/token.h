// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A key in a token, by PKCS#11. The private half never leaves it. Inside trust/ only.
 *
 * The module (a shared library of the token's maker) is named by the URI and loaded into
 * this process: whoever can name it runs code here, so it is only ever what the command
 * line says.
 */

#ifndef GRAFT_TRUST_TOKEN_H
#define GRAFT_TRUST_TOKEN_H

#include "base/cleanup.h"
#include "base/error.h"
#include "trust/secrets.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** Longest part of a URI, with its NUL. */
	GRAFT_TOKEN_TEXT_LEN = 256,
	GRAFT_TOKEN_PATH_LEN = 4096,
	GRAFT_TOKEN_ID_LEN = 64,
};

/** What a URI says; "" and 0: nothing. */
struct graft_token_uri {
	char token[GRAFT_TOKEN_TEXT_LEN];
	char serial[GRAFT_TOKEN_TEXT_LEN];
	char object[GRAFT_TOKEN_TEXT_LEN];
	uint8_t id[GRAFT_TOKEN_ID_LEN];
	size_t id_len;
	char module[GRAFT_TOKEN_PATH_LEN];
};

/**
 * Read a URI of RFC 7512, of which `token`, `serial`, `object`, `id`, `type=private` and
 * `module-path` are understood; anything else is refused, a PIN above all.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_NOT_PERMITTED with a PIN in it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_token_uri_read(const char *text, struct graft_token_uri *ret);

/** A key in a token. */
struct graft_token;

/**
 * Open a key in a token: asks for the PIN.
 *
 * @param[in] name The URI as it was given, for errors and questions.
 * @param[out] ret New; graft_token_close().
 * @param[out] public_ret Its public half, which the caller frees.
 * @return As graft_signer_open().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_token_open(const struct graft_token_uri *uri, const char *name,
		 struct graft_secrets *secrets, struct graft_token **ret,
		 EVP_PKEY **public_ret);

/**
 * Sign bytes, in the form that key.h asks for.
 *
 * @param[out] sig Room for GRAFT_TRUST_SIGNATURE_MAX bytes.
 * @param[out] sig_len How many there are.
 * @return NULL; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_token_sign(const struct graft_token *token, const void *bytes, size_t len,
		 uint8_t *sig, size_t *sig_len);

/** Log out of a token and close it. NULL is a no-op. */
void
graft_token_close(struct graft_token *token);
GRAFT_DEFINE_CLEANUP(struct graft_token, graft_token_close)

#endif /* GRAFT_TRUST_TOKEN_H */

// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Keys that sign metadata: in files, or in a token by PKCS#11.
 *
 * A file is PEM: PKCS#8 with a passphrase (`ENCRYPTED PRIVATE KEY`), without one
 * (`PRIVATE KEY`), or only the public half (`PUBLIC KEY`), which does not sign, but can be
 * given a role. A private one that others may read is refused. A token is named by a URI
 * of RFC 7512: `pkcs11:token=NAME;object=NAME?module-path=FILE`; its PIN is asked for as
 * passphrases are, and never a part of the URI.
 *
 * Kinds are those of key.h: Ed25519, ECDSA with P-256, RSA-PSS.
 */

#ifndef GRAFT_TRUST_SIGNER_H
#define GRAFT_TRUST_SIGNER_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "trust/key.h"
#include "trust/secrets.h"

#include <stdbool.h>
#include <stddef.h>

/** A key that may sign. */
struct graft_signer;

/**
 * Open a key.
 *
 * @param[in] name Path of a file, or a URI.
 * @param[in,out] secrets Asked if it has a passphrase. Borrowed for the call.
 * @param[out] ret New; graft_signer_close().
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_NOT_PERMITTED for a file that others
 * may read, or a wrong passphrase or PIN; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_UNSUPPORTED;
 * #GRAFT_ERROR_LIBRARY. No message holds a secret.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_signer_open(const char *name, struct graft_secrets *secrets,
		  struct graft_signer **ret);

/**
 * Make a file with a new key of Ed25519 that has no passphrase: for programs that sign while
 * nobody is there. Only its owner may read it.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED if there is something of that name; #GRAFT_ERROR_OS;
 * #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_signer_make_file(const char *path);

/** Get how it was named. */
const char *
graft_signer_name(const struct graft_signer *signer);

/** Ask whether it has the private half. */
bool
graft_signer_signs(const struct graft_signer *signer);

/** Ask whether something guards the private half: a passphrase or a token. */
bool
graft_signer_guarded(const struct graft_signer *signer);

/** Get the public half. Lives as long as the signer. */
const struct graft_key *
graft_signer_key(const struct graft_signer *signer);

/** Get the public half as an object of metadata, in JSON. */
const char *
graft_signer_json(const struct graft_signer *signer);

/** Get its id: SHA-256 of the canonical form of that object, in digits. */
const char *
graft_signer_id(const struct graft_signer *signer);

/**
 * Sign bytes. The signature was verified with the public half.
 *
 * @param[out] ret Hexadecimal digits that the caller frees.
 * @return NULL; #GRAFT_ERROR_REFUSED of a public half; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_signer_sign(const struct graft_signer *signer, const void *bytes,
		  size_t len, char **ret);

/** Wipe and close a key. NULL is a no-op. */
void
graft_signer_close(struct graft_signer *signer);
GRAFT_DEFINE_CLEANUP(struct graft_signer, graft_signer_close)

#endif /* GRAFT_TRUST_SIGNER_H */

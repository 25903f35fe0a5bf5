// SPDX-License-Identifier: Apache-2.0

// Client and server sides of several mechanisms, NTLM above all: its client is
// what the update corrects.

#include "driver.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AUTHID = 1, AUTHZID = 2, PASSWORD = 3, SERVICE = 5, HOSTNAME = 6 };

static int (*step64)(void *, const char *, char **);

static void
say(void *session, const char *what, const char *input)
{
	char *output = NULL;
	int status = step64(session, input, &output);

	printf("%s: %d %s\n", what, status, output ? output : "-");
	free(output);
}

/** Start a client with a user and a password. */
static void *
start(void *context, const char *mechanism)
{
	int (*client)(void *, const char *,
		      void **) = find("gsasl_client_start");
	int (*set)(void *, int, const char *) = find("gsasl_property_set");
	void *session = NULL;

	printf("%s: start %d\n", mechanism,
	       client(context, mechanism, &session));
	if (!session)
		return NULL;
	(void)set(session, AUTHID, "user");
	(void)set(session, AUTHZID, "other");
	(void)set(session, PASSWORD, "pencil");
	(void)set(session, SERVICE, "imap");
	(void)set(session, HOSTNAME, "example.org");
	return session;
}

void
answer(void)
{
	int (*init)(void **) = find("gsasl_init");
	void (*done)(void *) = find("gsasl_done");
	void (*finish)(void *) = find("gsasl_finish");
	static const char *const challenges[] = {
		// NTLM type 2 of a server "DOMAIN", flags 0x8201, fixed nonce.
		"TlRMTVNTUAACAAAADAAMADAAAAABAoEAASNFZ4mrze8AAAAAAAAAAAAAAAAwAAAA"
		"RABPAE0AQQBJAE4A",
		// Cut behind the signature, and one that is none.
		"TlRMTVNTUAACAAAA",
		"bm8gY2hhbGxlbmdl",
		"",
	};
	void *context = NULL;
	void *session;

	// OLD lets memory out that nobody wrote: let it be the same each time.
	(void)mallopt(M_PERTURB, 0x55);
	step64 = find("gsasl_step64");
	printf("init %d\n", init(&context));
	for (size_t i = 0; i < sizeof(challenges) / sizeof(*challenges); i++) {
		session = start(context, "NTLM");
		if (!session)
			break;
		say(session, "type 1", "");
		say(session, "type 3", challenges[i]);
		say(session, "again", challenges[i]);
		finish(session);
	}
	session = start(context, "PLAIN");
	say(session, "plain", "");
	finish(session);
	session = start(context, "CRAM-MD5");
	say(session, "cram", "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2U+");
	finish(session);
	session = start(context, "LOGIN");
	say(session, "login", "");
	say(session, "login", "");
	finish(session);
	done(context);
}

// SPDX-License-Identifier: Apache-2.0

#include "compliance/compliance.h"

#include "trust/canonical.h"
#include "trust/json.h"

#include <stdlib.h>
#include <string.h>

static void
put(const char *key_id, const char *sig, const struct graft_node *signed_part,
    struct graft_text *out)
{
	graft_text_put(out, "{\"signatures\":[{\"keyid\":");
	graft_json_put_string(out, key_id, strlen(key_id));
	graft_text_put(out, ",\"sig\":");
	graft_json_put_string(out, sig, strlen(sig));
	graft_text_put(out, "}],\"signed\":");
	graft_json_put_node(out, signed_part);
	graft_text_put(out, "}\n");
}

void
graft_compliance_put(const struct graft_compliance *report,
		     struct graft_text *out)
{
	put(report->key_id, report->sig, report->signed_part, out);
}

struct graft_error *
graft_compliance_sign(const char *signed_part,
		      const struct graft_signer *signer, struct graft_text *out)
{
	GRAFT_CLEANUP(graft_document_freep)
	struct graft_document *document = NULL;
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *report = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_FREE uint8_t *canonical = NULL;
	GRAFT_FREE char *sig = NULL;
	size_t len = 0;

	struct graft_error *err = graft_document_parse(
		signed_part, strlen(signed_part), &document);
	if (!err)
		err = graft_canonical_make(graft_document_root(document),
					   &canonical, &len);
	if (!err)
		err = graft_signer_sign(signer, canonical, len, &sig);
	if (err)
		return err;
	put(graft_signer_id(signer), sig, graft_document_root(document), &text);
	if (text.failed)
		return graft_error_no_memory();
	// What nobody would take is not sent.
	err = graft_compliance_decode(text.str, text.len, &report);
	if (err)
		return err;
	graft_text_put_bytes(out, text.str, text.len);
	return out->failed ? graft_error_no_memory() : NULL;
}

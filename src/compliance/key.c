// SPDX-License-Identifier: Apache-2.0

// The public key of a host, as a file:
//
//     { "_type": "graft-compliance-key", "host": ..., "key": { ... }, "origin": "first-use" }
//
// The last member is there only where nobody enrolled it.

#include "compliance/hosts.h"

#include "trust/json.h"
#include "trust/shape.h"

#include <string.h>

void
graft_compliance_key_deinit(struct graft_compliance_key *key)
{
	graft_document_free(key->document);
	graft_key_free(key->key);
	*key = (struct graft_compliance_key){ 0 };
}

struct graft_error *
graft_compliance_key_decode(const void *bytes, size_t len,
			    struct graft_compliance_key *ret)
{
	const struct graft_node *type = NULL;
	const struct graft_node *host = NULL;

	*ret = (struct graft_compliance_key){ 0 };
	if (len > GRAFT_COMPLIANCE_KEY_BYTES_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "it has more than %d bytes",
				       GRAFT_COMPLIANCE_KEY_BYTES_MAX);
	struct graft_error *err = graft_document_parse(bytes, len,
						       &ret->document);
	if (err)
		return err;
	const struct graft_node *root = graft_document_root(ret->document);
	err = graft_shape_take(root, "_type", GRAFT_NODE_STRING, &type);
	if (!err && strcmp(type->text, "graft-compliance-key") != 0)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "it is no key of a host: graft "
				      "compliance key prints it there");
	if (!err)
		err = graft_shape_take(root, "host", GRAFT_NODE_STRING, &host);
	if (!err && !graft_compliance_is_host(host->text))
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "\"host\" is no name of a host");
	if (!err)
		err = graft_shape_take(root, "key", GRAFT_NODE_OBJECT,
				       &ret->node);
	if (!err)
		err = graft_key_decode(ret->node, &ret->key);
	if (!err)
		err = graft_key_id(ret->node, ret->id);
	if (err)
		return err;
	ret->host = host->text;
	ret->first_use = graft_node_get(root, "origin") != NULL;
	return NULL;
}

void
graft_compliance_key_put(const char *host, const char *json, bool first_use,
			 struct graft_text *text)
{
	graft_text_put(text, "{\"_type\":\"graft-compliance-key\",\"host\":");
	graft_json_put_string(text, host, strlen(host));
	graft_text_printf(text, ",\"key\":%s%s}\n", json,
			  first_use ? ",\"origin\":\"first-use\"" : "");
}

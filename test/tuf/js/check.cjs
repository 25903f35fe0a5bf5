// SPDX-License-Identifier: Apache-2.0
//
// Read metadata that others wrote: node check.cjs FOLDER
// Each signature of each file must be good over the bytes that this canonical form gives, by
// a key that a root or a delegation there lists; prints how many there were.
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { canonicalize } = require('@tufjs/canonical-json');
const m = require('@tufjs/models');

const folder = process.argv[2];
const files = fs.readdirSync(folder).sort().map((name) =>
  [name, JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8'))]);
const keys = {};
for (const [, file] of files)
  Object.assign(keys, file.signed.keys || {}, (file.signed.delegations || {}).keys || {});
const kinds = { root: m.MetadataKind.Root, targets: m.MetadataKind.Targets,
  snapshot: m.MetadataKind.Snapshot, timestamp: m.MetadataKind.Timestamp };
let count = 0;
for (const [name, file] of files) {
  const again = m.Metadata.fromJSON(kinds[file.signed._type], file);
  const bytes = Buffer.from(canonicalize(file.signed));
  if (!bytes.equals(Buffer.from(canonicalize(again.signed.toJSON())))) throw new Error(`${name}: read otherwise`);
  for (const { keyid, sig } of file.signatures) {
    const key = m.Key.fromJSON(keyid, keys[keyid]);
    // What signed it hashed the canonical form of the key for its id.
    if (crypto.createHash('sha256').update(canonicalize(keys[keyid])).digest('hex') !== keyid)
      throw new Error(`${name}: the id of a key is another`);
    key.verifySignature(again);
    const pem = keys[keyid].keyval.public;
    const pub = pem.startsWith('-----') ? crypto.createPublicKey(pem)
      : crypto.createPublicKey({ format: 'der', type: 'spki',
        key: Buffer.from(`302a300506032b6570032100${pem}`, 'hex') });
    const how = keys[keyid].keytype === 'rsa'
      ? { key: pub, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : pub;
    if (!crypto.verify(keys[keyid].keytype === 'ed25519' ? null : 'sha256', bytes, how, Buffer.from(sig, 'hex')))
      throw new Error(`${name}: ${keyid} did not sign these bytes`);
    count++;
  }
}
console.log(count);

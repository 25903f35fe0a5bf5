// SPDX-License-Identifier: Apache-2.0
//
// Write a repository with @tufjs/models, signed by node's crypto: node write.cjs FOLDER
// What it writes has names and members that a writer of ours would not think of.
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { canonicalize } = require('@tufjs/canonical-json');
const m = require('@tufjs/models');

const folder = process.argv[2];
const expires = new Date(Date.now() + 30 * 86400000).toISOString().replace(/\.\d+Z/, 'Z');
const odd = { 'x-odd': ['\u00e9\n"\\\u0001\u2028', { z: 1, a: -7, Z: null, '': true }] };

function makeKey(type) {
  const pair = type === 'ecdsa' ? crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : type === 'rsa' ? crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })
      : crypto.generateKeyPairSync('ed25519');
  const keyVal = { public: pair.publicKey.export({ type: 'spki', format: 'pem' }) };
  const scheme = { ecdsa: 'ecdsa-sha2-nistp256', rsa: 'rsassa-pss-sha256', ed25519: 'ed25519' }[type];
  const keyID = crypto.createHash('sha256').update(canonicalize({ keytype: type, scheme, keyval: keyVal })).digest('hex');
  const key = new m.Key({ keyID, keyType: type, scheme, keyVal, unrecognizedFields: odd });
  const how = type === 'rsa' ? { key: pair.privateKey, padding: crypto.constants.RSA_PKCS1_PSS_PADDING }
    : pair.privateKey;
  const sign = (data) => new m.Signature({
    keyID, sig: crypto.sign(type === 'ed25519' ? null : 'sha256', data, how).toString('hex') });
  return { key, sign };
}

function write(name, metadata, signers) {
  for (const signer of signers) metadata.sign(signer.sign, true);
  fs.writeFileSync(path.join(folder, 'metadata', name), JSON.stringify(metadata.toJSON()));
}

fs.mkdirSync(path.join(folder, 'metadata'));
const of = { root: [makeKey('rsa'), makeKey('ecdsa')], timestamp: [makeKey('ed25519')],
  snapshot: [makeKey('ecdsa')], targets: [makeKey('rsa')], leaf: [makeKey('ed25519')] };
for (const version of [1, 2]) {
  const root = new m.Root({ version, specVersion: '1.0.0', expires, consistentSnapshot: true,
    unrecognizedFields: odd });
  for (const role of ['root', 'timestamp', 'snapshot', 'targets'])
    for (const one of of[role]) root.addKey(one.key, role);
  write(`${version}.root.json`, new m.Metadata(root), of.root);
}
const content = Buffer.from('content of a file');
const hash = crypto.createHash('sha512').update(content).digest('hex');
const leaf = new m.Targets({ version: 3, specVersion: '1.0.0', expires, targets: {
  'a/b c': new m.TargetFile({ path: 'a/b c', length: content.length, hashes: { sha512: hash },
    unrecognizedFields: { custom: odd } }) } });
const role = { name: 'leaf', keyids: [of.leaf[0].key.keyID], threshold: 1, terminating: false,
  paths: ['a/*'] };
const targets = m.Targets.fromJSON({ _type: 'targets', version: 5, spec_version: '1.0.0', expires,
  targets: {}, delegations: { roles: [role],
    keys: { [of.leaf[0].key.keyID]: of.leaf[0].key.toJSON() } } });
const snapshot = new m.Snapshot({ version: 7, specVersion: '1.0.0', expires, meta: {
  'targets.json': new m.MetaFile({ version: 5 }), 'leaf.json': new m.MetaFile({ version: 3 }) } });
const timestamp = new m.Timestamp({ version: 9, specVersion: '1.0.0', expires,
  snapshotMeta: new m.MetaFile({ version: 7 }) });
write('3.leaf.json', new m.Metadata(leaf), of.leaf);
write('5.targets.json', new m.Metadata(targets), of.targets);
write('7.snapshot.json', new m.Metadata(snapshot), of.snapshot);
write('timestamp.json', new m.Metadata(timestamp), of.timestamp);
fs.mkdirSync(path.join(folder, 'targets', 'a'), { recursive: true });
fs.writeFileSync(path.join(folder, 'targets', 'a', `${hash}.b c`), content);

// SPDX-License-Identifier: Apache-2.0
//
// A client by tuf-js: node read.cjs METADATA-DIR METADATA-URL TARGET-DIR TARGET-URL [PATH]
// Refreshes, and gets a target if one is named. Exit status 0 or 1.
const { Updater } = require('tuf-js');

const [metadataDir, metadataBaseUrl, targetDir, targetBaseUrl, name] = process.argv.slice(2);

async function main() {
  const updater = new Updater({ metadataDir, metadataBaseUrl, targetDir, targetBaseUrl,
    config: { fetchRetries: 0, fetchRetry: 0 } });
  await updater.refresh();
  if (!name) return;
  const info = await updater.getTargetInfo(name);
  if (!info) throw new Error('no such target');
  await updater.downloadTarget(info);
}

main().then(() => process.exit(0), (err) => { console.error(String(err)); process.exit(1); });

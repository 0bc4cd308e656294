import type { Command } from "../args.ts";
import { findFolder, openRepository, STORE_FLAGS } from "../config/folder.ts";
import { findRevision, REVISION_HELP } from "../config/revision.ts";
import { keyId, readKey } from "../config/signatures.ts";
import { readText } from "../config/texts.ts";
import { signatureFaults, verifyCommit, verifyStore } from "../config/verify.ts";
import { EXIT } from "../failure.ts";
import { JSON_FLAG } from "../jsonflag.ts";

export const command: Command = {
  name: "config verify",
  summary: "check everything in the store, and who signed",
  words: [{ name: "REV", optional: true }],
  flags: {
    key: { value: "PUB", many: true, help: "a public key that has to have signed; several: at least one of them" },
    ...STORE_FLAGS,
    ...JSON_FLAG,
  },
  details: `Without REV it reads every object of the local store and everything that refs and commits name, and says all that is
wrong; --key then asks of what each ref names. With REV it is that commit with all its files and signatures.
Exit codes: 0 all holds, 3 something is damaged or missing, 1 nothing is, but the signatures are not as asked for.
${REVISION_HELP}`,
  examples: ["moult config verify", "moult config verify web/prod --key release-2026.pub.pem"],
  run: async (given, { out, err, env }) => {
    const folder = findFolder(given);
    const repository = openRepository(folder, given, env);
    const keys = given.list("key").map((file) => ({ file, key: readKey(file, readText(file), "public") }));
    const [word] = given.words;
    const revision = word === undefined ? undefined : await findRevision(repository, word);
    const found = revision
      ? await verifyCommit(repository, revision.digest, revision.commit)
      : await verifyStore(repository);
    const asked = revision ? [revision] : [];
    if (!revision && keys.length > 0 && found.faults.length === 0)
      for (const { ref } of await repository.refs())
        asked.push({ text: ref.commit, digest: ref.commit, commit: await repository.commit(ref.commit) });
    const unsigned = [];
    for (const { digest, commit } of found.faults.length === 0 ? asked : [])
      unsigned.push(...signatureFaults(digest, commit, await repository.signatures(digest), keys));
    const valid = found.faults.length === 0 && unsigned.length === 0;
    const faults = [...found.faults, ...unsigned];
    const code = valid ? EXIT.ok : found.faults.length > 0 ? EXIT.refused : EXIT.failed;
    if (given.has("json")) {
      out.write(`${JSON.stringify({ valid, ...found, faults })}\n`);
      return code;
    }
    const names = new Map(keys.map(({ file, key }) => [keyId(key), file]));
    for (const [digest, by] of Object.entries(found.signed))
      out.write(
        `${digest.slice(0, 12)} signed with ${by.map((key) => names.get(key) ?? key.slice(0, 12)).join(", ")}\n`,
      );
    if (valid) out.write(`all holds: ${found.refs} refs, ${found.commits} commits, ${found.blobs} blobs\n`);
    else {
      const count = faults.length === 1 ? "one thing does not hold" : `${faults.length} things do not hold`;
      err.write(`${err.paint("red", "moult:")} ${count}\n`);
      for (const { object, why } of faults) err.write(`  ${why.includes(object) ? why : `${object}: ${why}`}\n`);
    }
    return code;
  },
};

import { type Command, usage } from "../args.ts";
import { findFolder, openRepository, STORE_FLAGS } from "../config/folder.ts";
import { findRevision, REVISION_HELP } from "../config/revision.ts";
import { keyId, readKey } from "../config/signatures.ts";
import { addSignatures } from "../config/signing.ts";
import { readText } from "../config/texts.ts";
import { EXIT } from "../failure.ts";
import { JSON_FLAG } from "../jsonflag.ts";

export const command: Command = {
  name: "config sign",
  summary: "add a signature to a commit",
  words: [{ name: "REV" }],
  flags: {
    key: { value: "KEY", many: true, help: "a private key of moult config keygen" },
    ...STORE_FLAGS,
    ...JSON_FLAG,
  },
  details: `Signatures of other keys stay: while keys are rotated, a commit carries one of each. The commit's digest does not
change; moult config push brings the signature to machines.
${REVISION_HELP}`,
  examples: ["moult config sign web/prod --key release-2027.pem"],
  run: async (given, { out, env }) => {
    const files = given.list("key");
    if (files.length === 0) throw usage("which key? Name it with --key KEY.pem");
    const keys = files.map((file) => readKey(file, readText(file), "private"));
    const repository = openRepository(findFolder(given), given, env);
    const revision = await findRevision(repository, given.word(0));
    const signatures = await addSignatures(repository, revision, keys);
    const signedBy = Object.keys(signatures).sort();
    if (given.has("json")) out.write(`${JSON.stringify({ commit: revision.digest, signedBy })}\n`);
    else {
      const mine = new Set(keys.map(keyId));
      const others = signedBy.filter((key) => !mine.has(key));
      out.write(`${revision.digest} is signed with ${[...mine].map((key) => key.slice(0, 12)).join(", ")}\n`);
      if (others.length > 0) out.write(`and still with ${others.map((key) => key.slice(0, 12)).join(", ")}\n`);
    }
    return EXIT.ok;
  },
};

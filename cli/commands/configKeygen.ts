import { generateKeyPairSync } from "node:crypto";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "../args.ts";
import { isCode } from "../config/lock.ts";
import { keyId } from "../config/signatures.ts";
import { CliError, EXIT } from "../failure.ts";
import { JSON_FLAG } from "../jsonflag.ts";

export const command: Command = {
  name: "config keygen",
  summary: "make a key that signs commits",
  words: [{ name: "NAME" }],
  flags: JSON_FLAG,
  details: `Writes NAME.pem (Ed25519, mode 0600, no passphrase: keep it where only releases are made) and NAME.pub.pem, which goes
into images at /usr/lib/moult/keys/. An image that holds any key refuses a commit that none of them signed. Nothing is ever
written over.`,
  examples: ["moult config keygen release-2026"],
  run: async (given, { out }) => {
    const name = given.word(0).replace(/\.pem$/, "");
    const [secret, open] = [resolve(`${name}.pem`), resolve(`${name}.pub.pem`)];
    const there = [secret, open].filter((file) => existsSync(file));
    if (there.length > 0) throw inTheWay(there);
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    create(secret, String(privateKey.export({ type: "pkcs8", format: "pem" })), 0o600);
    try {
      create(open, String(publicKey.export({ type: "spki", format: "pem" })), 0o644);
    } catch (problem) {
      rmSync(secret);
      throw problem;
    }
    const key = keyId(publicKey);
    if (given.has("json")) out.write(`${JSON.stringify({ key, private: secret, public: open })}\n`);
    else out.write(`key ${key}\n${secret} signs; keep it secret\n${open} goes into images, to /usr/lib/moult/keys/\n`);
    return EXIT.ok;
  },
};

function create(file: string, text: string, mode: number): void {
  try {
    writeFileSync(file, text, { mode, flag: "wx" });
  } catch (problem) {
    if (isCode(problem, "EEXIST")) throw inTheWay([file]);
    throw new CliError(EXIT.usage, `${file} cannot be written: ${problem instanceof Error ? problem.message : ""}`);
  }
}

function inTheWay(files: readonly string[]): CliError {
  return new CliError(
    EXIT.usage,
    `${files.join(" and ")} ${files.length === 1 ? "is" : "are"} there already, and a key is never written over`,
    "Choose another name: old and new keys live side by side while keys are rotated.",
  );
}

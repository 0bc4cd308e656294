import type { Reading } from "./reading.ts";

const key = /-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----/;
/** A name that sounds like one, with a value that is neither a number, a path, a placeholder nor a word like true. */
const assignment =
  /(pass(word|wd|phrase)?|secret|token|api[_-]?key|credentials?)["']?[ \t]{0,8}[:=][ \t]{0,8}["']?(?!(\d+|true|false|yes|no|none|null)["']?[ \t,;]*$)[^\s"'{$<%/]/i;
const inUrl = /:\/\/[^\s/:@]{1,64}:[^\s/@]{1,256}@/;
/** A ceph keyring, WireGuard, and others that say just `key`. */
const bareKey = /^[ \t]{0,8}\w{0,16}key[ \t]{0,8}[:=][ \t]{0,8}["']?[A-Za-z0-9+/_-]{28,}={0,2}["']?\s*$/i;
/** A file that is one long word of letters and digits: a fernet key, an Erlang cookie, a token. */
const oneWord = /^(?=[A-Z]+\s*$|.*[0-9].*)(?=.*[A-Za-z])[A-Za-z0-9+/_=-]{20,200}\s*$/;
/** A longer line is no configuration that a person wrote. */
const longest = 4_096;

/** Says when bytes are a private key, or a text with a line that looks like a password. Never what they are. */
export function noteSecret(reading: Reading, at: string, bytes: Buffer): "key" | "line" | "none" {
  const text = bytes.toString("latin1");
  if (key.test(text)) {
    reading.note(
      "secret",
      at,
      "private-key",
      "It holds a private key, which would lie in files/, in a bucket and on the machine's disk. It was not written down.",
      "Put it into Secret Manager, under the name that the manifest gives as `secret`, and its version under `secrets`.",
    );
    return "key";
  }
  const isSecret = (line: string) => line.length <= longest && !/^\s*[#;]/.test(line) && looksSecret(line);
  const line = oneWord.test(text) ? 0 : text.split("\n").findIndex(isSecret);
  if (line < 0) return "none";
  reading.note(
    "secret",
    at,
    "looks-secret",
    `Its line ${line + 1} looks like a password or token, and files/ is no place for one. The file was not written down.`,
    "Make it a template that asks for {{ secrets.NAME }}, with the version under `secrets`; if it is none, copy it into files/.",
  );
  return "line";
}

function looksSecret(line: string): boolean {
  return assignment.test(line) || bareKey.test(line) || inUrl.test(line);
}

import { describe, expect, it } from "vitest";
import { readJson } from "../../../agent/plan/json.ts";
import { Reading } from "../../../cli/manifest/from/reading.ts";
import { noteSecret } from "../../../cli/manifest/from/secretive.ts";

function judge(text: string): { kind: string; said: string } {
  const reading = new Reading(readJson("configuration", "{}"));
  const kind = noteSecret(reading, "", Buffer.from(text));
  return { kind, said: JSON.stringify(reading.untranslated()) };
}

describe("what looks like a secret", () => {
  it.each([
    ["a password", "port = 1\ndb_password = hunter-2x\n"],
    ["one in JSON", '{\n  "token": "hunter-2x"\n}\n'],
    ["one in YAML", "auth:\n  apiKey: hunter-2x\n"],
    ["one in a shell's file", "export DB_PASSWD='hunter-2x'\n"],
    ["one in a URL", "url = mysql://web:hunter-2x@10.0.0.1/web\n"],
    ["a keyring of Ceph", "[client.nova]\n\tkey = AQBhunter2xAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n"],
    ["a fernet key", "hunter2xAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"],
    ["an Erlang cookie", "HUNTERXABCDEFGHIJKLM"],
  ])("%s is told by its line, without its value", (_sentence, text) => {
    const { kind, said } = judge(text);
    expect(kind).toBe("line");
    expect(said).toContain("looks-secret");
    expect(said.toLowerCase()).not.toContain("hunter");
  });

  it.each(["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])("%s is a key", (name) => {
    expect(judge(`x\n-----BEGIN ${name}-----\nhunter\n`).kind).toBe("key");
  });

  it.each([
    ["a certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"],
    ["a path", "tls_key = /etc/web/tls.key\npassword_file: /etc/web/password\n"],
    ["a placeholder", "password = {{ secrets.db }}\ntoken=$TOKEN\nsecret = <none>\n"],
    ["a number or a word", "token: 3600\nsecret = true\npassword: none\n"],
    ["a comment", "# password = change-me\n; token = change-me\n"],
    ["a setting about passwords", "PasswordAuthentication no\npassword_min_length = 12\n"],
    ["an address", "http://10.0.0.1:8080/a@b\n"],
    ["a name", "web-1\n"],
    ["nothing", ""],
  ])("%s does not", (_sentence, text) => {
    expect(judge(text)).toEqual({ kind: "none", said: "[]" });
  });

  it("is looked for without going back and forth in a long line", () => {
    const began = performance.now();
    for (const part of ["password ", "key=", "a://b", "x", "token:'", "=\t"]) judge(part.repeat(200_000));
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

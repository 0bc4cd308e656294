import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createSecureServer, type Http2ServerResponse, type ServerHttp2Session } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openOrigin } from "../../../agent/edge/http.ts";
import { listening } from "../complaints/stage.ts";

test("a session that is told to go away, and closes late, does not take its successor with it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "moult-session-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const subject = ["-subj", "/CN=vault", "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", ["req", "-x509", ...kind, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
  const ca = readFileSync(cert);
  let held: Http2ServerResponse | undefined;
  const sessions: ServerHttp2Session[] = [];
  const server = createSecureServer({ key: readFileSync(key), cert: ca }, (request, response) => {
    if (request.url !== "/held") return response.end("at once");
    held = response;
    request.stream.session?.goaway();
  });
  server.on("session", (session) => sessions.push(session));
  const origin = openOrigin(`https://127.0.0.1:${await listening(server)}`, ca);
  const late = origin.ask({ path: "/held", timeoutMs: 10_000 });
  const first = () => sessions[0];
  await expect.poll(() => held !== undefined).toBe(true);
  await expect
    .poll(async () => {
      await origin.ask({ path: "/", timeoutMs: 10_000 });
      return sessions.length;
    })
    .toBe(2);
  held?.end("in the end");
  expect(String((await late).body)).toBe("in the end");
  await expect.poll(() => first()?.destroyed).toBe(true);
  for (let again = 0; again < 3; again++) await origin.ask({ path: "/", timeoutMs: 10_000 });
  expect(sessions).toHaveLength(2);
  origin.close();
  for (const session of sessions) session.destroy();
  server.close();
  rmSync(folder, { recursive: true });
});

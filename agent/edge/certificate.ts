import type { PeerCertificate } from "node:tls";
import { outOfTime } from "./clock.ts";
import { transportError } from "./http.ts";
import { Refused } from "./retry.ts";

/** OpenSSL's and Node's words for what can be wrong with a certificate; alerts of the other side are ERR_SSL_…. */
const wrong = /^(?!ERR_SSL).*(CERT|ISSUER|LEAF|_CA$|PURPOSE|HOSTNAME|PATH_LENGTH|CRL)/;

/**
 * What a connection's failure means when its certificate is to blame: final, because a token must never be shown to
 * somebody else, unless it is our clock that is wrong.
 * @param shown what the other side showed.
 * @param pinned whether other roots are trusted than the usual ones.
 */
export function certificateError(
  error: unknown,
  host: string,
  shown: PeerCertificate | undefined,
  pinned: boolean,
): Error {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!wrong.test(code)) return transportError(error);
  const by = shown?.issuer ? ` by "${name(shown.issuer)}"` : "";
  const certificate = `the certificate of ${host}${by}`;
  const valid = shown?.valid_from ? ([shown.valid_from, shown.valid_to] as const) : undefined;
  if (code === "CERT_NOT_YET_VALID")
    return outOfTime(`${certificate} is not valid before ${valid?.[0] ?? "later"} (${code})`, valid);
  if (code === "CERT_HAS_EXPIRED")
    return outOfTime(`${certificate} is not valid since ${valid?.[1] ?? "earlier"} (${code})`, valid);
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return new Refused(
      `${certificate} is for "${shown?.subject ? name(shown.subject) : "others"}", not for it (${code})`,
    );
  const roots = pinned
    ? "the CA file"
    : process.execArgv.includes("--use-openssl-ca")
      ? "the system"
      : "Node.js itself";
  return new Refused(
    `${certificate} is not vouched for by the roots of ${roots} (${code}); does a proxy open TLS on the way?`,
  );
}

function name({ CN, O }: PeerCertificate["issuer"]): string {
  return String(CN ?? O ?? "nobody").slice(0, 80);
}

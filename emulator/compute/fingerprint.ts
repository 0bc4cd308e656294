const plain = (text: string) => text.replaceAll("-", "+").replaceAll("_", "/");

/** Fingerprints are bytes: gcloud sends them back in the other alphabet of base64 (RFC 4648 §5). */
export function sameFingerprint(given: unknown, own: string): boolean {
  return typeof given === "string" && plain(given) === plain(own);
}

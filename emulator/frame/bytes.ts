/**
 * Whether two texts in base64 are the same bytes. Both alphabets count: gcloud sends an etag back in the one for URLs
 * that it got in the other.
 */
export function sameBytes(a: string, b: string): boolean {
  return Buffer.from(a, "base64").equals(Buffer.from(b, "base64"));
}

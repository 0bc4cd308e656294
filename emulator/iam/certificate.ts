import { type KeyObject, sign } from "node:crypto";

/** A small self-signed X.509 v1 certificate, DER written by hand: Node reads certificates but does not make them. */

function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const digits = content.length.toString(16);
  const length = Buffer.from(digits.padStart(digits.length + (digits.length % 2), "0"), "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, content]);
}

const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts);
/** sha256WithRSAEncryption, 1.2.840.113549.1.1.11, with its NULL parameter. */
const ALGORITHM = sequence(der(0x06, Buffer.from("2a864886f70d01010b", "hex")), der(0x05));
/** commonName, 2.5.4.3 */
const COMMON_NAME = der(0x06, Buffer.from("550403", "hex"));

/** GeneralizedTime, which unlike UTCTime holds any year. */
function time(instant: number): Buffer {
  const text = `${new Date(instant).toISOString().slice(0, 19).replace(/\D/g, "")}Z`;
  return der(0x18, Buffer.from(text));
}

/** PEM of a certificate for the key, issued by itself under this common name, valid between two instants (ms). */
export function certificate(
  privateKey: KeyObject,
  publicKey: KeyObject,
  commonName: string,
  from: number,
  to: number,
): string {
  const name = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(commonName)))));
  const body = sequence(
    der(0x02, Buffer.from([1])),
    ALGORITHM,
    name,
    sequence(time(from), time(to)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = sign("RSA-SHA256", body, privateKey);
  // A BIT STRING begins with the number of unused bits.
  const text = sequence(body, ALGORITHM, der(0x03, Buffer.from([0]), signature)).toString("base64");
  return `-----BEGIN CERTIFICATE-----\n${text.match(/.{1,64}/g)?.join("\n")}\n-----END CERTIFICATE-----\n`;
}

import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { account, type FakeCloud } from "../cloud.ts";

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/**
 * Google as the signer of instances: the cloud's metadata server gives out real identity tokens from now on.
 * https://docs.cloud.google.com/compute/docs/instances/verifying-instance-identity#payload
 */
export function signIdentities(cloud: FakeCloud): {
  kid: string;
  key: KeyObject;
} {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
  });
  const kid = "2026-11-20";
  cloud.interfere = (_request, response, path) => {
    const url = new URL(path, "http://metadata");
    if (!url.pathname.endsWith("/service-accounts/default/identity")) return false;
    const audience = url.searchParams.get("audience") ?? "";
    cloud.audiences.push(audience);
    const now = Math.floor(Date.now() / 1_000);
    const compute = {
      project_id: "acme",
      project_number: 123456789012,
      zone: "us-central1-a",
      instance_id: cloud.instance.id,
      instance_name: cloud.instance.name,
      instance_creation_timestamp: now - 60,
      license_id: [],
    };
    const claims = {
      iss: "https://accounts.google.com",
      iat: now,
      exp: now + 3_600,
      aud: audience,
      sub: "107517467455664443765",
      azp: "107517467455664443765",
      ...(url.searchParams.get("format") === "full"
        ? {
            email: account,
            email_verified: true,
            google: { compute_engine: compute },
          }
        : {}),
    };
    const signed = `${encoded({ alg: "RS256", kid, typ: "JWT" })}.${encoded(claims)}`;
    const signature = sign("sha256", Buffer.from(signed), privateKey).toString("base64url");
    response.writeHead(200, { "Metadata-Flavor": "Google" }).end(`${signed}.${signature}`);
    return true;
  };
  return { kid, key: publicKey };
}

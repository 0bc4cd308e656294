import type { World } from "../frame/world.ts";
import type { CloudFunction, Policy } from "./model.ts";

/** Roles that hold run.routes.invoke. */
const INVOKERS = new Set([
  "roles/run.invoker",
  "roles/run.servicesInvoker",
  "roles/run.admin",
  "roles/run.developer",
  "roles/run.sourceDeveloper",
]);

/** Whom gcloud's own identity tokens are for; Cloud Run takes them, for trying things out. */
const GCLOUD_CLIENT = "32555940559.apps.googleusercontent.com";

/** The claims of an identity token that is genuine and has not expired. */
export type Verify = (token: string) => Record<string, unknown> | undefined;

export interface Refusal {
  status: 401 | 403;
  headers: Record<string, string>;
  body: string;
}

function page(status: 401 | 403, title: string, text: string): string {
  return `
<html><head>
<meta http-equiv="content-type" content="text/html;charset=utf-8">
<title>${status} ${title}</title>
</head>
<body text=#000000 bgcolor=#ffffff>
<h1>Error: ${title}</h1>
<h2>${text}</h2>
<h2></h2>
</body></html>
`;
}

const escaped = (text: string) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

function forbidden(url: string): Refusal {
  const text = `Your client does not have permission to get URL <code>${escaped(url)}</code> from this server.`;
  return { status: 403, headers: {}, body: page(403, "Forbidden", text) };
}

function unauthorized(why: string): Refusal {
  return {
    status: 401,
    headers: { "www-authenticate": `Bearer error="invalid_token" error_description="${why}"` },
    body: page(401, "Unauthorized", "Your client does not have permission to the requested URL."),
  };
}

export function isPublic({ bindings = [] }: Policy): boolean {
  return bindings.some(({ role, members = [] }) => INVOKERS.has(role) && members.includes("allUsers"));
}

/**
 * Whether a request may come in: anyone where allUsers may invoke, else who has an identity token for this function.
 * Which accounts may invoke is not worked out from roles but from the emulator's deny rules, as everywhere in it.
 * https://cloud.google.com/run/docs/authenticating/service-to-service
 */
export function refusal(
  world: World,
  verify: Verify,
  { url = "", serviceConfig }: CloudFunction,
  policy: Policy,
  path: string,
  headers: Record<string, string | string[] | undefined>,
): Refusal | undefined {
  if (isPublic(policy)) return undefined;
  const given = headers["x-serverless-authorization"] ?? headers.authorization;
  if (typeof given !== "string" || given === "") return forbidden(path);
  const token = /^bearer\s+(\S+)$/i.exec(given)?.[1];
  const claims = token === undefined ? undefined : verify(token);
  if (!claims) return unauthorized("The access token could not be verified");
  const audience = String(claims.aud ?? "").replace(/\/$/, "");
  if (audience !== url && audience !== serviceConfig.uri && audience !== GCLOUD_CLIENT) {
    return unauthorized("The access token could not be verified");
  }
  const principal = String(claims.email ?? claims.sub ?? "");
  return world.doors.allowed(principal, "run.routes.invoke", serviceConfig.service ?? "") ? undefined : forbidden(path);
}

/** A checked token is passed on without its signature, so that the function cannot use it elsewhere. */
export function withoutSignature(authorization: string): string {
  return authorization.replace(/\.[^.]*$/, ".SIGNATURE_REMOVED_BY_GOOGLE");
}

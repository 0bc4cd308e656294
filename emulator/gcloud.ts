import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** gcloud's own OAuth client, which its identity tokens are for. */
const CLIENT = "32555940559.apps.googleusercontent.com";

/**
 * Writes the credentials of the person at the keyboard for gcloud and returns their path. Calls of APIs go without any
 * (`auth/disable_credentials`); `functions call` and `auth print-identity-token` insist on them, and get a token here.
 */
export function gcloudCredentials(folder: string): string {
  const file = join(folder, "gcloud.json");
  const credentials = {
    type: "authorized_user",
    client_id: CLIENT,
    client_secret: "emulated",
    refresh_token: "emulated",
  };
  writeFileSync(file, JSON.stringify(credentials), { mode: 0o600 });
  return file;
}

import type { Entry, Image } from "./image.ts";
import type { Rule } from "./rule.ts";

/** Where people and builds put things. Packages' own folders hold keys of tests, which are nobody's. */
const searched = /^\/(etc|root|home|opt|srv|var\/lib|var\/www|usr\/local|app|data)\//;
/** Rules of their own, or public by nature. */
const exempt =
  /^\/(etc\/ssh\/ssh_host_|usr\/local\/(share\/(doc|man|ca-certificates)|lib\/node_modules|include)\/)|\/(node_modules|site-packages|dist-packages|lib\/python[\d.]+)\/|^\/var\/lib\/(dpkg|apt|rpm|moult)\//;

const privateKey = /^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----$/m;
const assignment =
  /^\s*(?:export\s+)?\w*(?:SECRET|TOKEN|PASSWORD|PASSWD|API_?KEY|PRIVATE_KEY)\w*[ \t]*=[ \t]*["']?(?![$"'\s]|\{\{)\S/im;
const typed = /(?:SECRET|TOKEN|PASSWORD|API_?KEY)\w*=(?!\$)\S|Bearer\s+[\w.-]{16}|(?:--password|--token)[ =](?!\$)\S/i;

interface Sign {
  id: string;
  why: string;
  files: RegExp;
  /** The content that gives it away; without one the name is enough. */
  content?: RegExp;
}

const signs: readonly Sign[] = [
  {
    id: "private-key",
    why: "a private key in an image is everybody's who may use the image",
    files: /(\.(pem|key|p8|asc|txt|conf|json|ya?ml)|\/id_\w+|\/[^./]+)$/,
    content: privateKey,
  },
  {
    id: "service-account-key",
    why: "a service account's key works from anywhere, for ever",
    files: /\.json$/,
    content: /"type"\s*:\s*"service_account"[\s\S]*"private_key"|"private_key"[\s\S]*"type"\s*:\s*"service_account"/,
  },
  {
    id: "secret-in-environment",
    why: "a secret in an image cannot be rotated without a new image",
    files: /(^|\/)[^/]*\.env(\.[\w-]+)?$|\/etc\/(default|sysconfig)\/[^/]+$|\/etc\/environment$/,
    content: assignment,
  },
  {
    id: "secret-in-history",
    why: "what was typed while the image was built holds a secret",
    files: /\/\.\w*_history$/,
    content: typed,
  },
  {
    id: "credentials-file",
    why: "a tool's stored login is everybody's who may use the image",
    files:
      /\/(\.aws\/credentials|\.netrc|\.pgpass|\.git-credentials|\.config\/gcloud\/(credentials\.db|application_default_credentials\.json)|\.npmrc|\.pypirc|\.docker\/config\.json|\.kube\/config)$/,
    content:
      /_authToken|"auth"|password|\bmachine\s|aws_secret|^[^:\s]*:[^:]*:[^:]*:[^:]*:|https?:\/\/[^:\s]+:[^@\s]+@|refresh_token|client-key-data|token:|SQLite/m,
  },
];

/** Secrets that are part of the image. Only names of files are said, never what stands in them. */
export const secrets: readonly Rule[] = signs.map(({ id, why, files, content }) => ({
  id,
  severity: "error",
  why,
  cure: "take it out, change it at its source, and let moult fetch it: secrets: in the manifest",
  find: (image) =>
    candidates(image)
      .filter(({ path }) => files.test(path) && (!content || content.test(image.read(path) ?? "")))
      .map(({ path }) => path),
}));

const found = new WeakMap<Image, Entry[]>();

function candidates(image: Image): Entry[] {
  const known = found.get(image);
  if (known) return known;
  const entries = image
    .entries()
    .filter(({ path, stat }) => stat.isFile() && searched.test(path) && !exempt.test(path));
  found.set(image, entries);
  return entries;
}

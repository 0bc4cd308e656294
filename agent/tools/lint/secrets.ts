import type { Image } from "./image.ts";
import type { Rule } from "./rule.ts";
import { mayHoldSecrets } from "./searched.ts";

const privateKey = /^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----$/m;
const assignment =
  /^\s*(?:export\s+)?\w*(?:SECRET|TOKEN|PASSWORD|PASSWD|API_?KEY|PRIVATE_KEY)\w*[ \t]*=[ \t]*["']?(?![$"'\s]|\{\{)\S/im;
const typed = /(?:SECRET|TOKEN|PASSWORD|API_?KEY)\w*=(?!\$)\S|Bearer\s+[\w.-]{16}|(?:--password|--token)[ =](?!\$)\S/i;

interface Sign {
  id: string;
  why: string;
  files: RegExp;
  /** Bytes without which `content` cannot be there: most files are told by them at once. */
  has?: string;
  /** The content that gives it away. */
  content: RegExp;
}

const signs: readonly Sign[] = [
  {
    id: "private-key",
    why: "a private key in an image is everybody's who may use the image",
    files: /(\.(pem|key|p8|asc|txt|conf|json|ya?ml)|\/id_\w+|\/[^./]+)$/,
    has: "PRIVATE KEY-----",
    content: privateKey,
  },
  {
    id: "service-account-key",
    why: "a service account's key works from anywhere, for ever",
    files: /\.json$/,
    has: '"private_key"',
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
export const secrets: readonly Rule[] = signs.map(({ id, why }) => ({
  id,
  severity: "error",
  why,
  cure: "take it out, change it at its source, and let moult fetch it: secrets: in the manifest",
  find: (image) => searchOnce(image).get(id) ?? [],
}));

const searches = new WeakMap<Image, Map<string, string[]>>();

/** Each file is read once for all signs. @returns paths by sign. */
function searchOnce(image: Image): Map<string, string[]> {
  const known = searches.get(image);
  if (known) return known;
  const found = new Map(signs.map(({ id }): [string, string[]] => [id, []]));
  for (const { path, folder } of image.entries()) {
    if (folder || !mayHoldSecrets(path)) continue;
    const asked = signs.filter(({ files }) => files.test(path));
    const bytes = asked.length > 0 ? image.head(path) : undefined;
    if (!bytes) continue;
    let text: string | undefined;
    for (const { id, has, content } of asked) {
      if (has !== undefined && !bytes.includes(has)) continue;
      text ??= bytes.toString("latin1");
      if (content.test(text)) found.get(id)?.push(path);
    }
  }
  searches.set(image, found);
  return found;
}

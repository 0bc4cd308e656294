/** Tokens and keys by their form, wherever they stand. */
const FORMS = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  // A JSON web token: Google's identity tokens are such. Whoever holds one is taken for the machine that got it.
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g,
  /\bya29\.[\w.-]{10,}/g,
  /\bAIza[\w-]{30,}/g,
];

/** `password=…`, `"api_key": "…"`, `Authorization: Bearer …`, as programs print them. */
const NAMED =
  /((?:pass(?:word|wd|phrase)?|secret|token|api[-_]?key|private[-_]?key|credentials?|authorization)["']?\s*[=:]\s*["']?(?:(?:bearer|basic)\s+)?)([^\s"',;]{3,})/gi;

export const HIDDEN = "[hidden]";

/** What looks like a credential, whoever wrote the text. */
export function withoutTokens(text: string): string {
  return FORMS.reduce((shown, form) => shown.replace(form, HIDDEN), text);
}

/** For what a machine printed of itself, where anything may stand. A guard, not a promise: a bare value has no form. */
export function withoutCredentials(text: string): string {
  return withoutTokens(text).replace(NAMED, (_, name: string) => `${name}${HIDDEN}`);
}

/** JSON that stays text wherever it is put: no `<` that could become markup, and no token. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, (_, member: unknown) =>
    typeof member === "string" ? withoutTokens(member) : member,
  );
  return text.replace(/[<>&\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

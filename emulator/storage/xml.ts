import type { ApiError } from "../frame/errors.ts";
import type { Answer } from "../frame/http.ts";

/** XML as the XML API writes it. https://cloud.google.com/storage/docs/xml-api/reference-status */

const SIGNS: Record<string, string> = { "<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;", "'": "&apos;" };

export function escaped(text: string): string {
  return text.replace(/[<>&"']/g, (sign) => SIGNS[sign] ?? sign);
}

function unescaped(text: string): string {
  const back = Object.fromEntries(Object.entries(SIGNS).map(([sign, word]) => [word, sign]));
  return text.replace(/&(lt|gt|amp|quot|apos);/g, (word) => back[word] ?? word);
}

/** `<name>text</name>`; nothing for what is undefined. */
export function element(name: string, text: string | number | boolean | undefined): string {
  return text === undefined ? "" : `<${name}>${escaped(String(text))}</${name}>`;
}

/** The texts of all elements of this name, anywhere. */
export function textsOf(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>([^<]*)</${name}>`, "g"))].map(([, text = ""]) =>
    unescaped(text.trim()),
  );
}

export function document(content: string, status = 200): Answer {
  return {
    status,
    bytes: Buffer.from(`<?xml version='1.0' encoding='UTF-8'?>${content}`),
    headers: { "content-type": "application/xml; charset=UTF-8" },
  };
}

export function xmlError(status: number, code: string, message: string): Answer {
  return document(`<Error>${element("Code", code)}${element("Message", message)}</Error>`, status);
}

const CODES: Record<number, string> = {
  403: "AccessDenied",
  404: "NoSuchKey",
  409: "BucketNotEmpty",
  412: "PreconditionFailed",
  416: "InvalidRange",
};

/** What the JSON API says, in the XML API's form. */
export function xmlProblem({ code, message, extras }: ApiError): Answer {
  const reason = extras.reason ?? "";
  // Reasons of encryption are the same words, capitalized.
  const own = /Encrypt/.test(reason) ? `${reason.charAt(0).toUpperCase()}${reason.slice(1)}` : undefined;
  const missing = message.startsWith("The specified bucket") ? "NoSuchBucket" : undefined;
  return xmlError(code, own ?? missing ?? CODES[code] ?? "InvalidArgument", message);
}

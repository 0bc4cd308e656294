import type { Answer } from "../frame/http.ts";

const HEADERS = {
  "Metadata-Flavor": "Google",
  Server: "Metadata Server for VM",
  "X-XSS-Protection": "0",
  "X-Frame-Options": "SAMEORIGIN",
};

const TITLES: Record<number, string> = {
  301: "Moved Permanently",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
};

export function ok(body: string, type: "text" | "json" | "html", etag?: string): Answer {
  const contentType = { text: "application/text", json: "application/json", html: "text/html" }[type];
  return {
    status: 200,
    headers: { ...HEADERS, "content-type": contentType, ...(etag && { ETag: etag }) },
    text: body,
  };
}

/** An error page; clients show the sentence, so it says what the real server says. */
export function refusal(status: number, sentence: string): Answer {
  const title = `Error ${status} (${TITLES[status] ?? "Error"})`;
  return {
    status,
    headers: { ...HEADERS, "content-type": "text/html; charset=UTF-8" },
    text: `<!DOCTYPE html>\n<html lang=en>\n<meta charset=utf-8>\n<title>${title}</title>\n<p><b>${status}.</b> ${sentence}\n`,
  };
}

export function notFound(path: string): Answer {
  return refusal(404, `The requested URL <code>${escaped(path)}</code> was not found on this server.`);
}

export function forbidden(path: string, why: string): Answer {
  return refusal(
    403,
    `Your client does not have permission to get URL <code>${escaped(path)}</code> from this server. ${why}`,
  );
}

export function moved(location: string): Answer {
  const answer = refusal(301, `The document has moved <a href="${escaped(location)}">here</a>.`);
  return { ...answer, headers: { ...answer.headers, Location: location } };
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

/** A parameter that is true or not. gcloud, being Python, writes `True`. */
export function flag(query: URLSearchParams, name: string): boolean {
  return query.get(name)?.toLowerCase() === "true";
}

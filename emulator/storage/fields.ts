import { isObject } from "./model.ts";
import { invalid } from "./problems.ts";

/** A `fields` selector as a tree; an empty branch means everything below. */
interface Branch {
  [field: string]: Branch;
}

/** Partial answers: `kind,items(name,metadata/owner),prefixes`. https://cloud.google.com/storage/docs/json_api#partial-response */
export function selected(value: unknown, selector: string): unknown {
  return pick(value, parse(selector));
}

function parse(text: string): Branch {
  let at = 0;
  const fail = () => invalid(`Invalid field selection ${text}`);
  const list = (): Branch => {
    const branch: Branch = {};
    for (;;) {
      const word = /^[\w*$@.-]+/.exec(text.slice(at))?.[0];
      if (!word) throw fail();
      at += word.length;
      let below: Branch = {};
      if (text[at] === "/") {
        at++;
        below = single();
      } else if (text[at] === "(") {
        at++;
        below = list();
        if (text[at++] !== ")") throw fail();
      }
      branch[word] = joined(branch[word], below);
      if (text[at] !== ",") return branch;
      at++;
    }
  };
  const single = (): Branch => {
    const word = /^[\w*$@.-]+/.exec(text.slice(at))?.[0];
    if (!word) throw fail();
    at += word.length;
    if (text[at] === "/") {
      at++;
      return { [word]: single() };
    }
    if (text[at] === "(") {
      at++;
      const below = list();
      if (text[at++] !== ")") throw fail();
      return { [word]: below };
    }
    return { [word]: {} };
  };
  const tree = list();
  if (at !== text.length) throw fail();
  return tree;
}

/** Both selections, however deep they agree: `a/b/c,a/b/d`. What selects all of a field takes in what selects a part. */
function joined(one: Branch | undefined, other: Branch): Branch {
  if (!one) return other;
  if (Object.keys(one).length === 0 || Object.keys(other).length === 0) return {};
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return Object.fromEntries(names.map((name) => [name, joined(one[name], other[name] ?? one[name] ?? {})]));
}

function pick(value: unknown, branch: Branch): unknown {
  if (Object.keys(branch).length === 0) return value;
  if (Array.isArray(value)) return value.map((one) => pick(one, branch));
  if (!isObject(value)) return value;
  const entries = Object.entries(value).flatMap(([key, below]) => {
    const next = branch[key] ?? branch["*"];
    return next ? [[key, pick(below, next)]] : [];
  });
  return Object.fromEntries(entries);
}

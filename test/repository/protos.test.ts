import { describe, expect, it } from "vitest";
import { type ProtoNode, reachableFrom } from "../../scripts/protos.mjs";

const message = (fields: Record<string, string>, nested: Record<string, ProtoNode> = {}): ProtoNode => ({
  fields: Object.fromEntries(Object.entries(fields).map(([name, type], i) => [name, { type, id: i + 1 }])),
  nested,
});
const service = (requestType: string, responseType: string): ProtoNode => ({
  methods: { Call: { requestType, responseType } },
});
const tree = (v1: Record<string, ProtoNode>, others: Record<string, ProtoNode> = {}): ProtoNode => ({
  nested: { shop: { nested: { v1: { nested: v1 }, ...others } } },
});
const text = message({ value: "string" });

/** Full names of all that is in a tree. */
const names = (node: ProtoNode, path = ""): string[] =>
  Object.entries(node.nested ?? {}).flatMap(([name, inner]) => [`${path}${name}`, ...names(inner, `${path}${name}.`)]);

/** What is kept of `v1` beside the service, whose request is Ask and whose answer is Told. */
function keptOf(v1: Record<string, ProtoNode>, others?: Record<string, ProtoNode>): string[] {
  const cut = reachableFrom(tree({ ...v1, Shop: service("Ask", "Told") }, others), "shop.v1.Shop");
  return names(cut).filter((name) => !["shop", "shop.v1", "shop.v1.Shop"].includes(name));
}

describe("of a proto tree only what a service reaches stays", () => {
  it.each<[string, Record<string, ProtoNode>, Record<string, ProtoNode>, string[]]>([
    ["what no method names is left out", { Ask: text, Told: text, Other: text }, {}, ["shop.v1.Ask", "shop.v1.Told"]],
    [
      "fields of fields are reached",
      { Ask: message({ a: "A" }), A: message({ b: "B" }), B: text, C: text, Told: text },
      {},
      ["shop.v1.Ask", "shop.v1.A", "shop.v1.B", "shop.v1.Told"],
    ],
    [
      "messages that name one another end",
      { Ask: message({ ask: "Ask", told: "Told" }), Told: message({ ask: "Ask" }) },
      {},
      ["shop.v1.Ask", "shop.v1.Told"],
    ],
    [
      "an enum is reached",
      { Ask: message({ colour: "Colour" }), Colour: { values: { RED: 0 } }, Told: text },
      {},
      ["shop.v1.Ask", "shop.v1.Colour", "shop.v1.Told"],
    ],
    [
      "a type inside a message is found there first, and stays with it",
      { Ask: message({ part: "Part" }, { Part: message({ far: "Far" }) }), Part: text, Far: text, Told: text },
      {},
      ["shop.v1.Ask", "shop.v1.Ask.Part", "shop.v1.Far", "shop.v1.Told"],
    ],
    [
      "a type inside another message keeps that one whole",
      { Ask: message({ part: "Box.Part" }), Box: message({ x: "X" }, { Part: text }), X: text, Told: text },
      {},
      ["shop.v1.Ask", "shop.v1.Box", "shop.v1.Box.Part", "shop.v1.X", "shop.v1.Told"],
    ],
    [
      "another package is reached from the root and by a part of its name, and empty ones go",
      { Ask: message({ a: "common.A", b: ".shop.common.B" }), Told: text },
      { common: { nested: { A: text, B: text, C: text } }, v2: { nested: { Ask: text } } },
      ["shop.v1.Ask", "shop.v1.Told", "shop.common", "shop.common.A", "shop.common.B"],
    ],
  ])("%s", (_sentence, v1, others, wanted) => {
    expect(keptOf(v1, others)).toEqual(wanted);
  });

  it.each<[string, Record<string, ProtoNode>, RegExp]>([
    ["a type that is nowhere", { Ask: message({ a: "Gone" }), Told: text }, /no type Gone, which shop\.v1\.Ask names/],
    ["a part that a message has not", { Ask: message({ a: "Told.Gone" }), Told: text }, /no type Told\.Gone/],
    ["a request that is nowhere", { Told: text }, /no type Ask, which shop\.v1\.Shop names/],
  ])("refuses %s", (_what, v1, sentence) => {
    expect(() => keptOf(v1)).toThrow(sentence);
  });

  it("refuses a service that is not there", () => {
    expect(() => reachableFrom(tree({ Ask: text }), "shop.v1.Shop")).toThrow("no service shop.v1.Shop");
    expect(() => reachableFrom(tree({ Ask: text }), "shop.v1.Ask")).toThrow("no service shop.v1.Ask");
  });
});

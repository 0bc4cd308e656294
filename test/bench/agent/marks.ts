import type { Section, SectionName } from "./sections.ts";

type Figures = Partial<Record<SectionName, Section["figures"]>>;
interface Mark {
  what: string;
  /** At most this; and what would be better still. */
  most: number;
  beyond: number | undefined;
  unit: string;
  of: (figures: Figures) => number | undefined;
}

const worst = (...values: (number | undefined)[]): number | undefined => {
  const known = values.filter((value) => value !== undefined);
  return known.length === values.length ? Math.max(...known) : undefined;
};

/** DESIGN §13, as far as it is about the agent. */
const marks: readonly Mark[] = [
  { what: "standard job ÷ bare node", most: 3, beyond: 2.6, unit: "×", of: ({ standard }) => standard?.bare },
  { what: "÷ Ignition by https", most: 1, beyond: 0.8, unit: "×", of: ({ standard }) => standard?.ignition },
  {
    what: "÷ Ignition, 20 ms a request",
    most: 0.55,
    beyond: 0.45,
    unit: "×",
    of: ({ latency }) => latency?.["late ignition"],
  },
  { what: "÷ Google's Node SDK", most: 0.25, beyond: undefined, unit: "×", of: ({ standard }) => standard?.sdk },
  {
    what: "÷ curl and jq, one by one",
    most: 0.35,
    beyond: undefined,
    unit: "×",
    of: ({ standard }) => standard?.["script-one-by-one"],
  },
  {
    what: "÷ cloud-init's four stages",
    most: 0.08,
    beyond: undefined,
    unit: "×",
    of: ({ standard }) => standard?.["cloud-init"],
  },
  {
    what: "20 ms added to every request adds, until hand-over (worst of 1, 8, 100 secrets)",
    most: 50,
    beyond: 45,
    unit: " ms",
    of: ({ latency: late }) =>
      worst(
        late?.["added 1 secrets handed over"],
        late?.["added 8 secrets handed over"],
        late?.["added 100 secrets handed over"],
      ),
  },
  {
    what: "the same, until the agent ends (with the report)",
    most: 50,
    beyond: 45,
    unit: " ms",
    of: ({ latency: late }) => worst(late?.["added 1 secrets"], late?.["added 8 secrets"], late?.["added 100 secrets"]),
  },
  {
    what: "sealed, nothing secret, ÷ bare node",
    most: 1.3,
    beyond: 1.15,
    unit: "×",
    of: ({ sealed }) => sealed?.["agent-sealed-0"],
  },
  {
    what: "bundle, minified: what every boot reads",
    most: 48,
    beyond: 32,
    unit: " KiB",
    of: ({ sizes }) => sizes?.bundle,
  },
  {
    what: "the same with what a first boot reads besides",
    most: 48,
    beyond: 32,
    unit: " KiB",
    of: ({ sizes }) => sizes?.whole,
  },
  {
    what: "peak memory ÷ bare node",
    most: 1.5,
    beyond: undefined,
    unit: "×",
    of: ({ standard }) => {
      const [agent, bare] = [standard?.["peak agent"], standard?.["peak bare"]];
      return agent === undefined || bare === undefined ? undefined : agent / bare;
    },
  },
  { what: "resident after hand-over", most: 0, beyond: 0, unit: "", of: ({ resident }) => resident?.left },
  {
    what: "read from a cold page cache beyond bare node",
    most: 12,
    beyond: 8,
    unit: " MiB",
    of: ({ cold }) => {
      const [agent, bare] = [cold?.agent, cold?.bare];
      return agent === undefined || bare === undefined ? undefined : agent - bare;
    },
  },
];

/** Each mark with what was found: met, not met, or not measured here. */
export function judge(figures: Figures): string[][] {
  return marks.map(({ what, most, beyond, unit, of }) => {
    const figure = of(figures);
    const show = (value: number) => `${Number.isInteger(value) ? value : value.toFixed(2)}${unit}`;
    const known = figure !== undefined && !Number.isNaN(figure);
    const verdict = !known
      ? "not measured here"
      : figure <= (beyond ?? Number.NEGATIVE_INFINITY)
        ? "met, beyond"
        : figure <= most
          ? "met"
          : "**not met**";
    return [what, show(most), beyond === undefined ? "" : show(beyond), known ? show(figure) : "–", verdict];
  });
}

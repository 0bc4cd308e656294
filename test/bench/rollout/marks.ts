import type { Section } from "../agent/sections.ts";
import type { SectionName } from "./sections.ts";

type Figures = Partial<Record<SectionName, Section["figures"]>>;
interface Mark {
  what: string;
  most: number;
  beyond?: number;
  unit: string;
  of: (figures: Figures) => number | undefined;
}

/** DESIGN §13, as far as it is about rollouts. */
const marks: readonly Mark[] = [
  ...[6, 20, 60].map((size) => ({
    what: `rollout of ${size} virtual machines ÷ the least time`,
    most: 1.1,
    beyond: 1.05,
    unit: "×",
    of: ({ makespan }: Figures) => makespan?.[`ratio ${size}`],
  })),
  ...[6, 20].map((size) => ({
    what: `rollout of ${size} real processes ÷ the least time`,
    most: 1.1,
    beyond: 1.05,
    unit: "×",
    of: ({ processes }: Figures) => processes?.[`ratio ${size}`],
  })),
  {
    what: "rollout of 2,000 virtual machines ÷ the least time",
    most: 1.1,
    beyond: 1.05,
    unit: "×",
    of: ({ large }) => large?.ratio,
  },
  {
    what: "image READY to the first change of the group",
    most: 2,
    beyond: 1,
    unit: " s",
    of: ({ makespan }) => inSeconds(makespan?.first),
  },
  {
    what: "Compute reads of a look beyond its pages of 500",
    most: 3,
    unit: "",
    of: ({ large }) => large?.["calls beyond"],
  },
  { what: "Compute reads when a group at rest is resized", most: 1, unit: "", of: ({ rest }) => rest?.compute },
  { what: "looks while 10,000 reports arrive in a minute", most: 21, unit: "", of: ({ storm }) => storm?.looks },
  { what: "decide() for 2,000 machines", most: 1, unit: " ms", of: ({ decide }) => decide?.ms },
  {
    what: "function, start to first 2xx ÷ the framework's hello world",
    most: 1.5,
    beyond: 1.2,
    unit: "×",
    of: ({ start }) => start?.ratio,
  },
  { what: "function bundle, read at every start", most: 1.5, unit: " MB", of: ({ start }) => start?.startMB },
  { what: "function bundle, everything", most: 1.5, unit: " MB", of: ({ start }) => start?.allMB },
];

const inSeconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1_000);

/** Each mark with what was found: met, not met, or not measured here. */
export function judge(figures: Figures): string[][] {
  return marks.map(({ what, most, beyond, unit, of }) => {
    const figure = of(figures);
    const show = (value: number) => `${Number.isInteger(value) ? value : value.toFixed(2)}${unit}`;
    const known = figure !== undefined && !Number.isNaN(figure);
    const met =
      known && figure <= most ? (beyond !== undefined && figure <= beyond ? "met, beyond" : "met") : "**not met**";
    return [
      what,
      show(most),
      beyond === undefined ? "" : show(beyond),
      known ? show(figure) : "–",
      known ? met : "not measured here",
    ];
  });
}

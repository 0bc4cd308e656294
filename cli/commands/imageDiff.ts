import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, projectOf } from "../cloud.ts";
import { openBucket } from "../config/bucket.ts";
import { EXIT } from "../failure.ts";
import { diffPackages, isEmpty } from "../packages/diff.ts";
import { distributionText } from "../packages/list.ts";
import { neededContents } from "../packages/stored.ts";
import { diffText } from "../packages/text.ts";

export const command: Command = {
  name: "image diff",
  summary: "packages added, removed, upgraded, downgraded between images",
  words: [{ name: "A" }, { name: "B" }],
  flags: {
    bucket: { value: "B", help: "where lists are stored (default P-moult-images)" },
    project: CLOUD_FLAGS.project,
    ...JSON_FLAG,
  },
  details: `Versions are ordered as the distribution itself orders them (dpkg, rpm or apk), and read from the lists that were stored when
the images were made. Exits with 0 whether there are differences or not.`,
  examples: ["moult image diff web-20261119-120000-abc1234 web-20261120-120000-def5678"],
  run: async (given, { out, env }) => {
    const names = [given.word(0), given.word(1)] as const;
    const bucket = openBucket(given.text("bucket") ?? `${projectOf(given, env)}-moult-images`, env);
    const [a, b] = await Promise.all([neededContents(bucket, names[0]), neededContents(bucket, names[1])]);
    const diff = diffPackages(a.list, b.list);
    if (given.has("json")) {
      const side = (image: string, { list, time }: typeof a) => ({
        image,
        distribution: list.distribution,
        type: list.type,
        collected: time,
        packages: list.packages.length,
      });
      out.write(`${JSON.stringify({ a: side(names[0], a), b: side(names[1], b), ...diff })}\n`);
      return EXIT.ok;
    }
    const [before, after] = [distributionText(a.list.distribution), distributionText(b.list.distribution)];
    out.write(`${out.paint("bold", names[0])} → ${out.paint("bold", names[1])}\n`);
    if (a.list.distribution.id !== b.list.distribution.id)
      out.write(
        `two distributions, ${before} and ${after}: ${a.list.type === b.list.type ? "the names are compared all the same, but the same version need not be the same build" : "their versions have no common order"}\n`,
      );
    else if (before !== after) out.write(`distribution ${before} → ${after}\n`);
    out.write(isEmpty(diff) ? `the same ${a.list.packages.length} packages\n` : diffText(diff, out.paint));
    return EXIT.ok;
  },
};

import { localObjects } from "../../../cli/config/local.ts";
import { isFailure } from "../../../functions/google/failure.ts";

const [, , folder = "", times = "0"] = process.argv;
const objects = localObjects(folder);
for (let left = Number(times); left > 0; ) {
  const found = await objects.read("refs/count.json");
  try {
    const next = String(Number(found?.bytes.toString() ?? "0") + 1);
    await objects.write("refs/count.json", Buffer.from(next), found?.generation ?? "0");
    left--;
  } catch (problem) {
    if (!isFailure(problem, "conflict")) throw problem;
  }
}

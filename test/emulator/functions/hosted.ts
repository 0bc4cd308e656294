import { startEmulator } from "../../../emulator/index.ts";
import { sourceOf } from "./zip.ts";

/** Runs an emulator with one function, of the source in SOURCE, and writes the function's process id as a line. */
const { url } = await startEmulator({ instances: "virtual", project: "acme" });
const functions = `${url}/v2/projects/acme/locations/us-central1/functions`;
const post = async (path: string, body: object) => {
  const answer = await fetch(path, { method: "POST", body: JSON.stringify(body) });
  return (await answer.json()) as { uploadUrl: string; storageSource: object; name: string };
};
const { uploadUrl, storageSource } = await post(`${functions}:generateUploadUrl`, {});
const zip = sourceOf({ "index.js": process.env.SOURCE ?? "" });
await fetch(uploadUrl, { method: "PUT", body: new Uint8Array(zip), headers: { "content-type": "application/zip" } });
const buildConfig = { runtime: "nodejs22", entryPoint: "main", source: { storageSource } };
const { name } = await post(`${functions}?functionId=hosted`, { buildConfig });
for (let done = false; !done; ) {
  ({ done } = (await (await fetch(`${url}/v2/${name}`)).json()) as { done: boolean });
}
const { processes } = (await (await fetch(`${url}/emulator/functions`)).json()) as {
  processes: Record<string, number[]>;
};
console.log(Object.values(processes).flat()[0]);

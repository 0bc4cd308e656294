// Loaded before the agent (--require) by `npm run bench:agent -- --marks`. Says on fd 3 when Node was ready, when the agent
// printed what, and how long each module of Node took to load. Times in ms since Node's own start.
const { performance } = require("node:perf_hooks");
const fs = require("node:fs");
const Module = require("node:module");

const marks = [];
const loads = [];
const { _load: load } = Module;
Module._load = function (request, ...rest) {
  const started = performance.now();
  try {
    return load.call(this, request, ...rest);
  } finally {
    const ended = performance.now();
    if (request.endsWith(".cjs")) marks.push(["the bundle is evaluated", ended]);
    else loads.push([request.replace(/^node:/, ""), ended - started]);
  }
};

const { writeSync } = fs;
fs.writeSync = (fd, data, ...rest) => {
  if (fd === 1 || fd === 2) marks.push([String(data), performance.now()]);
  return writeSync(fd, data, ...rest);
};
process.on("exit", () => {
  marks.push(["Node is ready", performance.nodeTiming.bootstrapComplete], ["exit", performance.now()]);
  writeSync(3, JSON.stringify({ marks, loads }));
});
marks.push(["the bundle is read", performance.now()]);

import { configChanged } from "./controller/inputevents.ts";
import { onMessage } from "./entry.ts";

onMessage("onConfig", configChanged);

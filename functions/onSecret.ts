import { secretChanged } from "./controller/inputevents.ts";
import { onMessage } from "./entry.ts";

onMessage("onSecret", secretChanged);

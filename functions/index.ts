/** All functions in one module: each is deployed from it with its own `--entry-point`. */
import "./onCommand.ts";
import "./onConfig.ts";
import "./onGroup.ts";
import "./onImage.ts";
import "./onReport.ts";
import "./onSecret.ts";
import "./onTick.ts";
import "./status.ts";

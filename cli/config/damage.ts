import { CliError, EXIT } from "../failure.ts";

/** What was read is not what was written: a digest, a check or the form does not hold. Nothing of it is used. */
export class Damaged extends CliError {
  readonly object: string;

  /** `object`: its whole name, `gs://bucket/name` or a path. */
  constructor(object: string, why: string) {
    super(
      EXIT.refused,
      `${object} is damaged: ${why}`,
      object.startsWith("gs://")
        ? "Restore it from the bucket's older versions, or write it again with moult config push --repair from a folder that has it."
        : "Remove this file: the next command reads it from the bucket, a commit writes a blob again that the folder still has, and moult config fetch brings a ref.",
    );
    this.object = object;
  }
}

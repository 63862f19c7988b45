// Reads frames as a peer of another minor version does: by its schema, kept as it was then.
import { createFileRegistry, type DescMessage, fromBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { readFileSync } from "node:fs";

/** Minor versions whose schema is kept. */
export type FrozenMinor = "0.0" | "0.1";

/** What a peer of that version reads. */
export interface Reading {
  /** Each operation by its kind, as JSON; a kind that the peer never heard of is `unknown`. */
  readonly operations: readonly (readonly [kind: string, content: Content])[];
  /** Fields that the peer passes over, such as `Welcome.16`. */
  readonly passedOver: readonly string[];
}

type Content = Readonly<Record<string, unknown>>;

/** The schema of a peer: what it kept of it at its release. */
export class FrozenReader {
  readonly #frame: DescMessage;

  constructor(minor: FrozenMinor) {
    const kept = readFileSync(new URL(`corpus/schema-${minor}.binpb`, import.meta.url));
    const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, kept));
    const frame = registry.getMessage("myelin.v1.Frame");
    if (frame === undefined) throw new Error(`the schema of ${minor} has no frame`);
    this.#frame = frame;
  }

  read(frames: readonly Uint8Array[]): Reading {
    const messages = frames.map((bytes) => fromBinary(this.#frame, bytes));
    const passedOver = new Set<string>();
    for (const message of messages) notePassedOver(message, passedOver);
    const operations = messages.flatMap((message) => {
      const { operations: list = [] } = toJson(this.#frame, message) as { operations?: object[] };
      return list.map(
        (operation): [string, Content] => Object.entries(operation)[0] ?? ["unknown", {}],
      );
    });
    return { operations, passedOver: [...passedOver].toSorted() };
  }
}

function notePassedOver(value: unknown, passedOver: Set<string>): void {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  const { $typeName, $unknown } = value as { $typeName?: string; $unknown?: { no: number }[] };
  const name = $typeName?.split(".").at(-1) ?? "";
  for (const { no } of $unknown ?? []) passedOver.add(`${name}.${no}`);
  for (const [key, inner] of Object.entries(value)) {
    if (key !== "$unknown") notePassedOver(inner, passedOver);
  }
}

/** The schema that a peer has: the imagined later one has at least that of today's. */
export function schemaOf(minor: string): FrozenMinor {
  return minor === "0.0" ? "0.0" : "0.1";
}

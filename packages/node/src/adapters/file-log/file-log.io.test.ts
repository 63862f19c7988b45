import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { dropOtherFolders, FileLog, logFolder } from "./index.ts";

/** A log's folder, with the means to look into it. */
class Place {
  readonly directory: string;
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
    this.directory = join(root, "log");
  }

  static async make(): Promise<Place> {
    return new Place(await mkdtemp(join(tmpdir(), "myelin-log-")));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#root, { recursive: true });
  }

  get files(): string[] {
    return readdirSync(this.directory)
      .toSorted()
      .map((name) => join(this.directory, name));
  }

  /** A run that appends entries, and ends in good order. */
  async run(...entries: readonly string[]): Promise<void> {
    const log = new FileLog({ directory: this.directory, segmentBytes: 64 });
    await log.read();
    await Promise.all(entries.map((entry) => log.append(Buffer.from(entry))));
    await log.close();
  }

  /** What another run finds. */
  async read(): Promise<{ entries: string[]; damage: string | undefined }> {
    const log = new FileLog({ directory: this.directory });
    const { entries, damage } = await log.read();
    await log.close();
    return { entries: entries.map((entry) => Buffer.from(entry).toString()), damage };
  }
}

const texts = ["first", "", "the third entry, which is longer than the others are", "fourth"];

describe("a log in files", () => {
  test("gives the entries of all runs in their order, from files that only their owner reads", async () => {
    await using place = await Place.make();
    await place.run(...texts);
    await place.run("fifth");
    assert.deepEqual(await place.read(), { entries: [...texts, "fifth"], damage: undefined });
    assert.equal(statSync(place.directory).mode & 0o777, 0o700);
    for (const file of place.files) assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  test("lets segments go that are not needed any more", async () => {
    await using place = await Place.make();
    const log = new FileLog({ directory: place.directory, segmentBytes: 32 });
    await log.read();
    const segments = [];
    for (const text of texts) segments.push(await log.append(Buffer.from(text)));
    assert.ok((segments[3] ?? 0) > (segments[0] ?? 0));
    await log.trim(segments[3] ?? 0);
    await log.close();
    assert.deepEqual((await place.read()).entries.at(-1), "fourth");
    assert.equal(place.files.length, 1);
  });

  test("loses no more than the last entry to an end that is torn, wherever that is", async () => {
    await using place = await Place.make();
    await place.run("first", "second");
    const [file = ""] = place.files;
    const whole = readFileSync(file);
    for (let size = whole.length - 1; size >= 0; size -= 1) {
      writeFileSync(file, whole.subarray(0, size));
      const { entries, damage } = await place.read();
      const expected = size < 24 ? [] : size < 40 ? ["first"] : ["first", "second"];
      assert.deepEqual(entries, expected, `${size} bytes`);
      const isWhole = size === 8 || size === 24;
      assert.equal(damage === undefined, isWhole, `${size} bytes`);
      const again = await place.read();
      assert.deepEqual(again, { entries: expected, damage: undefined }, "it was cut off");
      writeFileSync(file, whole);
    }
  });

  test("tells nothing of what was damaged, nor of what came behind it, and says so once", async () => {
    await using place = await Place.make();
    await place.run(...texts);
    await place.run("fifth");
    const files = place.files.map((file) => [file, readFileSync(file)] as const);
    for (const [file, sound] of files) {
      for (let at = 0; at < sound.length; at += 1) {
        for (const [each, bytes] of files) writeFileSync(each, bytes);
        const damaged = Buffer.from(sound);
        damaged[at] = (damaged[at] ?? 0) ^ 0x41;
        writeFileSync(file, damaged);
        const { entries, damage } = await place.read();
        const isPadding = damage === undefined;
        const all = [...texts, "fifth"];
        assert.deepEqual(entries, all.slice(0, entries.length), `${file} at ${at}`);
        if (isPadding) assert.equal(entries.length, all.length, `${file} at ${at}`);
        else if (entries.length === 0) assert.deepEqual(place.files, []);
      }
    }
  });

  test("misses a segment that is gone", async () => {
    await using place = await Place.make();
    await place.run(...texts);
    await place.run("fifth");
    await place.run("sixth");
    await rm(place.files[1] ?? "");
    const { entries, damage } = await place.read();
    assert.deepEqual(entries, []);
    assert.match(damage ?? "", /is missing/);
  });

  test("writes over what a failed write left", async () => {
    await using place = await Place.make();
    await place.run("first");
    const [file = ""] = place.files;
    appendFileSync(file, "half of an entry");
    assert.deepEqual((await place.read()).entries, ["first"]);
    truncateSync(file, statSync(file).size);
    await place.run("second");
    assert.deepEqual(await place.read(), { entries: ["first", "second"], damage: undefined });
  });

  test("of another number of lanes goes, since agents were in other lanes then", async () => {
    await using place = await Place.make();
    for (const [lane, lanes] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      const log = new FileLog({ directory: logFolder(place.directory, "windows", lane, lanes) });
      await log.read();
      await log.close();
    }
    await dropOtherFolders(place.directory, "windows", 2);
    assert.ok(!existsSync(logFolder(place.directory, "windows", 0, 1)));
    assert.ok(existsSync(logFolder(place.directory, "windows", 1, 2)));
    await dropOtherFolders(join(place.directory, "nothing"), "windows", 1);
  });
});

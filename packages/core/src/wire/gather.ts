/** Copies pieces of `bytes`, given as pairs of start and end, one after the other. */
export function gather(bytes: Uint8Array, pieces: readonly number[]): Uint8Array {
  let sizeBytes = 0;
  for (let index = 0; index < pieces.length; index += 2) {
    sizeBytes += (pieces[index + 1] ?? 0) - (pieces[index] ?? 0);
  }
  const gathered = new Uint8Array(sizeBytes);
  let to = 0;
  for (let index = 0; index < pieces.length; index += 2) {
    const end = pieces[index + 1] ?? 0;
    for (let from = pieces[index] ?? 0; from < end; from++) gathered[to++] = bytes[from] ?? 0;
  }
  return gathered;
}

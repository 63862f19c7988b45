/** What stands where a secret was. */
export const hidden = "(hidden)";

/** Names of fields whose texts are nobody's business. */
const secretName =
  /(?:^|[^a-z])(?:token|secret|passw(?:or)?d|passphrase|api[_-]?key|private[_-]?key|authorization|cookie|credentials?)$/i;
const forms: readonly (readonly [form: RegExp, instead: string])[] = [
  [/\bmyl_[0-9a-z]{8}_[A-Za-z0-9_-]+/g, hidden],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi, `$1 ${hidden}`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, hidden],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']*@/gi, `$1${hidden}@`],
];
/** A shorter secret would be found in words that are none. */
const leastLength = 4;

/** Takes secrets out of what people are to see: those it is told, and what looks like one. */
export class Redactor {
  readonly #secrets: readonly string[];

  /** `secrets` are those in use; those that are none are passed over. */
  constructor(secrets: Iterable<string | undefined>) {
    const known = new Set<string>();
    for (const secret of secrets) {
      if (secret === undefined || secret.length < leastLength) continue;
      for (const form of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])
        known.add(form);
    }
    this.#secrets = [...known].toSorted((a, b) => b.length - a.length);
  }

  /** A text without secrets. */
  text(text: string): string {
    let clean = text;
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, hidden);
    for (const [form, instead] of forms) clean = clean.replace(form, instead);
    return clean;
  }

  /** A JSON document without secrets: nor what stands in a field with the name of one. */
  document(document: unknown): unknown {
    if (typeof document === "string") return this.text(document);
    if (Array.isArray(document)) return document.map((each) => this.document(each));
    if (typeof document !== "object" || document === null) return document;
    return Object.fromEntries(
      Object.entries(document).map(([name, value]) => [
        this.text(name),
        isSecretName(name) && typeof value === "string" ? hidden : this.document(value),
      ]),
    );
  }
}

/** `apiKey` and `api_key` alike. */
function isSecretName(name: string): boolean {
  return secretName.test(name.replaceAll(/([a-z])([A-Z])/g, "$1_$2"));
}

/** What was found of one thing. */
export interface Finding {
  /** What was looked at, such as `disk space`. */
  readonly check: string;
  /** `fail`: a node does not work like this. `warn`: it works, not as well as it could. */
  readonly status: "ok" | "warn" | "fail";
  readonly message: string;
  /** What to do; absent where all is well. */
  readonly mend?: string;
}

export function ok(check: string, message: string): Finding {
  return { check, status: "ok", message };
}

export function warn(check: string, message: string, mend: string): Finding {
  return { check, status: "warn", message, mend };
}

export function fail(check: string, message: string, mend: string): Finding {
  return { check, status: "fail", message, mend };
}

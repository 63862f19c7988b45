/** Faults planted into node and SDK by replacing what their classes do: the code itself knows nothing of them. */

/** Replaces a method until the end of the block. */
export function plant<Class extends object, Name extends keyof Class>(
  prototype: Class,
  name: Name,
  fault: (original: Class[Name]) => Class[Name],
): Disposable {
  const original = prototype[name];
  prototype[name] = fault(original);
  return {
    [Symbol.dispose]: () => {
      prototype[name] = original;
    },
  };
}

/** Replaces a getter until the end of the block. */
export function plantGetter<Class extends object, Name extends keyof Class & string>(
  prototype: Class,
  name: Name,
  fault: () => Class[Name],
): Disposable {
  const original = Object.getOwnPropertyDescriptor(prototype, name);
  if (original?.get === undefined) throw new TypeError(`${name} is no getter`);
  Object.defineProperty(prototype, name, { ...original, get: fault });
  return {
    [Symbol.dispose]: () => {
      Object.defineProperty(prototype, name, original);
    },
  };
}

/** A fault, and a seed that shows it. */
export interface PlantedFault {
  /** One of the thousand that are searched; where a change of the world has it show nothing any more, another is found. */
  readonly seed: number;
  readonly plant: () => Disposable;
}

/** Version of the command; the packages are released together. */
export const version = "0.1.0";
